"""The consistency term of CT, with its settings."""

import math

from mmpretrain.registry import MODELS
from torch import Tensor, nn

from .consistency import DISTANCES, GATES, consistency

RAMPS = (None, 'linear', 'cosine')


@MODELS.register_module()
class CTConsistencyLoss(nn.Module):
    """The consistency term of CT: settings for :func:`consistency`.

    "A consistency loss" between the BN student and its frozen BN-free teacher
    is what https://arxiv.org/abs/2207.01548 names; distance, stage, weight
    and ramp are ours. It holds no parameter and no buffer.

    Args:
        distance (str): 'kl', 'js', 'mse' or 'cosine'. Defaults to 'kl'.
        stage (str | int): What is compared: 'logits', 'pre_logits' (the
            features before the last layer), or the number of a backbone stage
            as in the backbone's ``out_indices``; -1 is the last one that the
            backbone returns. Defaults to 'logits'.
        loss_weight (float): Lambda >= 0. Defaults to 1.0.
        temperature (float): T > 0 for 'kl' and 'js'. Defaults to 1.0.
        ramp (str, optional): None (full weight at once), 'linear' or 'cosine':
            the weight rises from 0 over the first ``ramp_length`` of training.
            Defaults to None.
        ramp_length (float): Fraction of training, in (0, 1]. Defaults to 1.0.
        normalize (bool): Whether vectors are scaled to unit length first.
            Defaults to False.
        gate (str, optional): Whether to trust the teacher only where it is
            'correct', or as far as it is 'confident', see :func:`trust_in`.
            Defaults to None, everywhere.

    Raises:
        ValueError: If a setting is out of its range.
    """

    def __init__(
        self,
        distance: str = 'kl',
        stage: str | int = 'logits',
        loss_weight: float = 1.0,
        temperature: float = 1.0,
        ramp: str | None = None,
        ramp_length: float = 1.0,
        normalize: bool = False,
        gate: str | None = None,
    ) -> None:
        super().__init__()
        is_stage = stage in ('logits', 'pre_logits') or type(stage) is int
        stages = "'logits', 'pre_logits' or the number of a backbone stage"
        for holds, rule, value in (
            (distance in DISTANCES, f'distance must be one of {DISTANCES}', distance),
            (is_stage, f'stage must be {stages}', stage),
            (
                0 <= loss_weight < math.inf,
                'loss_weight must be finite and >= 0',
                loss_weight,
            ),
            (
                0 < temperature < math.inf,
                'temperature must be finite and > 0',
                temperature,
            ),
            (ramp in RAMPS, f'ramp must be one of {RAMPS}', ramp),
            (0 < ramp_length <= 1, 'ramp_length must be in (0, 1]', ramp_length),
            (gate in GATES, f'gate must be one of {GATES}', gate),
        ):
            if not holds:
                raise ValueError(f'CTConsistencyLoss: {rule}, but got {value!r}')
        self.distance = distance
        self.stage = stage
        self.loss_weight = loss_weight
        self.temperature = temperature
        self.ramp = ramp
        self.ramp_length = ramp_length
        self.normalize = normalize
        self.gate = gate

    def weight_at(self, progress: float) -> float:
        """The loss weight at a point of training.

        Args:
            progress (float): Fraction of training that is done, in [0, 1].

        Returns:
            float: Between 0 and ``loss_weight``.
        """
        if self.ramp is None:
            return self.loss_weight
        x = min(progress / self.ramp_length, 1.0)
        if self.ramp == 'cosine':
            x = (1 - math.cos(math.pi * x)) / 2
        return self.loss_weight * x

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        progress: float = 1.0,
        multi_label: bool = False,
        trust: Tensor | None = None,
    ) -> Tensor:
        """The weighted consistency loss.

        Args:
            student (Tensor): The student's output, shape ``(N, ...)``.
            teacher (Tensor): The teacher's, the same shape.
            progress (float): Fraction of training done. Defaults to 1.0.
            multi_label (bool): See :func:`consistency`. Defaults to False.
            trust (Tensor, optional): The same; what :func:`trust_in` says of
                ``gate``. Defaults to None.

        Returns:
            Tensor: A scalar.
        """
        return self.weight_at(progress) * consistency(
            student,
            teacher,
            self.distance,
            self.temperature,
            multi_label,
            self.normalize,
            trust,
        )
