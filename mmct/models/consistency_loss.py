"""Measure the distance between student and teacher outputs, and weight it as a loss."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmct.messages import is_positive, is_weight, require
from mmct.own_functions import add_function, identity

DISTANCES = ('kl', 'js', 'mse', 'cosine')
GATES = (None, 'correct', 'confident')
RAMPS = (None, 'linear', 'cosine')
_OWN: dict[str, Callable[[Tensor, Tensor], Tensor]] = {}


def register_distance(name: str, function: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Add a distance, which :class:`CTConsistencyLoss` then takes by its name.

    Call it where a module is imported that the config names in ``custom_imports``.

    Args:
        name (str): Letters, digits, ``_``, ``-``.
        function (Callable): ``function(student, teacher)``. Gets two tensors of shape ``(N, D)``,
            in float32 or finer, with gradients for the student's alone. Returns the distance of
            each sample, shape ``(N,)``. ``temperature`` does not reach it.

    Raises:
        ValueError: If the name is no word or taken, or ``function`` cannot be called.
    """
    add_function(_OWN, 'distance', name, function, taken=DISTANCES)


def own_distances() -> dict[str, str]:
    """Return the identities of the registered distances by name, see :func:`register_distance`."""
    return {name: identity(function) for name, function in _OWN.items()}


def consistency(
    student: Tensor,
    teacher: Tensor,
    distance: str = 'kl',
    temperature: float = 1.0,
    multi_label: bool = False,
    normalize: bool = False,
    sample_weight: Tensor | None = None,
) -> Tensor:
    """Compute the mean distance between the student's and the teacher's output.

    All dimensions after the first are flattened to one vector of length D per
    sample.

    - ``kl``: ``T^2 * KL(teacher || student)`` of the softmax at temperature T
      (Hinton et al., https://arxiv.org/abs/1503.02531, section 2.1).
    - ``js``: ``T^2`` times the Jensen-Shannon divergence of the softmax at
      temperature T.
    - ``mse``: the mean over D of the squared difference.
    - ``cosine``: 1 minus the cosine similarity.

    CT's abstract (https://arxiv.org/abs/2207.01548) names no distance; these
    four are our choice.

    Args:
        student (Tensor): Shape ``(N, ...)``; gradients flow through it.
        teacher (Tensor): The same shape; detach it to stop gradients.
        distance (str): 'kl', 'js', 'mse', 'cosine', or a name that
            :func:`register_distance` was given. Defaults to 'kl'.
        temperature (float): T > 0, for 'kl' and 'js'. Defaults to 1.0.
        multi_label (bool): For 'kl' and 'js': whether the D values are
            independent logits, so that the divergences of D Bernoulli
            distributions are summed, rather than logits of one softmax.
            Defaults to False.
        normalize (bool): Whether to scale each vector to unit length first.
            Defaults to False.
        sample_weight (Tensor, optional): Weight of each sample, in [0, 1],
            shape ``(N,)``. The mean is over all N samples, including those of
            weight 0. Defaults to None: 1 for each.

    Returns:
        Tensor: A scalar >= 0, in float32 or finer.

    Raises:
        ValueError: If the shapes differ, ``distance`` is unknown, or a registered one
            returns anything but N values.
    """
    if student.shape != teacher.shape:
        raise ValueError(
            'consistency: student and teacher must have the same shape, but got '
            f'{tuple(student.shape)} and {tuple(teacher.shape)}'
        )
    # Half precision has too few digits for a sum of small probabilities.
    student = _vectors(student)  # (N, D)
    teacher = _vectors(teacher)  # (N, D)
    if normalize:
        student, teacher = F.normalize(student), F.normalize(teacher)
    distances = _per_sample(student, teacher, distance, temperature, multi_label)  # (N,)
    return distances.mean() if sample_weight is None else (sample_weight * distances).mean()


def _per_sample(
    student: Tensor, teacher: Tensor, distance: str, temperature: float, multi_label: bool
) -> Tensor:
    if distance == 'mse':
        return F.mse_loss(student, teacher, reduction='none').mean(1)
    if distance == 'cosine':
        return 1 - F.cosine_similarity(student, teacher)
    if distance in _OWN:
        return _own(distance, student, teacher)
    if distance not in ('kl', 'js'):
        known = (*DISTANCES, *_OWN)
        raise ValueError(f'consistency: distance must be one of {known}, but got {distance!r}')
    log_q = _log_probs(student / temperature, multi_label)  # (N, D) or (N, D, 2)
    log_p = _log_probs(teacher / temperature, multi_label)
    if distance == 'kl':
        divergence = _kl(log_p, log_q)
    else:
        log_m = torch.logaddexp(log_p, log_q) - math.log(2)
        divergence = (_kl(log_p, log_m) + _kl(log_q, log_m)) / 2
    return temperature**2 * divergence


