"""Training in the memory layout that convolutions are fastest in."""

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import nn

# Input channels that the CPU's kernels take at a time, at most (AVX-512).
_BLOCK = 16


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Lay the weights out channels last (NHWC); activations follow them.

    It changes speed, and of the numbers their last bits. A CT teacher has this
    layout anyway. In ``default_hooks``, so that a ``custom_hooks`` of a config
    that inherits it does not take it away:
    ``default_hooks = dict(channels_last=dict(type='ChannelsLastHook'))``.

    On a CPU a network with a strided 1x1 convolution of fewer than 16 input
    channels keeps its layout, and the log says so: in oneDNN the gradient of
    such a layer writes past its memory and the process crashes
    (https://github.com/uxlfoundation/oneDNN/issues/6035).
    """

    def before_train(self, runner: Runner) -> None:
        """Change the layout: after weights are drawn or loaded, which depends on it.

        Args:
            runner (Runner): The runner of the training.
        """
        crashing = [name for name, layer in runner.model.named_modules() if _crashes(layer)]
        if crashing:
            runner.logger.warning(
                f'ChannelsLastHook: the layout stays as it is: {crashing[0]} is a strided 1x1 '
                f'convolution of fewer than {_BLOCK} channels, which crashes on a CPU'
            )
            return
        runner.model.to(memory_format=torch.channels_last)


def _crashes(layer: nn.Module) -> bool:
    """Tell the layers whose gradient oneDNN cannot compute in this layout."""
    return (
        isinstance(layer, nn.Conv2d)
        and layer.weight.device.type == 'cpu'
        and layer.kernel_size == (1, 1)
        and layer.stride != (1, 1)
        and layer.in_channels // layer.groups < _BLOCK
    )
