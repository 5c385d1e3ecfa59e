"""Ending a backbone's pass where its wanted stage is there."""

from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor, nn

from .twins import probe


class _Reached(Exception):  # noqa: N818  (no error: it carries the stage)
    def __init__(self, stage: Tensor) -> None:
        super().__init__()
        self.stage = stage


@torch.no_grad()
def maker_of(backbone: nn.Module, inputs: Tensor, position: int) -> str | None:
    """Find the layer whose output is one of a backbone's outputs.

    Seen in a pass of a copy; valid for a backbone whose way through its
    layers does not depend on the input.

    Args:
        backbone (nn.Module): Returns a tuple of stages.
        inputs (Tensor): Inputs, shape ``(N, ...)``; the first is used.
        position (int): Which of the outputs.

    Returns:
        str | None: Name of the layer, or None if no layer returns that very
        tensor, as the backbone itself makes it or changes it later.
    """
    trial = probe(backbone)
    calls: Counter[str] = Counter()
    made: dict[int, tuple[str, Tensor, int]] = {}

    def record(name: str) -> Callable:
        def after_layer(layer: nn.Module, args: tuple, output: object) -> None:
            calls[name] += 1
            if isinstance(output, Tensor):
                # With the tensor, so that no other one gets its id.
                made[id(output)] = name, output, output._version

        return after_layer

    for name, module in trial.named_modules():
        if module is not trial:
            module.register_forward_hook(record(name))
    stage = trial(inputs[:1].double())[position]
    name, _, version = made.get(id(stage), (None, None, None))
    return name if calls[name] == 1 and stage._version == version else None


def stopped_after(layer: nn.Module, forward: Callable) -> Callable[[Tensor], Tensor]:
    """A pass that ends with a layer and returns that layer's output.

    Args:
        layer (nn.Module): A layer that the pass calls once.
        forward (Callable): The pass, of inputs.

    Returns:
        Callable: Gets the inputs and returns the layer's output.
    """

    def stop(layer: nn.Module, args: tuple, output: Tensor) -> None:
        raise _Reached(output)

    def shortened(inputs: Tensor) -> Tensor:
        handle = layer.register_forward_hook(stop)
        try:
            return forward(inputs)
        except _Reached as reached:
            return reached.stage
        finally:
            handle.remove()

    return shortened
