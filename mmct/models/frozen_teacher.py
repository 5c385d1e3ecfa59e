"""Run the frozen teacher for the consistency loss at the lowest cost."""

import functools
import logging
import re
import timeit
from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmpretrain.models import ImageClassifier
from torch import Tensor, nn

from mmct.messages import LACK_OF_MEMORY, require

from .forward_pass import ForwardPass, run

DTYPES = ('auto', 'float32', 'bfloat16')
# A CPU counts as faster in bfloat16 below this ratio of times. On a CPU that emulates bfloat16
# the ratio is 8 or more, on one that has it a third: noise does not lead to a wrong choice.
_FASTER = 0.8


class FrozenTeacher:
    """Run a frozen teacher without gradients, in channels_last and bfloat16.

    The backbone runs under autocast; its outputs are converted to float32 for neck and
    head, which take next to no time. If the student runs under its own autocast, the
    teacher follows it; if the student is not float32, the teacher has the student's
    dtype. If the first call fails in this mode (because of a ``view()`` across channels
    and pixels, or an operator without bfloat16), the teacher runs in float32 with the
    default memory format.

    The teacher is no submodule, so code that walks a module does not see it. Copies (EMA)
    and pickles of this object are None, as moving a copy to another device or dtype would
    move the shared teacher.

    The speed-ups are our additions; https://arxiv.org/abs/2207.01548 asks for none.

    Args:
        module (ImageClassifier): The teacher, frozen and in eval mode; its weights are
            converted to channels_last.
        dtype (str): Dtype of the backbone: 'auto' (see :func:`pick_dtype`), 'float32' or
            'bfloat16'. Defaults to 'auto'.
        channels_last (bool): Whether to use the channels_last memory format. Defaults to
            True.
        compile (bool | dict): Whether to run the backbone through ``torch.compile``, or
            the arguments for it. Defaults to False.

    Raises:
        ValueError: If ``dtype`` is unknown, or ``compile`` is neither a bool nor a dict.
    """

    def __init__(
        self,
        module: ImageClassifier,
        dtype: str = 'auto',
        channels_last: bool = True,
        compile: bool | dict = False,
    ) -> None:
        check_speed('FrozenTeacher', dtype, compile)
        self.module = module
        self.dtype = pick_dtype(dtype, next(module.parameters()).device)
        self.channels_last = channels_last
        self._backbone = self._stages
        if compile:
            options = compile if isinstance(compile, dict) else {}
            self._backbone = torch.compile(self._stages, **options)
        self._has_run = False

    def __reduce__(self) -> tuple:
        return type(None), ()

    # no_grad, not inference_mode: the loss keeps the outputs for its backward pass.
    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> ForwardPass:
        """Run the teacher.

        Args:
            inputs (Tensor): Preprocessed images, shape ``(N, C, H, W)``.

        Returns:
            ForwardPass: The outputs, in the dtype of the inputs or of the student's
            autocast.
        """
        return self._outputs(inputs) if self._has_run else self._first_outputs(inputs)

    @torch.compiler.disable
    def _first_outputs(self, inputs: Tensor) -> ForwardPass:
        try:
            if self.channels_last:
                self.module.to(memory_format=torch.channels_last)
            outputs = self._outputs(inputs)
        except RuntimeError as error:
            # The other mode takes more memory.
            if re.search(LACK_OF_MEMORY, str(error), re.IGNORECASE):
                raise
            print_log(
                'the frozen teacher runs in the contiguous memory format without its own '
                f'autocast, as the faster mode failed: {error}',
                logger='current',
                level=logging.WARNING,
            )
            self.channels_last, self.dtype = False, 'float32'
            self.module.to(memory_format=torch.contiguous_format)
            outputs = self._outputs(inputs)
        self._has_run = True
        return outputs

    def _outputs(self, inputs: Tensor) -> ForwardPass:
        if self.channels_last and inputs.dim() == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        device = inputs.device.type
        lower = (
            self.dtype == 'bfloat16'
            and inputs.dtype == torch.float32
            and not torch.is_autocast_enabled(device)
        )
        with torch.autocast(device, torch.bfloat16) if lower else nullcontext():
            stages = self._backbone(inputs)
        return run(self.module, _float(stages) if lower else stages, self.module.head)

    def _stages(self, inputs: Tensor) -> tuple:
        return self.module.extract_feat(inputs, stage='backbone')


def check_speed(owner: str, dtype: str, compile: bool | dict) -> None:
    """Refuse an unknown dtype or an invalid setting for ``torch.compile``.

    Args:
        owner (str): The class that was given the settings, for the message.
        dtype (str): See :class:`FrozenTeacher`.
        compile (bool | dict): See :class:`FrozenTeacher`.

    Raises:
        ValueError: If a setting is not allowed; the message lists the allowed values.
    """
    require(dtype in DTYPES, f'{owner}: dtype must be one of {DTYPES}', dtype)
    rule = f'{owner}: compile must be True, False or a dict of arguments for torch.compile'
    require(isinstance(compile, (bool, dict)), rule, compile)
    if isinstance(compile, dict):
        try:
            # It checks its arguments, and compiles nothing before the first call.
            torch.compile(nn.Identity(), **compile)
        except (RuntimeError, TypeError) as error:
            said = ' '.join(str(error).split())
            raise ValueError(f'{owner}: compile: {said}') from error


def pick_dtype(dtype: str, device: torch.device) -> str:
    """Decide what dtype 'auto' means on a device.

    A GPU uses bfloat16 if its hardware has it (compute capability 8 and above). A CPU uses
    bfloat16 if that makes a convolution faster. This is measured once per process, since
    oneDNN emulates bfloat16 on CPUs that lack it. Any other device uses float32.

    Args:
        dtype (str): 'auto', 'float32' or 'bfloat16'.
        device (torch.device): The device of the network.

    Returns:
        str: 'float32' or 'bfloat16'.
    """
    if dtype != 'auto':
        return dtype
    if device.type == 'cuda':
        pays = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        pays = device.type == 'cpu' and _bfloat16_ratio() < _FASTER
    return 'bfloat16' if pays else 'float32'


@functools.cache
def _bfloat16_ratio() -> float:
    """Measure the time of a convolution in bfloat16 relative to float32, on this CPU."""

    def fastest(dtype: torch.dtype) -> float:
        # Ones, as random values would be drawn from the run's generator.
        images = torch.ones(4, 64, 16, 16, dtype=dtype).to(memory_format=torch.channels_last)
        weight = torch.ones(64, 64, 3, 3, dtype=dtype).to(memory_format=torch.channels_last)
        with torch.no_grad():
            return min(timeit.repeat(lambda: F.conv2d(images, weight), number=1, repeat=5))

    threads = torch.get_num_threads()
    # Threads would wait for one another if another process takes a core.
    torch.set_num_threads(1)
    try:
        return fastest(torch.bfloat16) / fastest(torch.float32)
    finally:
        torch.set_num_threads(threads)


def _float(outputs: Any) -> Any:
    if isinstance(outputs, (tuple, list)):
        return tuple(map(_float, outputs))
    # InceptionV3 returns None in place of its auxiliary head's output.
    return outputs.float() if isinstance(outputs, Tensor) else outputs
