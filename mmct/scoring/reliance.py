"""Measure how much predictions rely on the low-variance channels of each layer."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.hooks import RemovableHandle

from mmct.runs.errors import no_scores
from mmct.stack import installed_stack

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""The quantiles at which a spectrum gives the variances of channels."""


@dataclass(frozen=True)
class Site:
    """A place in a network with channels: the output or input of a layer.

    Attributes:
        layer (nn.Module): The layer. Its output has shape (N, C, ...), or (N, ..., C) for a
            LayerNorm.
        of_input (bool): Whether to use the layer's input, (N, ..., C), as for a linear layer.
            Defaults to False.
    """

    layer: nn.Module
    of_input: bool = False

    def watch(self, function: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call a function with the channels, of shape (..., C), in each forward pass.

        Args:
            function (Callable): The function; unless it returns None, its result replaces the
                channels.

        Returns:
            RemovableHandle: A handle that removes the function.
        """

        def changed(x: Tensor, given: Tensor) -> Tensor | None:
            axis = self._axis(x, given)
            found = function(x.movedim(axis, -1))
            return None if found is None else found.movedim(-1, axis)

        if self.of_input:
            return self.layer.register_forward_pre_hook(lambda _, args: changed(args[0], args[0]))
        return self.layer.register_forward_hook(lambda _, args, output: changed(output, args[0]))

    def _axis(self, x: Tensor, given: Tensor) -> int:
        if self.of_input:
            return -1
        layer = self.layer
        if not isinstance(layer, nn.LayerNorm) or x.shape[-1] != layer.normalized_shape[-1]:
            # For images, the LayerNorm of some libraries has the channels after the batch.
            return 1
        if len(layer.normalized_shape) > 2:
            return 1  # channels, height and width
        if x.ndim != 4 or x.shape[1] != x.shape[3]:
            return -1
        # There are as many columns as channels: which of them it normalised shows in what it did.
        last = layer_norm(given[:1], layer.normalized_shape, layer.weight, layer.bias, layer.eps)
        return -1 if torch.allclose(x[:1], last, rtol=1e-3, atol=1e-4) else 1


class VarianceSpectrum:
    """A context manager that collects the variances of channels over all inputs.

    Args:
        sites (Mapping[str, Site]): The places by name.
    """

    def __init__(self, sites: Mapping[str, Site]) -> None:
        self._sites = sites
        self._sums: dict[str, Tensor] = {}
        self._handles: list = []

    def __enter__(self) -> 'VarianceSpectrum':
        for name, site in self._sites.items():
            self._handles.append(site.watch(self._adder(name)))
        return self

    def __exit__(self, *exception: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _adder(self, name: str) -> Callable[[Tensor], None]:
        def add(x: Tensor) -> None:
            # An Apple GPU has no float64.
            x = x.cpu() if x.device.type == 'mps' else x
            x = x.double().flatten(0, -2)  # (N ..., C)
            sums = torch.stack([torch.full_like(x[0], len(x)), x.sum(0), (x * x).sum(0)])
            self._sums[name] = self._sums.get(name, 0) + sums

        return add

    def moments(self, name: str) -> tuple[Tensor, Tensor]:
        """Return the means and variances of the channels of a place, float64 (C,), (C,)."""
        count, total, squares = self._sums[name]
        means = total / count
        return means, (squares / count - means**2).clamp_min(0)

    def result(self) -> dict[str, dict[str, Any]]:
        """Return the spectrum of variances at each place.

        Returns:
            dict: For each place, the number of ``channels``; ``quantiles``, the
            quantiles :data:`QUANTILES` of the channels' variances divided by
            their mean; and ``even``, ``(sum v)^2 / (C sum v^2)``, which is 1 if
            all channels have the same variance and 1 / C if only one varies.
        """
        found = {}
        for name in self._sums:
            _, variances = self.moments(name)
            mean = variances.mean()
            even = mean**2 / (variances**2).mean()
            if not mean > 0:
                continue  # a constant layer has no spectrum
            at = variances.new_tensor(QUANTILES)
            found[name] = dict(
                channels=len(variances),
                even=even.item(),
                quantiles=(variances / mean).quantile(at).tolist(),
            )
        return found


@dataclass(frozen=True)
class Reliance:
    """The errors of a network without either half of the channels of a place.

    Attributes:
        channels (int): Number of channels.
        low_variance_share (float, optional): Fraction of the total variance in the half of the
            channels with lower variance. None if no channel varies.
        low_wrong (Tensor): True for images that are misclassified when this half is replaced by
            its means. bool (N,)
        high_wrong (Tensor): True for images that are misclassified when the other half is
            replaced by its means. bool (N,)
    """

    channels: int
    low_variance_share: float | None
    low_wrong: Tensor
    high_wrong: Tensor


@torch.no_grad()
def measure_reliance(
    logits: Callable[[Tensor], Tensor],
    sites: Mapping[str, Site],
    reference: Callable[[], Iterable[Tensor]],
    tests: Callable[[], Iterable[Tensor]],
    labels: Tensor,
) -> tuple[Tensor, dict[str, Reliance]]:
    """Measure the errors of a network without either half of the channels of each place.

    Channels are sorted by their variance over the reference inputs. First the half with lower
    variance is replaced by the mean of each channel, then the other half.

    https://arxiv.org/abs/2207.01548 claims that BatchNorm makes networks rely on
    low-variance features; this way to measure it is ours.

    Args:
        logits (Callable): The network in eval mode, which maps inputs to logits (N, C).
        sites (Mapping[str, Site]): The places by name.
        reference (Callable): Returns the batches of inputs by which channels are sorted; called
            once.
        tests (Callable): Returns the batches to classify; called for each half of each place.
        labels (Tensor): Labels of the test images. (N,)

    Returns:
        tuple[Tensor, dict[str, Reliance]]: True for the images that the unchanged network
        misclassifies, bool (N,), and the errors at each place.

    Raises:
        DivergedError: If the largest logit of an image is not finite.
    """

    def wrong() -> Tensor:
        tops = []
        for batch in tests():
            scores = logits(batch)
            tops.append(scores.argmax(1).cpu())
            # A class may be ruled out by minus infinity.
            if not scores.amax(1).isfinite().all():
                raise no_scores('some images')
        return torch.cat(tops) != labels.cpu()

    with VarianceSpectrum(sites) as spectrum:
        for batch in reference():
            logits(batch)
    found = {}
    for name, site in sites.items():
        means, variances = spectrum.moments(name)
        order, half, total = variances.argsort(), len(variances) // 2, variances.sum()
        without = []
        for replaced in (order[:half], order[half:]):
            handle = site.watch(_replacing(replaced, means))
            try:
                without.append(wrong())
            finally:
                handle.remove()
        share = (variances[order[:half]].sum() / total).item() if total else None
        found[name] = Reliance(len(variances), share, *without)
    return wrong(), found


def _replacing(channels: Tensor, means: Tensor) -> Callable[[Tensor], Tensor]:
    def replace(x: Tensor) -> Tensor:
        changed = x.clone()
        changed[..., channels] = means[channels].to(x)
        return changed

    return replace


@torch.no_grad()
def find_sites(
    module: nn.Module, run: Callable[[], Tensor], layers: int | None = 5
) -> dict[str, Site]:
    """Find the normalisation layers, also :class:`~mmct.models.NoNorm`, and the linear classifier.

    Args:
        module (nn.Module): The network.
        run (Callable): Runs the network once and returns its logits (N, C); layers that do not
            run, such as an auxiliary head, are left out.
        layers (int, optional): Number of normalisation layers, evenly spaced from the first to
            the last; None for all. Defaults to 5.

    Returns:
        dict[str, Site]: Places by name of the layer, in the order in which layers run. The input
        of the linear layer that returns the logits, or else of the last with as many outputs, is
        called 'features'; without such a layer it is left out.
    """
    kinds, ran, scores, handles = _normalising(), {}, {}, []
    for name, layer in module.named_modules():
        if isinstance(layer, (*kinds, nn.Linear)):
            note = _noting(ran, scores, name)
            handles.append(layer.register_forward_hook(note))
    try:
        logits = run()
    finally:
        for handle in handles:
            handle.remove()
    norms = [name for name, layer in ran.items() if isinstance(layer, kinds)]
    # A gate or a projection is linear, too; logits may still be scaled after the classifier.
    fitting = [name for name, found in scores.items() if found.shape == logits.shape]
    exact = [name for name in fitting if torch.equal(scores[name], logits)]
    classifiers = exact or fitting
    if layers is not None and len(norms) > layers:
        last = max(1, layers - 1)
        norms = [norms[round(number * (len(norms) - 1) / last)] for number in range(layers)]
    sites = {name: Site(ran[name]) for name in norms}
    if classifiers:
        sites['features'] = Site(ran[classifiers[-1]], of_input=True)
    return sites


def _noting(ran: dict[str, nn.Module], scores: dict[str, Tensor], name: str) -> Callable:
    def note(layer: nn.Module, args: tuple, output: Any) -> None:
        ran.setdefault(name, layer)
        if isinstance(layer, nn.Linear):
            scores[name] = output

    return note


def _normalising() -> tuple[type, ...]:
    kinds = (_BatchNorm, nn.GroupNorm, nn.LayerNorm)
    if installed_stack() is None:
        return kinds
    from mmct.models import NoNorm

    return (*kinds, NoNorm)
