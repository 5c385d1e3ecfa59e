"""Convolutions whose weights are standardised while they train: what may stand in for BN."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Of fan-in times the variance of a filter: NFNets' code has the same.
_EPS = 1e-4
_KINDS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_GAIN = 'weight_gain'


def standardised(weight: Tensor, gain: Tensor) -> Tensor:
    """Standardise the filters of a convolution, and scale them.

    Scaled weight standardisation: ``gain * (w - mean) / sqrt(fan_in * var)`` with mean and
    variance of each filter, from "Characterizing signal propagation to close the performance gap
    in unnormalized ResNets" (Brock et al., 2021, https://arxiv.org/abs/2101.08692, equation 1).
    Of inputs of unit variance the outputs have unit variance, and their mean does not drift with
    the weights.

    Args:
        weight (Tensor): Shape ``(C_out, C_in / groups, ...)``.
        gain (Tensor): Shape ``(C_out,)``.

    Returns:
        Tensor: The shape of the weight.
    """
    fan_in = weight[0].numel()
    # What batch normalisation does to a "batch" of one whose channels are the filters: one
    # operation instead of a dozen small ones.
    filters = F.batch_norm(
        weight.reshape(1, len(weight), fan_in),
        running_mean=None,
        running_var=None,
        weight=gain * fan_in**-0.5,
        training=True,
        eps=_EPS / fan_in,
    )
    return filters.view(weight.shape)


def standardise_weights(model: nn.Module) -> nn.Module:
    """Standardise the weights of all convolutions of a network whenever they are used, in place.

    The parameters, and their names, stay what they are; each convolution gets ``weight_gain``,
    which begins at 1 and is learned. :func:`fold_weights` makes plain convolutions of them again,
    and what is folded can be loaded: gains that a state dict lacks are those of its weights.

    The activation gains of Brock et al. (1.7 for ReLU) and their factors around a residual branch
    are not computed here but measured: :func:`mmct.models.calibrate` gives each layer's output
    unit variance on a batch, whatever activation comes before it.

    Args:
        model (nn.Module): The network. A convolution with one weight a filter has nothing to
            standardise and is left.

    Returns:
        nn.Module: The same ``model``.

    Raises:
        ValueError: If it has no convolution.
    """
    layers = [
        layer
        for layer in model.modules()
        if isinstance(layer, _KINDS) and layer.weight[0].numel() > 1
    ]
    if not layers:
        raise ValueError('the network has no convolution whose weights could be standardised')
    for layer in layers:
        if not hasattr(layer, _GAIN):
            gain = nn.Parameter(torch.ones_like(layer.weight.flatten(1)[:, 0]))
            layer.register_parameter(_GAIN, gain)
            layer.__class__ = _standardised_kind(type(layer))
    return model


def fold_weights(model: nn.Module) -> nn.Module:
    """Make plain convolutions of standardised ones, in place: the outputs stay what they are.

    Args:
        model (nn.Module): Any network.

    Returns:
        nn.Module: The same ``model``.
    """
    for layer in _standardised_layers(model):
        weight = layer.weight.detach()
        layer.__class__ = layer.plain_kind
        layer.weight.data.copy_(weight)
        delattr(layer, _GAIN)
    return model


@contextmanager
def plain_weights(model: nn.Module) -> Iterator[nn.Module]:
    """Show the weights before they are standardised, for what writes into them: initialisers.

    Args:
        model (nn.Module): Any network.

    Yields:
        nn.Module: The same.
    """
    kinds = {layer: type(layer) for layer in _standardised_layers(model)}
    for layer in kinds:
        layer.__class__ = layer.plain_kind
    try:
        yield model
    finally:
        for layer, kind in kinds.items():
            layer.__class__ = kind


def are_standardised(names: Iterable[str]) -> bool:
    """Tell a state dict of standardised convolutions by its names.

    Args:
        names (Iterable[str]): Of parameters.
    """
    return any(name.endswith(f'.{_GAIN}') for name in names)


@cache
def _standardised_kind(kind: type[nn.Module]) -> type[nn.Module]:
    """Derive a kind of convolution whose ``weight`` is the standardised one.

    As a property, so that it does not matter how the forward pass of the kind uses it. Not by
    ``torch.nn.utils.parametrize``: there a copy shares a class that is changed when the
    parametrisation is taken off, so that folding a teacher would break its moving average.
    """

    def weight(layer: nn.Module) -> Tensor:
        return standardised(layer._parameters['weight'], layer._parameters[_GAIN])

    def load(layer: nn.Module, weights: dict[str, Tensor], prefix: str, *args) -> None:
        plain = weights.get(f'{prefix}weight')
        if plain is not None:
            # With this one a filter of mean 0 is what it was.
            gain = (plain.flatten(1).square().sum(1) + _EPS).sqrt()
            weights.setdefault(f'{prefix}{_GAIN}', gain)
        kind._load_from_state_dict(layer, weights, prefix, *args)

    members = dict(weight=property(weight), plain_kind=kind, _load_from_state_dict=load)
    return type(f'Standardised{kind.__name__}', (kind,), members)


def _standardised_layers(model: nn.Module) -> list[nn.Module]:
    return [layer for layer in model.modules() if hasattr(layer, 'plain_kind')]
