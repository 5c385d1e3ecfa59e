"""Wrap networks for scoring, with their preprocessing and their outputs."""

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.nn.parallel import DistributedDataParallel

from mmct.messages import require_counts, suggestion
from mmct.modes import evaluating
from mmct.runs.errors import CTError, one_line
from mmct.runs.identity import digest


class Network(Protocol):
    """A classifier of uint8 images.

    Attributes:
        module (nn.Module): The module with the weights, which scoring puts into eval mode.
        device (torch.device): Device of the network.
        classes (Sequence[str], optional): Names of the outputs.
        reads (str, optional): Order of the colour channels that ``inputs`` takes, 'rgb' or 'bgr';
            None for that of the data set.
    """

    module: nn.Module
    device: torch.device
    classes: Sequence[str] | None
    reads: str | None

    def inputs(self, images: Tensor) -> Tensor:
        """Preprocess uint8 images (B, 3, H, W) that are on the network's device."""

    def logits(self, inputs: Tensor) -> Tensor:
        """Compute the logits of preprocessed images, (B, C)."""

    def settings(self) -> dict[str, Any]:
        """Describe the preprocessing in a dict that JSON can hold."""

    def digest(self, images: Tensor) -> str:
        """Return a hash that identifies the network, which may use some images."""


class TorchNetwork:
    """Any torch module or function that returns logits.

    Args:
        function (Callable): Takes float images (B, 3, H, W), normalised, RGB, or with
            ``normalise=False`` uint8 images. It returns logits (B, C), or an object with
            ``logits``. A module is scored in eval mode; a function, an exported program's module
            and a frozen script are taken as they are.
        mean (Sequence[float], optional): Mean of each channel, for pixels from 0 to 1. Defaults
            to None: the mean that timm wrote into the module.
        std (Sequence[float], optional): Standard deviation of each channel, for pixels from 0 to
            1. Defaults to None: the value that timm wrote into the module.
        input_size (int, optional): Side of the square in pixels to which images of other sizes
            are resized after they are corrupted. Defaults to None: images keep their size.
        channel_order (str): Order of the channels that the network expects, 'rgb' or 'bgr'.
            Defaults to 'rgb'.
        normalise (bool): Whether to scale and normalise pixels. Defaults to True.
        classes (Sequence[str], optional): Names of the outputs. Defaults to None.
        device (str | torch.device, optional): Device of the network. Defaults to None: the
            device of the module's parameters.

    Raises:
        CTError: If the function cannot be called, or the normalisation of pixels is unknown or
            implausible.
    """

    def __init__(
        self,
        function: Callable[[Tensor], Any],
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        input_size: int | None = None,
        channel_order: str = 'rgb',
        normalise: bool = True,
        classes: Sequence[str] | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        if not callable(function) or isinstance(function, type):
            what = getattr(function, '__name__', type(function).__name__)
            raise CTError(f'a network must be a module or a function, but got {what}')
        require_counts(type(self).__name__, input_size=input_size)
        if channel_order not in ('rgb', 'bgr'):
            raise CTError(f"channel_order must be 'rgb' or 'bgr', but got {channel_order!r}")
        written = getattr(function, 'pretrained_cfg', None) or {}
        if not normalise and (mean is not None or std is not None):
            raise CTError('mean and std have no effect with normalise=False')
        mean = written.get('mean') if mean is None else mean
        std = written.get('std') if std is None else std
        if normalise and (mean is None or std is None):
            raise CTError(
                'the normalisation of pixels is unknown: give mean= and std= for pixels from 0 to '
                '1, such as mean=(0, 0, 0), std=(1, 1, 1), or normalise=False for uint8'
            )
        self.function = function
        self.module = function if _has_modes(function) else nn.Module()
        parameters = function.parameters() if isinstance(function, nn.Module) else iter(())
        weight = next(parameters, None)
        self.device = put_on(
            self.module, device or (weight.device if weight is not None else 'cpu')
        )
        self.input_size, self.channel_order = input_size, channel_order
        self.classes = classes
        self.reads = 'rgb'
        self._scaling = None
        if normalise:
            self._scaling = [_channels(values, self.device) for values in (mean, std)]
            largest = self._scaling[0].abs().max()
            if largest > 1 or self._scaling[1].min() <= 0 or self._scaling[1].max() > 10:
                raise CTError(
                    f'mean and std must be for pixels from 0 to 1, and std above 0, but got {mean} '
                    f'and {std}: divide those for pixels from 0 to 255 by 255'
                )

    def inputs(self, images: Tensor) -> Tensor:
        """Resize and normalise images.

        Args:
            images (Tensor): uint8 RGB images on the device. (B, 3, H, W)

        Returns:
            Tensor: The inputs of the network. (B, 3, H', W')
        """
        if self.channel_order == 'bgr':
            images = images.flip(1)
        size, wanted = images.shape[2:], self.input_size
        if wanted is not None and tuple(size) != (wanted, wanted):
            resized = interpolate(images.float(), (wanted, wanted), mode='bilinear', antialias=True)
            images = resized if self._scaling else resized.round().clamp(0, 255).to(torch.uint8)
        if self._scaling is None:
            return images
        mean, std = self._scaling
        return (images.float() / 255 - mean) / std

    def logits(self, inputs: Tensor) -> Tensor:
        """Call the network.

        Args:
            inputs (Tensor): The result of :meth:`inputs`.

        Returns:
            Tensor: The logits. (B, C)

        Raises:
            CTError: If the network returns something else.
        """
        found = self.function(inputs)
        found = getattr(found, 'logits', found)
        if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != len(inputs):
            what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise CTError(
                f'the network must return logits ({len(inputs)}, classes), but returned {what}'
            )
        # A function may have a network on another device than it was said to have.
        return found.to(inputs.device)

    def settings(self) -> dict[str, Any]:
        """Describe the preprocessing."""
        return dict(
            scaling=self._scaling and [values.flatten().tolist() for values in self._scaling],
            input_size=self.input_size,
            channel_order=self.channel_order,
        )

    def digest(self, images: Tensor) -> str:
        """Return a hash that identifies the network, of its weights or else of its outputs.

        Args:
            images (Tensor): uint8 RGB images for the outputs. (B, 3, H, W)

        Returns:
            str: The hash in hexadecimal.
        """
        weights = self.module.state_dict()
        if not weights or not all(map(_is_plain, weights.values())):
            # A function may hold its weights anywhere, and a quantised layer packs them.
            with torch.no_grad():
                weights = dict(logits=self.logits(self.inputs(images.to(self.device))))
        return digest(weights)


NETWORK_SETTINGS = tuple(signature(TorchNetwork).parameters)[1:]
"""The names of the settings of a network."""


def as_network(network: Any, **settings) -> Network:
    """Wrap a network of any kind for scoring.

    Args:
        network (Any): A classifier of mmpretrain, which has its own preprocessing; a torch
            module or function; or a :class:`Network`.
        **settings: Arguments of :class:`TorchNetwork`.

    Returns:
        Network: The wrapped network.

    Raises:
        CTError: See :class:`TorchNetwork`; also if a setting does not apply to the network.
    """
    if isinstance(network, DistributedDataParallel):
        # Its forward pass would wait for the other processes.
        network = network.module
    given = {name: value for name, value in settings.items() if value is not None}
    for name in given:
        if name not in NETWORK_SETTINGS:
            raise CTError(f'there is no argument {name!r}: {suggestion(name, NETWORK_SETTINGS)}')
    if hasattr(network, 'logits') and hasattr(network, 'inputs'):
        if given:
            raise CTError(f'pass {min(given)}= to {type(network).__name__}(...) instead')
        return network
    if hasattr(network, 'data_preprocessor'):
        from .mm_network import MMNetwork

        refused = given.keys() - {'device', 'classes', 'channel_order'}
        if refused:
            raise CTError(
                f'{min(refused)}= is for other networks: those of mmpretrain have it in their '
                'data_preprocessor'
            )
        return MMNetwork(network, **given)
    return TorchNetwork(network, **given)


def _has_modes(function: Any) -> bool:
    """Check for a module that can be put into eval mode, unlike exported and frozen networks."""
    if not isinstance(function, nn.Module):
        return False
    try:
        with evaluating(function):
            return True
    except (AttributeError, NotImplementedError):
        return False


def _is_plain(value: Any) -> bool:
    return isinstance(value, Tensor) and not value.is_quantized


def put_on(module: nn.Module, device: str | torch.device) -> torch.device:
    """Move a module to a device.

    Args:
        module (nn.Module): Is moved in place.
        device (str | torch.device): Where to.

    Returns:
        torch.device: It.

    Raises:
        CTError: If there is no such device, or it holds no values.
    """
    try:
        found = torch.device(device)
        module.to(found)
        torch.empty(0, device=found)
    except (AssertionError, ImportError, RuntimeError) as error:
        reason = one_line(error)[:100]
        raise CTError(f'the network cannot be moved to device {str(device)!r}: {reason}') from error
    if found.type == 'meta':
        raise CTError("the network is on device 'meta', which holds no weights: load them first")
    return found


def _channels(values: Sequence[float], device: torch.device) -> Tensor:
    found = torch.as_tensor(values, dtype=torch.float32, device=device).flatten()
    if len(found) not in (1, 3) or not torch.isfinite(found).all():
        raise CTError(f'mean and std must be three finite numbers, but got {values!r}')
    return found.reshape(1, -1, 1, 1)
