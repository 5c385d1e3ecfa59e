"""The teacher as the loss uses it."""

from collections.abc import Callable

import torch
from mmengine.logging import print_log
from mmpretrain.models import ImageClassifier
from torch import Tensor

from .affine_folding import NUM_IMAGES, TOLERANCE, fold_affine
from .early_stop import maker_of, stopped_after
from .forward_pass import ForwardPass, run
from .no_norm import NoNorm
from .twins import probe, twin


class FrozenTeacher:
    """Runs a frozen teacher at the least cost that gives the same outputs.

    Without gradients, without the layers after those that the loss reads, and
    in a copy whose affine layers are folded (see :func:`fold_affine`). The
    copy is made at the first call, as that needs a batch; ``module`` stays as
    it is.

    It also holds the teacher out of sight of whatever walks a module: the
    teacher is no submodule, and copies (EMA) and pickles leave it out, as a
    shared teacher would move to another device or dtype with the copy.

    The speed-ups are ours; https://arxiv.org/abs/2207.01548 asks for none.

    Args:
        module (ImageClassifier, optional): The teacher: frozen, in eval mode.
            Defaults to None.
        position (int, optional): Which of the backbone's outputs is wanted,
            and nothing after it. Defaults to None, all to the logits.
        fold (bool): Whether to fold. Defaults to True.
        channels_last (bool): Whether the copy is in that memory format, if
            the network can. Defaults to True.
        compile (bool | dict): Whether to run the backbone through
            ``torch.compile``, or the arguments of it. Defaults to False.

    Raises:
        ValueError: If ``compile`` is neither a bool nor a dict.
    """

    def __init__(
        self,
        module: ImageClassifier | None = None,
        position: int | None = None,
        fold: bool = True,
        channels_last: bool = True,
        compile: bool | dict = False,
    ) -> None:
        check_compile('FrozenTeacher', compile)
        self.module = module
        self.position = position
        self.fold = fold
        self.channels_last = channels_last
        self.compile = compile
        self.reset()

    def __reduce__(self) -> tuple:
        return FrozenTeacher, ()

    def reset(self) -> None:
        """Make the copy anew at the next call, as ``module`` has changed."""
        self._copy: ImageClassifier | None = None
        # From inputs to the backbone's outputs, or the wanted one.
        self._features: Callable[[Tensor], tuple | Tensor] | None = None
        self._memory_format = torch.preserve_format

    # no_grad, not inference_mode: the loss keeps the outputs for its backward.
    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> ForwardPass:
        """The teacher's outputs.

        Args:
            inputs (Tensor): Preprocessed images, shape ``(N, C, H, W)``.

        Returns:
            ForwardPass: With a ``position``, that stage alone; the stages
            before it and the logits are None.
        """
        if self._features is None:
            self._prepare(inputs)
        features = self._features(inputs.to(memory_format=self._memory_format))
        if self.position is None:
            return run(self._copy, features, self._copy.head)
        return ForwardPass((None,) * self.position + (features,), None, None, None)

    @torch.compiler.disable
    def _prepare(self, inputs: Tensor) -> None:
        try:
            done = self._speed_up(inputs)
        except (RuntimeError, TypeError) as error:
            # The trials are in float64: not every device and layer can, and
            # they take memory. Training must not depend on them.
            self.reset()
            self._copy = twin(self.module)
            self._features = self._all_features
            done = f'as it is, since its trial failed: {error}'
        print_log(f'Frozen teacher: {done}', logger='current')

    def _speed_up(self, inputs: Tensor) -> str:
        """Make the copy and what runs it; says what was done."""
        self._copy = twin(self.module)
        num_norms = sum(isinstance(layer, NoNorm) for layer in self._copy.modules())
        folded = fold_affine(self._copy, inputs, _outputs) if self.fold else []
        if self.channels_last and _can_be_channels_last(self._copy, inputs):
            self._memory_format = torch.channels_last
            self._copy.to(memory_format=torch.channels_last)
        self._features, maker = self._all_features, None
        if self.compile:
            # The compiler drops what does not lead to the result by itself.
            options = self.compile if isinstance(self.compile, dict) else {}
            self._features = torch.compile(self._all_features, **options)
        elif self.position is not None:
            maker = maker_of(self._copy.backbone, inputs, self.position)
        if maker is not None:
            layer = self._copy.backbone.get_submodule(maker)
            self._features = stopped_after(layer, self._all_features)
        return (
            f'{len(folded)} of {num_norms} affine layers folded, '
            f'{self._memory_format}, compiled: {bool(self.compile)}, '
            f'ends after: {maker or "all"}'
        )

    def _all_features(self, inputs: Tensor) -> tuple | Tensor:
        stages = self._copy.extract_feat(inputs, stage='backbone')
        return stages if self.position is None else stages[self.position]


def check_compile(owner: str, compile: bool | dict) -> None:
    """Refuse what is no setting of ``torch.compile``.

    Args:
        owner (str): Who was given it, for the message.
        compile (bool | dict): Whether to compile, or the arguments.

    Raises:
        ValueError: Names the owner, what is allowed and what came.
    """
    if not isinstance(compile, (bool, dict)):
        raise ValueError(
            f'{owner}: compile must be True, False or a dict of arguments of '
            f'torch.compile, but got {compile!r}'
        )


def _outputs(model: ImageClassifier, inputs: Tensor) -> ForwardPass:
    """All that a loss may read."""
    return run(model, model.extract_feat(inputs, stage='backbone'), model.head)


def _can_be_channels_last(model: ImageClassifier, inputs: Tensor) -> bool:
    """Whether a network computes the same in this memory format, or at all."""
    if inputs.dim() != 4:
        return False
    trial, inputs = probe(model), inputs[:NUM_IMAGES].double()
    expected = _outputs(trial, inputs)
    form = torch.channels_last
    try:
        trial.to(memory_format=form)
        actual = _outputs(trial, inputs.contiguous(memory_format=form))
        torch.testing.assert_close(actual, expected, **TOLERANCE)
    except (AssertionError, RuntimeError):
        # A view() across channels and pixels, or a 3d convolution.
        return False
    return True
