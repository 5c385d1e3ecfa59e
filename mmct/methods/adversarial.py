"""Train on adversarial images: PGD, the hook that attacks each batch, and the config switch."""

from collections.abc import Callable

import torch
from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import HOOKS
from torch import Tensor

from mmct.messages import is_count, is_positive, require
from mmct.modes import evaluating
from mmct.runs.building import is_simulated
from mmct.runs.configs import scoped
from mmct.runs.errors import CTError
from mmct.runs.ranks import unwrapped


def pgd(
    loss: Callable[[Tensor], Tensor],
    images: Tensor,
    epsilon: float = 8.0,
    step: float = 2.0,
    num_steps: int = 7,
) -> Tensor:
    """Attack images by projected gradient ascent on a loss, from a random start.

    This is the L-infinity attack of Madry et al., https://arxiv.org/abs/1706.06083,
    section 2.1. Sizes are in levels of 255: 8 stands for the usual 8/255.

    Args:
        loss (Callable): Maps images like ``images`` to a scalar loss.
        images (Tensor): Images with levels from 0 to 255, shape ``(N, C, H, W)``.
        epsilon (float): Maximum change of a pixel, in levels. Defaults to 8.0.
        step (float): Change of a pixel per step, in levels. Defaults to 2.0.
        num_steps (int): Number of steps. Defaults to 7.

    Returns:
        Tensor: The attacked images, float32, each pixel within ``epsilon`` of
        the original and in [0, 255], shape ``(N, C, H, W)``.
    """
    images = images.float()
    low, high = (images - epsilon).clamp(min=0), (images + epsilon).clamp(max=255)
    found = torch.empty_like(images).uniform_(-epsilon, epsilon).add_(images)
    found = found.clamp_(low, high)
    for _ in range(num_steps):
        found.requires_grad_()
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(loss(found), found)
        found = (found.detach() + step * gradient.sign()).clamp_(low, high)
    return found


@HOOKS.register_module()
class AdversarialTrainingHook(Hook):
    """Replace each training batch by adversarial images.

    As in Madry et al., https://arxiv.org/abs/1706.06083, this runs PGD on the
    task loss, on pixels before they are normalised. The steps run in eval mode
    and in full precision, so BatchNorm's statistics come from the final images
    alone. A CT student is attacked on its task loss, and its teacher sees the
    same images. While the teacher trains, the attack is on the teacher.

    Args:
        epsilon (float): Maximum change of a pixel, in levels of 255.
            Defaults to 8.0.
        step (float): Change of a pixel per step, in levels of 255. Defaults to
            2.0.
        num_steps (int): Number of steps. Defaults to 7.

    Raises:
        ValueError: If a value is not positive, or the number of steps no integer.
        CTError: In training, if the pipeline has scaled or normalised the pixels.
    """

    def __init__(self, epsilon: float = 8.0, step: float = 2.0, num_steps: int = 7) -> None:
        for name, value in dict(epsilon=epsilon, step=step).items():
            require(is_positive(value), f'AdversarialTrainingHook: {name} must be positive', value)
        rule = 'AdversarialTrainingHook: num_steps must be an integer of 1 or more'
        require(is_count(num_steps), rule, num_steps)
        self.epsilon, self.step, self.num_steps = epsilon, step, num_steps
        self._checked = False

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Attack the batch, in place.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Number of the batch in its epoch.
            data_batch (dict, optional): The batch.
        """
        if is_simulated(runner):
            return
        model = unwrapped(runner)
        images = data_batch['inputs']
        if not isinstance(images, Tensor):
            images = torch.stack(list(images))  # pseudo_collate gives a list
        # Move the batch to the device once.
        images = images.to(next(model.parameters()).device, non_blocking=True)
        if not self._checked:
            _check_levels(images)
            self._checked = True

        def loss(images: Tensor) -> Tensor:
            batch = model.data_preprocessor({**data_batch, 'inputs': images}, False)
            # The task loss alone, for a CT student as well.
            return ImageClassifier.loss(model, batch['inputs'], batch['data_samples'])['loss']

        with evaluating(model):
            data_batch['inputs'] = pgd(loss, images, self.epsilon, self.step, self.num_steps)


def _check_levels(images: Tensor) -> None:
    # An interpolation may go a little beyond 0 and 255.
    scaled = images.abs().max() <= 10 or images.min() < -32
    if images.is_floating_point() and scaled:
        raise CTError(
            'AdversarialTrainingHook changes levels from 0 to 255, but the pipeline scales or '
            'normalises pixels: leave that to the data_preprocessor'
        )


def adversarial(cfg: Config) -> None:
    """Train on adversarial images (Madry et al., https://arxiv.org/abs/1706.06083).

    Args:
        cfg (Config): A training config, changed in place.
    """
    hook = ConfigDict(type=scoped(cfg, 'AdversarialTrainingHook'))
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), hook]
