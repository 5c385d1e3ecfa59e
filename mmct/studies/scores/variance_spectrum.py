"""The variances of the channels of each layer."""

from typing import Any

import torch
from torch import Tensor, nn

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""Of the channels' variances, in the order in which they are given."""


class VarianceSpectrum:
    """Watches the outputs of layers, and sums up their channels' variances.

    Args:
        layers (dict[str, nn.Module]): The layers, by name; their outputs have
            shape (N, C, ...).
    """

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        self._layers = layers
        self._sums: dict[str, Tensor] = {}
        self._handles: list = []

    def __enter__(self) -> 'VarianceSpectrum':
        for name, layer in self._layers.items():
            self._handles.append(layer.register_forward_hook(self._watch(name)))
        return self

    def __exit__(self, *exception: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _watch(self, name: str) -> Any:
        def after_forward(layer: nn.Module, args: tuple, output: Tensor) -> None:
            x = output.double().transpose(0, 1).flatten(1)  # (C, N ...)
            sums = torch.stack([torch.full_like(x[:, 0], x.shape[1]), x.sum(1), (x * x).sum(1)])
            self._sums[name] = self._sums.get(name, 0) + sums

        return after_forward

    def result(self) -> dict[str, dict[str, Any]]:
        """What was seen.

        Returns:
            dict: For each layer ``channels``; ``quantiles`` of the channels'
            variances, divided by their mean (at :data:`QUANTILES`); and
            ``even``: ``(sum v)^2 / (C sum v^2)``, which is 1 where all channels
            have one variance and 1 / C where one has it all.
        """
        found = {}
        for name, (count, total, squares) in self._sums.items():
            variances = (squares / count - (total / count) ** 2).clamp_min(0)
            mean = variances.mean()
            even = mean**2 / (variances**2).mean()
            if not mean > 0:
                continue  # a layer that is constant has no spectrum
            at = variances.new_tensor(QUANTILES)
            found[name] = dict(
                channels=len(variances),
                even=even.item(),
                quantiles=(variances / mean).quantile(at).tolist(),
            )
        return found
