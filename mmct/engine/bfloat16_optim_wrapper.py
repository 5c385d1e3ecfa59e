"""Train in mixed precision on any device that supports bfloat16, CPUs included."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmpretrain.registry import OPTIM_WRAPPERS
from torch import nn

from mmct.models import pick_dtype


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Trains under ``torch.autocast`` in bfloat16, on the network's device.

    mmengine's ``AmpOptimWrapper`` needs an accelerator; this wrapper also works on a CPU.
    Bfloat16 has the range of float32, so losses need no scaling. On a CPU and with CUDA the wrapper
    finds out whether bfloat16 is faster (:func:`mmct.models.pick_dtype`), and logs a warning once
    if it is not.

    Args:
        *args: Arguments of ``OptimWrapper``.
        **kwargs: Arguments of ``OptimWrapper``.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._checked = False

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Compute a step's forward pass in bfloat16.

        Args:
            model (nn.Module): The network.

        Yields:
            None: Compute the loss inside the block.
        """
        device = next(model.parameters()).device
        if not self._checked:
            self._checked = True
            known = device.type in ('cpu', 'cuda')
            if known and pick_dtype('auto', device) != 'bfloat16':
                text = f'bfloat16 is not faster than float32 on this {device.type}: leave --amp out'
                print_log(text, logger='current', level=logging.WARNING)
        with super().optim_context(model), torch.autocast(device.type, torch.bfloat16):
            yield