def _own(name: str, student: Tensor, teacher: Tensor) -> Tensor:
    distances = _OWN[name](student, teacher)
    found = getattr(distances, 'shape', type(distances).__name__)
    if not isinstance(distances, Tensor) or distances.shape != student.shape[:1]:
        raise ValueError(
            f'the distance {name!r} must return a tensor of shape ({len(student)},), got {found}'
        )
    return distances


def _vectors(x: Tensor) -> Tensor:
    return x.flatten(1) if x.dtype == torch.float64 else x.flatten(1).float()


def _log_probs(logits: Tensor, multi_label: bool) -> Tensor:
    if multi_label:
        return torch.stack([F.logsigmoid(logits), F.logsigmoid(-logits)], dim=-1)
    return F.log_softmax(logits, dim=-1)


def _kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    return F.kl_div(log_q, log_p, reduction='none', log_target=True).flatten(1).sum(1)


@torch.no_grad()
def gate_weights(teacher: Tensor, data_samples: list[DataSample], gate: str) -> Tensor:
    """Weight each sample by how trustworthy its teacher's prediction is.

    This is our addition, not the paper's.

    Args:
        teacher (Tensor): The teacher's logits, shape ``(N, num_classes)``.
        data_samples (list[DataSample]): The N annotations with ``gt_label``,
            or with ``gt_score`` if labels are mixed; the class with the
            largest score then counts as the label.
        gate (str): 'correct' gives 1 where the top class is the label, else 0.
            'confident' gives the probability of the top class.

    Returns:
        Tensor: Weights in [0, 1], shape ``(N,)``.
    """
    if gate == 'confident':
        return teacher.float().softmax(-1).amax(-1)
    labels = torch.stack(
        [
            sample.gt_score.argmax() if 'gt_score' in sample else sample.gt_label.squeeze()
            for sample in data_samples
        ]
    )
    return (teacher.argmax(-1) == labels.to(teacher.device)).float()


@MODELS.register_module()
class CTConsistencyLoss(nn.Module):
    """The consistency term of CT, which weights :func:`consistency`.

    https://arxiv.org/abs/2207.01548 names a "consistency loss" between the BN
    student and its frozen BN-free teacher; distance, stage, weight and ramp
    are our choices. The module has no parameters and no buffers.

    Args:
        distance (str): 'kl', 'js', 'mse', 'cosine', or a name that
            :func:`register_distance` was given. Defaults to 'kl'.
        stage (str | int): The outputs to compare: 'logits', 'pre_logits' (the
            features before the last layer), or the number of a backbone stage
            as in the backbone's ``out_indices``; -1 is the last stage that the
            backbone returns. Defaults to 'logits'.
        loss_weight (float): The weight lambda >= 0. Defaults to 1.0.
        temperature (float): T > 0, for 'kl' and 'js'. Defaults to 1.0.
        ramp (str, optional): None applies the full weight from the start. With
            'linear' or 'cosine' the weight rises from 0 over the first
            ``ramp_length`` of training. Defaults to None.
        ramp_length (float): Fraction of training, in (0, 1]. Defaults to 1.0.
        normalize (bool): Whether to scale each vector to unit length first.
            Defaults to False.
        gate (str, optional): Whether to trust the teacher only where it is
            'correct', or in proportion to how 'confident' it is, see
            :func:`gate_weights`. Defaults to None: trust it everywhere.

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
        distances = (*DISTANCES, *_OWN)
        for holds, rule, value in (
            (distance in distances, f'distance must be one of {distances}', distance),
            (is_stage, f'stage must be {stages}', stage),
            (is_weight(loss_weight), 'loss_weight must be finite and >= 0', loss_weight),
            (is_positive(temperature), 'temperature must be finite and > 0', temperature),
            (ramp in RAMPS, f'ramp must be one of {RAMPS}', ramp),
            (0 < ramp_length <= 1, 'ramp_length must be in (0, 1]', ramp_length),
            (gate in GATES, f'gate must be one of {GATES}', gate),
        ):
            require(holds, f'CTConsistencyLoss: {rule}', value)
        self.distance = distance
        self.stage = stage
        self.loss_weight = loss_weight
        self.temperature = temperature
        self.ramp = ramp
        self.ramp_length = ramp_length
        self.normalize = normalize
        self.gate = gate

    def weight_at(self, progress: float) -> float:
        """Compute the loss weight at a point of training.

        Args:
            progress (float): Completed fraction of training, in [0, 1].

        Returns:
            float: A weight between 0 and ``loss_weight``.
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
        sample_weight: Tensor | None = None,
    ) -> Tensor:
        """Compute the weighted consistency loss.

        Args:
            student (Tensor): The student's output, shape ``(N, ...)``.
            teacher (Tensor): The teacher's output, the same shape.
            progress (float): Completed fraction of training, in [0, 1].
                Defaults to 1.0.
            multi_label (bool): See :func:`consistency`. Defaults to False.
            sample_weight (Tensor, optional): The weights that
                :func:`gate_weights` gives for ``gate``, shape ``(N,)``.
                Defaults to None: 1 for each.

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
            sample_weight,
        )
