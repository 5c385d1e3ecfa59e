"""Images on which a network is worst, near the given ones."""

from collections.abc import Callable

import torch
from torch import Tensor


def pgd(
    loss: Callable[[Tensor], Tensor],
    images: Tensor,
    epsilon: float = 8.0,
    step: float = 2.0,
    num_steps: int = 7,
) -> Tensor:
    """Projected gradient ascent of a loss, from a random start.

    The L-infinity attack of Madry et al., https://arxiv.org/abs/1706.06083,
    section 2.1. Sizes are in levels of 255, as 8/255 is usually meant.

    Args:
        loss (Callable): Of images as given here; a scalar.
        images (Tensor): Levels from 0 to 255, shape ``(N, C, H, W)``.
        epsilon (float): How far a pixel may move, in levels. Defaults to 8.0.
        step (float): How far it moves in a step. Defaults to 2.0.
        num_steps (int): Number of steps. Defaults to 7.

    Returns:
        Tensor: float32, each pixel within ``epsilon`` of the image's and in
        [0, 255], shape ``(N, C, H, W)``.
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
