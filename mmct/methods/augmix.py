"""Train with AugMix: the transform, the Jensen-Shannon loss, and the config switches."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import BaseTransform
from mmengine.config import Config, ConfigDict
from mmpretrain.models import ClsDataPreprocessor
from mmpretrain.models.heads import MultiLabelClsHead
from mmpretrain.registry import MODELS, TRANSFORMS
from PIL import Image, ImageOps
from torch import Tensor, nn

from mmct.messages import is_positive, is_weight, require, require_counts
from mmct.runs.configs import is_kind, scoped, type_name
from mmct.runs.errors import CTError

from .pipelines import augment, check_switches, head_of, preprocessor, skip_accuracy


def _level(severity: float, largest: float) -> float:
    """Draw the strength of an operation, at most ``largest`` at severity 10."""
    return np.random.uniform(0.1, severity) * largest / 10


def _either_way(value: float) -> float:
    return -value if np.random.random() > 0.5 else value


def _affine(image: Image.Image, *matrix: float) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


OPERATIONS: dict[str, Callable[[Image.Image, float], Image.Image]] = dict(
    autocontrast=lambda image, severity: ImageOps.autocontrast(image),
    equalize=lambda image, severity: ImageOps.equalize(image),
    posterize=lambda image, severity: ImageOps.posterize(image, 4 - int(_level(severity, 4))),
    rotate=lambda image, severity: image.rotate(
        _either_way(int(_level(severity, 30))), Image.Resampling.BILINEAR
    ),
    solarize=lambda image, severity: ImageOps.solarize(image, 256 - int(_level(severity, 256))),
    shear_x=lambda image, severity: _affine(
        image, 1, _either_way(_level(severity, 0.3)), 0, 0, 1, 0
    ),
    shear_y=lambda image, severity: _affine(
        image, 1, 0, 0, _either_way(_level(severity, 0.3)), 1, 0
    ),
    translate_x=lambda image, severity: _affine(
        image, 1, 0, _either_way(int(_level(severity, image.width / 3))), 0, 1, 0
    ),
    translate_y=lambda image, severity: _affine(
        image, 1, 0, 0, 0, 1, _either_way(int(_level(severity, image.height / 3)))
    ),
)
"""The operations and their strengths, as in AugMix's code. None is one of the
benchmark's corruptions (contrast, brightness) or close to one (colour, sharpness).
All treat the channels alike, so images may be RGB or BGR."""


@TRANSFORMS.register_module()
@dataclass(eq=False)
class AugMix(BaseTransform):
    """Mix the image with chains of operations on it (Hendrycks et al., 2020).

    This is algorithm 1 of https://arxiv.org/abs/1912.02781. Put it just before
    ``PackInputs``. Several views need the loss :class:`JensenShannonLoss` and
    the data preprocessor :class:`MultiViewDataPreprocessor`. Unlike AugMix's
    code, it rounds mixed images to integer levels, so a batch stays uint8.

    **Required keys**: img, uint8 (H, W, 3)

    **Modified keys**: img: for one view the mixed image, uint8 (H, W, 3); for
    V views the image itself and V - 1 mixed ones, uint8 (V, 3, H, W)

    Args:
        num_views (int): Number of views. Defaults to 1.
        width (int): Number of chains. Defaults to 3.
        depth (int, optional): Number of operations per chain. Defaults to
            None: 1 to 3 at random.
        severity (float): Strength of the operations, in (0.1, 10]. Defaults to
            3.
        alpha (float): Parameter of the Dirichlet and Beta distributions of the
            mixing weights. Defaults to 1.0.

    Raises:
        ValueError: If a setting is out of its range; when called, if the
            image is not a uint8 array (H, W, 3).
    """

    num_views: int = 1
    width: int = 3
    depth: int | None = None
    severity: float = 3
    alpha: float = 1.0

    def __post_init__(self) -> None:
        # A depth of None is drawn.
        require_counts('AugMix', num_views=self.num_views, width=self.width, depth=self.depth)
        for holds, rule, value in (
            (
                is_positive(self.severity) and 0.1 < self.severity <= 10,
                'severity must be in (0.1, 10]',
                self.severity,
            ),
            (is_positive(self.alpha), 'alpha must be positive', self.alpha),
        ):
            require(holds, f'AugMix: {rule}', value)

    def transform(self, results: dict) -> dict:
        """Mix ``results['img']``."""
        image = results['img']
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(
                f'AugMix needs a uint8 image (H, W, 3), but got {image.dtype} {image.shape}: put '
                'it just before PackInputs, and leave normalising to the data_preprocessor'
            )
        if self.num_views == 1:
            results['img'] = self.mixed(image)
        else:
            views = [image, *(self.mixed(image) for _ in range(self.num_views - 1))]
            results['img'] = np.stack(views).transpose(0, 3, 1, 2)
        return results

    def mixed(self, image: np.ndarray) -> np.ndarray:
        """Make a mixed view.

        Args:
            image (np.ndarray): The image, uint8, shape ``(H, W, 3)``.

        Returns:
            np.ndarray: The view, of the same shape and dtype.
        """
        weights = np.random.dirichlet([self.alpha] * self.width)
        share = np.random.beta(self.alpha, self.alpha)
        mix = (1 - share) * image.astype(np.float32)
        for weight in weights:
            mix += np.float32(share * weight) * np.asarray(self._chain(image), np.float32)
        return np.rint(mix).clip(0, 255).astype(np.uint8)

    def _chain(self, image: np.ndarray) -> Image.Image:
        chained = Image.fromarray(image)
        operations = list(OPERATIONS.values())
        for _ in range(self.depth or np.random.randint(1, 4)):
            chained = operations[np.random.randint(len(operations))](chained, self.severity)
        return chained


def jensen_shannon(logits: Sequence[Tensor]) -> Tensor:
    """Compute the Jensen-Shannon divergence of the predictions for several views.

    It is the mean over views of ``KL(p_v || M)``, with M the mean of the p_v, as
    in AugMix (https://arxiv.org/abs/1912.02781), section 3.

    Args:
        logits (Sequence[Tensor]): The logits of each of V views, shape
            ``(N, num_classes)``.

    Returns:
        Tensor: The mean over samples, a scalar in [0, log V].
    """
    # Half precision has too few digits for a sum of small probabilities.
    log_p = torch.stack([F.log_softmax(view.float(), dim=-1) for view in logits])
    log_m = log_p.logsumexp(0) - math.log(len(log_p))  # (N, num_classes)
    divergence = F.kl_div(log_m.expand_as(log_p), log_p, reduction='sum', log_target=True)
    return divergence / log_p.shape[:2].numel()


@MODELS.register_module()
class JensenShannonLoss(nn.Module):
    """Add the divergence of all views' predictions to a head's loss on the clean view.

    This is equation 1 of AugMix, https://arxiv.org/abs/1912.02781. The images
    come in V views (:class:`AugMix`), the clean ones first. For one view it is
    the head's own loss.

    Args:
        loss (dict, optional): Config of the head's own loss, for the clean
            view. Defaults to None: ``dict(type='CrossEntropyLoss')``.
        jsd_weight (float): Weight of the divergence, >= 0. Defaults to 12.0,
            as in AugMix.

    Raises:
        ValueError: If ``jsd_weight`` is negative or not finite.
    """

    def __init__(self, loss: dict | None = None, jsd_weight: float = 12.0) -> None:
        super().__init__()
        rule = 'JensenShannonLoss: jsd_weight must be finite and >= 0'
        require(is_weight(jsd_weight), rule, jsd_weight)
        self.loss = MODELS.build(loss or dict(type='mmpretrain.CrossEntropyLoss'))
        self.jsd_weight = jsd_weight

    def forward(
        self, cls_score: Tensor, label: Tensor, avg_factor: int | None = None, **kwargs
    ) -> Tensor:
        """Compute the sum of both losses.

        Args:
            cls_score (Tensor): Logits, shape ``(V * N, num_classes)``.
            label (Tensor): Labels of the N images, as the head's own loss takes
                them.
            avg_factor (int, optional): Ignored, as heads count all views.
                Defaults to None.
            **kwargs: Arguments of the head's own loss.

        Returns:
            Tensor: A scalar.
        """
        views = cls_score.split(len(label))
        loss = self.loss(views[0], label, avg_factor=len(label), **kwargs)
        return loss if len(views) == 1 else loss + self.jsd_weight * jensen_shannon(views)


@MODELS.register_module()
class MultiViewDataPreprocessor(ClsDataPreprocessor):
    """A ``ClsDataPreprocessor`` that concatenates the views of a batch.

    Images of shape ``(N, V, C, H, W)``, as :class:`AugMix` makes them, become
    ``(V * N, C, H, W)``: all first views, then all second views, and so on.
    Images without views are processed as usual. There are still N labels.
    Batch augmentations such as Mixup mix labels and do not work with views.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """Flatten the views and preprocess.

        Args:
            data (dict): A batch of the data loader.
            training (bool): See ``ClsDataPreprocessor``. Defaults to False.

        Returns:
            dict: The model's ``inputs`` and ``data_samples``.
        """
        inputs = data['inputs']
        if isinstance(inputs, (list, tuple)) and inputs[0].dim() == 4:
            inputs = torch.stack(list(inputs))  # pseudo_collate gives a list
        if isinstance(inputs, torch.Tensor) and inputs.dim() == 5:
            # Flattened on the device: one transfer per batch, of uint8.
            data = {**data, 'inputs': self.cast_data(inputs).transpose(0, 1).flatten(0, 1)}
        return super().forward(data, training)


def augmix(cfg: Config) -> None:
    """Train with AugMix in three views and the Jensen-Shannon loss.

    Hendrycks et al., https://arxiv.org/abs/1912.02781.

    Args:
        cfg (Config): A training config, changed in place.

    Raises:
        CTError: If the config has a preprocessor other than
            ``ClsDataPreprocessor``, or batch augmentations.
    """
    settings = preprocessor(cfg)
    if type_name(settings) not in ('', 'ClsDataPreprocessor'):
        raise CTError(
            f'method augmix needs the ClsDataPreprocessor, but the config has '
            f'{type_name(settings)}'
        )
    for name, found in (
        ('model.train_cfg.augments', (cfg.model.get('train_cfg') or {}).get('augments')),
        ('data_preprocessor.batch_augments', settings.get('batch_augments')),
    ):
        if found:
            raise CTError(f'method augmix cannot be combined with {name}')
    check_switches(cfg, 'augmix')
    settings.type = scoped(cfg, 'MultiViewDataPreprocessor')
    head = head_of(cfg, 'augmix')
    loss = ConfigDict(type=scoped(cfg, 'JensenShannonLoss'))
    if head.get('loss'):
        loss.loss = head.loss
    if is_kind(head, MultiLabelClsHead, MODELS):
        raise CTError(
            'method augmix has a Jensen-Shannon loss for one class per image, but the head is a '
            f'{type_name(head)}: use augmix_no_jsd'
        )
    head.loss = loss
    skip_accuracy(head)
    augment(cfg, dict(type=scoped(cfg, 'AugMix'), num_views=3))


def augmix_no_jsd(cfg: Config) -> None:
    """Train with AugMix in one view and with the head's own loss.

    Args:
        cfg (Config): A training config, changed in place.
    """
    augment(cfg, dict(type=scoped(cfg, 'AugMix')))
