"""Run a network and record its intermediate outputs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from mmpretrain.models import ImageClassifier
from mmpretrain.models.heads import ArcFaceClsHead
from torch import Tensor, nn

from mmct.modes import evaluating


def see_inputs(
    model: nn.Module,
    inputs: Tensor,
    layers: Mapping[str, nn.Module],
    see: Callable[[str, nn.Module, Tensor], None],
) -> None:
    """Run a network once and inspect the inputs of some of its layers.

    The network runs in eval mode, so that neither dropout nor the random
    generator plays a part.

    Args:
        model (nn.Module): The network; its mode is kept.
        inputs (Tensor): The input of the network.
        layers (Mapping[str, nn.Module]): The layers to inspect, by name.
        see (Callable): Called with the name of a layer, the layer and its
            input, each time just before the layer is used.
    """

    def before_layer(name: str, layer: nn.Module, args: tuple) -> None:
        see(name, layer, args[0])

    handles = [
        layer.register_forward_pre_hook(partial(before_layer, name))
        for name, layer in layers.items()
    ]
    try:
        with evaluating(model):
            model(inputs)
    finally:
        for handle in handles:
            handle.remove()


# Most heads return one tensor; a few, such as Conformer's, return one per branch.
HeadOutput = Tensor | tuple[Tensor, ...]


class ForwardPass(NamedTuple):
    """The outputs of one pass through a classifier."""

    stages: tuple  # the backbone's outputs, one tensor per stage
    pre_logits: HeadOutput | None  # None if the head has no such step
    logits: HeadOutput
    result: Any  # what the call of the head returned


def class_scores(logits: HeadOutput) -> Tensor:
    """Sum the scores over branches, as mmpretrain does for predictions.

    Args:
        logits (Tensor | tuple[Tensor]): One tensor, or one per branch, of
            shape ``(N, num_classes)``.

    Returns:
        Tensor: The scores, shape ``(N, num_classes)``.
    """
    return torch.stack(branches(logits)).sum(0)


def run(
    model: ImageClassifier, stages: tuple, head: Callable[[tuple], Any]
) -> ForwardPass:
    """Run neck and head on a backbone's outputs, and record the head's outputs.

    The head is called only once: a second call would update its own BatchNorm
    again and redraw its dropout.

    Args:
        model (ImageClassifier): The network.
        stages (tuple[Tensor]): The outputs of its backbone.
        head (Callable): Takes the neck's output and calls ``model.head``, or
            the loss of that, once.

    Returns:
        ForwardPass: The outputs; a margin head's logits have no margin.
    """
    feats = model.neck(stages) if model.with_neck else stages
    # The output of a margin head includes the margin of the true class.
    margin = isinstance(model.head, ArcFaceClsHead)
    source = model.head.norm_product if margin else model.head
    with (
        _recorded(model.head, 'pre_logits') as pre_logits,
        _recorded(source, 'forward') as logits,
    ):
        result = head(feats)
    scale = model.head.scale if margin else None
    return ForwardPass(
        stages,
        pre_logits[0] if pre_logits else None,
        logits[0] * scale if margin else logits[0],
        result,
    )


@contextmanager
def _recorded(module: nn.Module, method: str) -> Iterator[list]:
    """Record what a method returns while the block runs."""
    outputs: list = []
    original = getattr(module, method)
    was_patched = method in vars(module)

    def record(*args, **kwargs):
        output = original(*args, **kwargs)
        outputs.append(output)
        return output

    # Patch the instance: this hides the class's method only for a while.
    module.__dict__[method] = record
    try:
        yield outputs
    finally:
        del module.__dict__[method]
        if was_patched:
            module.__dict__[method] = original


def branches(output: HeadOutput) -> tuple[Tensor, ...]:
    """List the tensors in a head's output.

    Args:
        output (Tensor | tuple[Tensor]): One tensor, or one per branch.

    Returns:
        tuple[Tensor]: One tensor per branch.
    """
    return (output,) if isinstance(output, Tensor) else tuple(output)
