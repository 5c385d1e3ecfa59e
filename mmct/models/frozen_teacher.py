"""The teacher as the loss uses it: frozen, out of sight, at the least cost."""

import functools
import logging
import timeit
from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmpretrain.models import ImageClassifier
from torch import Tensor

from mmct.messages import require

from .forward_pass import ForwardPass, run

DTYPES = ('auto', 'float32', 'bfloat16')
# Below this ratio of times bfloat16 counts as faster on a CPU: far from what noise can
# do to it where the CPU emulates bfloat16 (8 and more).
_FASTER = 0.8


class FrozenTeacher:
    """Runs a frozen teacher without gradients, in channels_last and bfloat16.

    The backbone runs under autocast; its outputs are float32 again before neck and
    head, which take next to no time. A student that has an autocast of its own takes
    the teacher along as it is, and one that is not float32 has a teacher in its dtype.
    A network that cannot run so (a ``view()`` across channels and pixels, an operator
    without bfloat16) shows it at the first call; it then runs plainly.

    It also holds the teacher out of sight of whatever walks a module: the teacher is no
    submodule, and copies (EMA) and pickles of this object are None, as a shared teacher
    would move to another device or dtype with the copy.

    The speed-ups are ours; https://arxiv.org/abs/2207.01548 asks for none.

    Args:
        module (ImageClassifier): The teacher: frozen, in eval mode. Its weights are
            laid out channels last.
        dtype (str): Of the backbone: 'auto' (see :func:`pick_dtype`), 'float32' or
            'bfloat16'. Defaults to 'auto'.
        channels_last (bool): Whether to use that memory format. Defaults to True.
        compile (bool | dict): Whether to run the backbone through
            ``torch.compile``, or the arguments of it. Defaults to False.

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

    # no_grad, not inference_mode: the loss keeps the outputs for its backward.
    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> ForwardPass:
        """Run the teacher.

        Args:
            inputs (Tensor): Preprocessed images, shape ``(N, C, H, W)``.

        Returns:
            ForwardPass: Its outputs, in the dtype of the inputs or that of the student's
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
            print_log(
                'Frozen teacher: contiguous and without an autocast of its own, as it '
                f'cannot run otherwise: {error}',
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
    """Refuse an unknown dtype, and what is no setting of ``torch.compile``.

    Args:
        owner (str): Who was given them, for the message.
        dtype (str): See :class:`FrozenTeacher`.
        compile (bool | dict): The same.

    Raises:
        ValueError: Names the owner, what is allowed and what came.
    """
    require(dtype in DTYPES, f'{owner}: dtype must be one of {DTYPES}', dtype)
    rule = f'{owner}: compile must be True, False or a dict of arguments of torch.compile'
    require(isinstance(compile, (bool, dict)), rule, compile)


def pick_dtype(dtype: str, device: torch.device) -> str:
    """Decide what 'auto' means on a device.

    On CUDA bfloat16 if the GPU has it in hardware (compute capability 8 and above), on a
    CPU if a convolution is faster in it: this is measured, once a process, since oneDNN
    emulates bfloat16 on CPUs that lack it. Float32 on every other device.

    Args:
        dtype (str): 'auto', 'float32' or 'bfloat16'.
        device (torch.device): Where the network is.

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
    """Time of a convolution in bfloat16 over that in float32, on this CPU."""

    def fastest(dtype: torch.dtype) -> float:
        # Of ones: random values would be drawn from the run's generator.
        images = torch.ones(4, 64, 16, 16, dtype=dtype).to(memory_format=torch.channels_last)
        weight = torch.ones(64, 64, 3, 3, dtype=dtype).to(memory_format=torch.channels_last)
        with torch.no_grad():
            return min(timeit.repeat(lambda: F.conv2d(images, weight), number=1, repeat=5))

    return fastest(torch.bfloat16) / fastest(torch.float32)


def _float(outputs: Any) -> Any:
    if isinstance(outputs, (tuple, list)):
        return tuple(map(_float, outputs))
    # InceptionV3 has None where its auxiliary head would be.
    return outputs.float() if isinstance(outputs, Tensor) else outputs
