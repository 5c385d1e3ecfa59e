"""Train with torchvision's AutoAugment policies; mmpretrain has only that for ImageNet."""

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmpretrain.registry import TRANSFORMS
from PIL import Image
from torchvision.transforms import AutoAugment, AutoAugmentPolicy

from mmct.corruptions.channels import ARRAYS, FILES, reordered
from mmct.messages import require
from mmct.runs.configs import scoped

from .pipelines import augment, preprocessor


@TRANSFORMS.register_module()
class TorchvisionAutoAugment(BaseTransform):
    """Apply a random sub-policy of AutoAugment, https://arxiv.org/abs/1805.09501.

    Its operations include contrast, brightness, colour and sharpness, which
    are, or resemble, corruptions of the benchmark. Published results of
    AutoAugment have this advantage, too.

    **Required keys**: img, uint8 (H, W, 3)

    **Modified keys**: img

    Args:
        policy (str): 'cifar10', 'svhn' or 'imagenet'. Defaults to 'cifar10'.
        to_rgb (bool): Whether the image is BGR, as images read from files are,
            and must be converted to RGB for the operations. Defaults to False.

    Raises:
        ValueError: If the policy is unknown.
    """

    def __init__(self, policy: str = 'cifar10', to_rgb: bool = False) -> None:
        policies = [p.value for p in AutoAugmentPolicy]
        rule = f'TorchvisionAutoAugment: policy must be one of {policies}'
        require(policy in policies, rule, policy)
        self.policy, self.to_rgb = policy, to_rgb
        self._augment = AutoAugment(AutoAugmentPolicy(policy))

    def transform(self, results: dict) -> dict:
        """Augment ``results['img']``."""
        order = FILES if self.to_rgb else ARRAYS
        image = Image.fromarray(np.ascontiguousarray(reordered(results['img'], order)))
        augmented = np.asarray(self._augment(image))
        results['img'] = np.ascontiguousarray(reordered(augmented, order))
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(policy={self.policy!r}, to_rgb={self.to_rgb})'


def autoaugment(cfg: Config) -> None:
    """Train with AutoAugment's policy for CIFAR (https://arxiv.org/abs/1805.09501).

    Args:
        cfg (Config): A training config, changed in place.
    """
    to_rgb = bool(preprocessor(cfg).get('to_rgb'))
    kind = scoped(cfg, 'TorchvisionAutoAugment')
    augment(cfg, dict(type=kind, policy='cifar10', to_rgb=to_rgb))
