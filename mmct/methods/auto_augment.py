"""AutoAugment with torchvision's policies: mmpretrain has ImageNet's alone."""

import numpy as np
from mmcv.transforms import BaseTransform
from mmpretrain.registry import TRANSFORMS
from PIL import Image
from torchvision.transforms import AutoAugment, AutoAugmentPolicy


@TRANSFORMS.register_module()
class TorchvisionAutoAugment(BaseTransform):
    """Apply a random sub-policy of AutoAugment, https://arxiv.org/abs/1805.09501.

    Its operations include contrast, brightness, colour and sharpness, which
    are, or are near to, corruptions of the benchmark: the published rows of
    AutoAugment have that advantage, too.

    **Required keys**: img, uint8 (H, W, 3)

    **Modified keys**: img

    Args:
        policy (str): 'cifar10', 'svhn' or 'imagenet'. Defaults to 'cifar10'.
        to_rgb (bool): Whether the image is BGR, as those read from files are:
            the operations want RGB. Defaults to False.

    Raises:
        ValueError: If the policy is none of these.
    """

    def __init__(self, policy: str = 'cifar10', to_rgb: bool = False) -> None:
        policies = [p.value for p in AutoAugmentPolicy]
        if policy not in policies:
            raise ValueError(
                f'TorchvisionAutoAugment: policy must be one of {policies}, but got {policy!r}'
            )
        self.policy, self.to_rgb = policy, to_rgb
        self._augment = AutoAugment(AutoAugmentPolicy(policy))

    def transform(self, results: dict) -> dict:
        """Augment ``results['img']``."""
        flip = slice(None, None, -1 if self.to_rgb else 1)
        image = Image.fromarray(np.ascontiguousarray(results['img'][..., flip]))
        augmented = np.asarray(self._augment(image))
        results['img'] = np.ascontiguousarray(augmented[..., flip])
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(policy={self.policy!r}, to_rgb={self.to_rgb})'
