"""Define the BN student that learns from a BN-free teacher."""

from collections.abc import Callable, Sequence

import torch
from mmpretrain.models.heads import ClsHead, MultiLabelClsHead
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from .batch_norm_removal import check_has_batch_norm, check_is_copy
from .consistency_loss import CTConsistencyLoss, gate_weights
from .forward_pass import ForwardPass, branches, class_scores, run
from .frozen_teacher import FrozenTeacher
from .weight_standardisation import StandardisedClassifier


@MODELS.register_module()
class CTClassifier(StandardisedClassifier):
    """An ``ImageClassifier`` that a consistency loss pulls towards a frozen teacher.

    The loss is ``L_task(student) + lambda * D(student(x), teacher(x))`` on the
    same augmented batch ``x``. This is our reading of "Counterbalancing
    Teacher", https://arxiv.org/abs/2207.01548.
    :class:`mmct.engine.NoBNTeacherHook` trains or loads the teacher and
    attaches it. Prediction, export and state-dict keys are those of
    ``ImageClassifier``: the teacher is no submodule, and the loss has no
    state.

    If images come in several views (:class:`mmct.methods.AugMix`), the teacher
    sees only the clean view, and each view of the student is compared with its
    output. The consistency term is the mean over views.

    Args:
        *args: Arguments of ``mmpretrain.models.ImageClassifier``.
        consistency (dict | list[dict], optional): Config of the consistency
            loss, or of several losses to add up, such as one for each stage.
            Defaults to None: ``dict(type='CTConsistencyLoss')``.
        weight_standardisation (bool): Whether to standardise the weights of the student's
            convolutions, see :func:`mmct.models.standardise_weights`. Its state-dict then has
            their gains as well. Defaults to False.
        **kwargs: Arguments of ``mmpretrain.models.ImageClassifier``.

    Raises:
        ValueError: If the network has no BatchNorm, or no convolution to standardise, the head has
            no class logits to compare, the backbone does not return a stage that a loss
            compares, or a loss has a gate but the head is a multi-label one.
    """

    def __init__(
        self,
        *args,
        consistency: dict | Sequence[dict] | None = None,
        weight_standardisation: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(*args, weight_standardisation=weight_standardisation, **kwargs)
        several = isinstance(consistency, Sequence)
        terms = consistency if several and consistency else [consistency or {}]
        self.consistency = nn.ModuleList(
            # With the scope, as a config without default_scope would look elsewhere.
            MODELS.build({'type': 'mmpretrain.CTConsistencyLoss', **term})
            for term in terms
        )
        # Completed fraction of training, for the ramp; set by the hook.
        self.progress = 1.0
        self._teacher: FrozenTeacher | None = None
        check_has_batch_norm(self)
        _check_head(self.head)
        # With a softmax loss, such a head learns one class per image from mixed labels.
        soft = getattr(getattr(self.head, 'loss_module', None), 'use_soft', False)
        self._multi_label = isinstance(self.head, MultiLabelClsHead) and not soft
        if self._multi_label and any(term.gate for term in self.consistency):
            raise ValueError(
                'CTConsistencyLoss: a gate needs one class per image, but the head is a '
                'MultiLabelClsHead; set gate=None'
            )
        self._stages = [_position(self.backbone, term.stage) for term in self.consistency]

    @property
    def teacher(self) -> nn.Module | None:
        """Return the frozen teacher, or None before one is attached."""
        return None if self._teacher is None else self._teacher.module

    def attach_teacher(
        self,
        teacher: nn.Module,
        dtype: str = 'auto',
        channels_last: bool = True,
        compile: bool | dict = False,
        with_bn: bool = False,
    ) -> None:
        """Freeze a BN-free copy of this network and learn from it.

        Args:
            teacher (nn.Module): An ``ImageClassifier`` with this network's
                parameters, except for those of BatchNorm.
            dtype (str): See :class:`FrozenTeacher`. Defaults to 'auto'.
            channels_last (bool): See :class:`FrozenTeacher`. Defaults to True.
            compile (bool | dict): See :class:`FrozenTeacher`. Defaults to False.
            with_bn (bool): Whether the teacher may have BatchNorm, as it does
                in the control experiment of CT. Defaults to False.

        Raises:
            ValueError: If the teacher is not BN-free, its parameters do not
                match, or ``dtype`` or ``compile`` is not allowed.
        """
        check_is_copy(teacher, self, with_bn)
        # eval() last: LeViT's keeps tensors that .to() does not move.
        teacher = teacher.requires_grad_(False).to(next(self.parameters())).eval()
        self._teacher = FrozenTeacher(teacher, dtype, channels_last, compile)

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Compute the task loss, the consistency loss and the agreement with the teacher.

        Args:
            inputs (Tensor): Preprocessed images, shape ``(N, C, H, W)``, or
                ``(V * N, C, H, W)`` for V views, the clean ones first.
            data_samples (list[DataSample]): The N annotations.

        Returns:
            dict[str, Tensor]: The head's entries (``loss``, ...), the weighted
            ``loss_consistency``, and ``agreement``, which is logged but not
            added to the loss. Agreement is the fraction of samples with the
            same top class or, for a multi-label head, the fraction of labels
            that both networks put on the same side of probability 0.5.

        Raises:
            RuntimeError: If no teacher is attached.
        """
        if self._teacher is None:
            raise RuntimeError(
                'CTClassifier has no teacher: add '
                "dict(type='NoBNTeacherHook') to custom_hooks"
            )
        # The teacher runs first: its temporary memory is free again before
        # the student's activations, kept for the backward pass, are allocated.
        teacher = self._teacher(inputs[: len(data_samples)])
        student = run(
            self,
            self.extract_feat(inputs, stage='backbone'),
            lambda feats: self.head.loss(feats, data_samples),
        )
        losses = student.result
        losses['loss_consistency'] = torch.stack(
            [
                self._term(*term, student, teacher, data_samples)
                for term in zip(self.consistency, self._stages, strict=True)
            ]
        ).sum()
        mine = class_scores(student.logits)[: len(data_samples)]
        losses['agreement'] = _agreement(mine, class_scores(teacher.logits), self._multi_label)
        return losses

    def _term(
        self,
        loss: CTConsistencyLoss,
        position: int | None,
        student: ForwardPass,
        teacher: ForwardPass,
        data_samples: list[DataSample],
    ) -> Tensor:
        """Compute one consistency loss, averaged over the student's views and over branches."""
        multi_label = self._multi_label and loss.stage == 'logits'
        weights = None
        if loss.gate is not None:
            weights = gate_weights(class_scores(teacher.logits), data_samples, loss.gate)
        mine, theirs = (self._compared(outputs, loss, position) for outputs in (student, teacher))
        return torch.stack(
            [
                loss(view, target, self.progress, multi_label, weights)
                for output, target in zip(mine, theirs, strict=True)
                for view in output.split(len(target))
            ]
        ).mean()

    def _compared(
        self, outputs: ForwardPass, loss: CTConsistencyLoss, position: int | None
    ) -> tuple[Tensor, ...]:
        if position is not None:
            return branches(outputs.stages[position])
        output = getattr(outputs, loss.stage)
        if output is None:
            raise ValueError(
                f'CTClassifier: {type(self.head).__name__} has no pre_logits step; '
                "compare stage='logits'"
            )
        return branches(output)

    def _apply(self, fn: Callable, *args, **kwargs) -> 'CTClassifier':
        # The teacher follows .to(), .cuda(), .half() and memory formats, and so do
        # the tensors that eval() keeps.
        if self.teacher is not None:
            self.teacher._apply(fn, *args, **kwargs).eval()
            self.teacher._set_device(self.data_preprocessor.device)
        return super()._apply(fn, *args, **kwargs)


@torch.no_grad()
def _agreement(student: Tensor, teacher: Tensor, multi_label: bool) -> Tensor:
    if multi_label:
        return ((student > 0) == (teacher > 0)).float().mean()
    return (student.argmax(-1) == teacher.argmax(-1)).float().mean()


def _check_head(head: nn.Module | None) -> None:
    # Compare names: one of the two supported stacks has no RegressionHead class.
    regression = any(c.__name__ == 'RegressionHead' for c in type(head).__mro__)
    if not isinstance(head, (ClsHead, MultiLabelClsHead)) or regression:
        raise ValueError(
            'CTClassifier needs a head with class logits (a ClsHead or '
            f'MultiLabelClsHead of mmpretrain), but got {type(head).__name__}'
        )
    # The attribute is called `distillation` in LeViT's head and `dist` in EfficientFormer's.
    if getattr(head, 'distillation', False) or getattr(head, 'dist', False):
        raise ValueError(
            f'CTClassifier: mmpretrain cannot train {type(head).__name__} with '
            'distillation=True; set head.distillation=False'
        )


def _position(backbone: nn.Module, stage: str | int) -> int | None:
    """Find the position of a stage among the backbone's outputs."""
    if isinstance(stage, str):
        return None
    if stage == -1:
        return -1
    # Sorted, since a backbone returns its stages in the order in which it computes them.
    returned = sorted(getattr(backbone, 'out_indices', None) or ())
    if not returned:
        raise ValueError(
            f'CTConsistencyLoss: {type(backbone).__name__} does not say which stages it returns: '
            "compare the last, stage=-1, or 'pre_logits'"
        )
    if stage not in returned:
        raise ValueError(
            f'CTConsistencyLoss: the backbone does not return stage {stage}; its '
            f'out_indices are {returned}: add the stage to backbone.out_indices'
        )
    return returned.index(stage)
