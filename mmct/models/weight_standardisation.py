"""Standardise the weights of convolutions in training, in place of BN or beside it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from types import MethodType

import torch
import torch.nn.functional as F
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import MODELS
from torch import Tensor, nn

# Added to fan-in times the variance of a filter; the value of NFNets' code.
_EPS = 1e-4
_KINDS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_GAIN = 'weight_gain'


def standardised(weight: Tensor, gain: Tensor) -> Tensor:
    """Standardise the filters of a convolution, and scale them.

    Scaled weight standardisation computes ``gain * (w - mean) / sqrt(fan_in * var)`` with mean
    and variance of each filter. It is equation 1 of "Characterizing signal propagation to close
    the performance gap in unnormalized ResNets" (Brock et al., 2021,
    https://arxiv.org/abs/2101.08692). Inputs of unit variance give outputs of unit variance, whose
    mean does not drift with the weights.

    Args:
        weight (Tensor): The weight, shape ``(C_out, C_in / groups, ...)``.
        gain (Tensor): The scale of each filter, shape ``(C_out,)``.

    Returns:
        Tensor: The standardised weight, of the same shape and memory layout.
    """
    fan_in = weight[0].numel()
    # The layout of the output of a convolution is that of its weight.
    last = not weight.is_contiguous()
    if last:
        weight = weight.movedim(1, -1)
    # This is batch normalisation of a "batch" of one whose channels are the filters: one
    # operation instead of a dozen small ones.
    filters = F.batch_norm(
        weight.reshape(1, len(weight), fan_in),
        running_mean=None,
        running_var=None,
        weight=gain * fan_in**-0.5,
        training=True,
        eps=_EPS / fan_in,
    )
    filters = filters.view(weight.shape)
    return filters.movedim(-1, 1) if last else filters


def standardise_weights(model: nn.Module) -> nn.Module:
    """Make all convolutions of a network standardise their weights on every use, in place.

    The parameters keep their names and values. Each convolution gets an additional, learned
    parameter ``weight_gain``, which starts at 1. :func:`fold_weights` turns the layers into plain
    convolutions again. Folded weights can be loaded into standardised layers: if a state dict
    has no gains, they are computed from its weights.

    The activation gains of Brock et al. (1.7 for ReLU) and their factors around a residual branch
    are not computed but measured: :func:`mmct.models.calibrate` gives each layer's output unit
    variance on a batch, whatever activation precedes it.

    Args:
        model (nn.Module): The network. Convolutions with one weight per filter have nothing to
            standardise and stay unchanged.

    Returns:
        nn.Module: The same ``model``.

    Raises:
        ValueError: If the network has no convolution to standardise, or one whose weight is not
            its own: computed (``weight_norm`` and the like) or that of another layer, too.
    """
    layers = {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, _KINDS) and layer.weight[0].numel() > 1
    }
    if not layers:
        raise ValueError('the network has no convolution whose weights could be standardised')
    owners: dict[nn.Parameter | None, str] = {None: 'weight_norm or the like'}
    for name, layer in layers.items():
        weight = layer._parameters.get('weight')
        if weight in owners:
            raise ValueError(
                f'the weight of {name} cannot be standardised, as it is also that of '
                f'{owners[weight]}'
            )
        owners[weight] = name
    for layer in layers.values():
        if not hasattr(layer, _GAIN):
            # What a backbone has frozen stays so.
            learned = layer.weight.requires_grad
            gain = nn.Parameter(torch.ones_like(layer.weight.flatten(1)[:, 0]), learned)
            layer.register_parameter(_GAIN, gain)
            layer.__class__ = _standardised_kind(type(layer))
    return model


def fold_weights(model: nn.Module) -> nn.Module:
    """Turn standardised convolutions into plain ones with the same outputs, in place.

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
    """Expose the weights before standardisation, so that initialisers can write to them.

    If they load a file, gains are computed as elsewhere, see :func:`standardise_weights`.

    Args:
        model (nn.Module): Any network.

    Yields:
        nn.Module: The same ``model``.
    """
    kinds = {layer: type(layer) for layer in _standardised_layers(model)}
    for layer, kind in kinds.items():
        layer.__class__ = layer.plain_kind
        layer._load_from_state_dict = MethodType(kind._load_from_state_dict, layer)
    try:
        yield model
    finally:
        for layer, kind in kinds.items():
            del layer._load_from_state_dict
            layer.__class__ = kind


@MODELS.register_module()
class StandardisedClassifier(ImageClassifier):
    """An ``ImageClassifier`` whose convolutions standardise their weights; any BN stays.

    It is a control of CT: its network differs from CT's teacher in BN alone.

    Args:
        *args: Arguments of ``mmpretrain.models.ImageClassifier``.
        weight_standardisation (bool): Whether to standardise the weights, see
            :func:`standardise_weights`. Defaults to True.
        **kwargs: Arguments of ``mmpretrain.models.ImageClassifier``.

    Raises:
        ValueError: If the network has no convolution to standardise.
    """

    def __init__(self, *args, weight_standardisation: bool = True, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if weight_standardisation:
            standardise_weights(self)
            for part in self.children():
                # It has loaded its weights when it was built, as timm's do.
                if getattr(part, 'is_init', False):
                    _keep_norms(part)

    def init_weights(self) -> None:
        """Initialise the weights, before any standardisation is applied to them."""
        with plain_weights(self):
            super().init_weights()


def are_standardised(names: Iterable[str]) -> bool:
    """Check by parameter names whether a state dict has standardised convolutions.

    Args:
        names (Iterable[str]): Names of the parameters.

    Returns:
        bool: True if any of them is a gain.
    """
    return any(name.endswith(f'.{_GAIN}') for name in names)


@cache
def _standardised_kind(kind: type[nn.Module]) -> type[nn.Module]:
    """Derive a convolution class whose ``weight`` is the standardised one.

    ``weight`` is a property, so the forward pass of the class can use it in any way.
    ``torch.nn.utils.parametrize`` does not work here: a copy shares a class that changes when the
    parametrisation is removed, so folding a teacher would break its moving average.
    """

    def weight(layer: nn.Module) -> Tensor:
        return standardised(layer._parameters['weight'], layer._parameters[_GAIN])

    def load(layer: nn.Module, weights: dict[str, Tensor], prefix: str, *args) -> None:
        plain = weights.get(f'{prefix}weight')
        if plain is not None:
            weights.setdefault(f'{prefix}{_GAIN}', _norms(plain))
        kind._load_from_state_dict(layer, weights, prefix, *args)

    def reduce(layer: nn.Module) -> tuple:
        # Pickle would look for this class in the module by its name.
        return _made, (kind,), layer.__dict__

    members = dict(weight=property(weight), plain_kind=kind, _load_from_state_dict=load,
                   __reduce__=reduce)  # fmt: skip
    return type(f'Standardised{kind.__name__}', (kind,), members)


def _made(kind: type[nn.Module]) -> nn.Module:
    made = _standardised_kind(kind)
    return made.__new__(made)


def _norms(weight: Tensor) -> Tensor:
    """Compute the gains that leave filters of mean 0 unchanged."""
    return (weight.flatten(1).square().sum(1) + _EPS).sqrt()


@torch.no_grad()
def _keep_norms(network: nn.Module) -> None:
    for layer in _standardised_layers(network):
        layer.weight_gain.copy_(_norms(layer._parameters['weight']))


def _standardised_layers(model: nn.Module) -> list[nn.Module]:
    return [layer for layer in model.modules() if hasattr(layer, 'plain_kind')]
