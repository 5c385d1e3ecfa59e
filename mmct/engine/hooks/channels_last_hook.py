"""Train in the memory layout in which convolutions are fastest."""

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import nn

# The most input channels that the CPU's kernels process at a time (AVX-512).
_BLOCK = 16


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Stores the weights channels last (NHWC); activations follow their layout.

    The layout changes the speed, and the numbers in their last bits. A CT teacher always has it.
    Add the hook to ``default_hooks``, where a config that inherits yours does not remove it by
    setting ``custom_hooks``:
    ``default_hooks = dict(channels_last=dict(type='ChannelsLastHook'))``.

    On a CPU, a network that has a strided 1x1 convolution with fewer than 16 input channels keeps
    its layout, and the log says so: oneDNN writes past its memory when it computes the gradient
    of such a layer, and the process crashes
    (https://github.com/uxlfoundation/oneDNN/issues/6035).
    """

    def before_train(self, runner: Runner) -> None:
        """Change the layout; not earlier, because drawing and loading weights depend on it.

        Args:
            runner (Runner): The runner of the training.
        """
        crashing = [name for name, layer in runner.model.named_modules() if _crashes(layer)]
        if crashing:
            runner.logger.warning(
                f'ChannelsLastHook: the layout is unchanged: {crashing[0]} is a strided 1x1 '
                f'convolution of fewer than {_BLOCK} channels, which crashes on a CPU'
            )
            return
        runner.model.to(memory_format=torch.channels_last)


def _crashes(layer: nn.Module) -> bool:
    """Return whether computing the layer's gradient in this layout crashes oneDNN."""
    return (
        isinstance(layer, nn.Conv2d)
        and layer.weight.device.type == 'cpu'
        and layer.kernel_size == (1, 1)
        and layer.stride != (1, 1)
        and layer.in_channels // layer.groups < _BLOCK
    )
