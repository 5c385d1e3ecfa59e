"""Training in the memory layout that convolutions are fastest in."""

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Lays the weights out channels last (NHWC); activations follow them.

    It changes speed, and of the numbers their last bits. A CT teacher has this
    layout anyway. In ``default_hooks``, so that a ``custom_hooks`` of a config
    that inherits it does not take it away:
    ``default_hooks = dict(channels_last=dict(type='ChannelsLastHook'))``.
    """

    def before_train(self, runner: Runner) -> None:
        """Change the layout: after weights are drawn or loaded, which depends on it.

        Args:
            runner (Runner): The runner of the training.
        """
        runner.model.to(memory_format=torch.channels_last)
