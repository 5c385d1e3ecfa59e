"""Networks to score: what they need of an image, and what they say of it."""

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mmct.messages import suggestion
from mmct.runs.errors import CTError, one_line
from mmct.runs.identity import digest


class Network(Protocol):
    """A classifier of uint8 images.

    Attributes:
        module (nn.Module): It, or what holds it; is put into eval mode.
        device (torch.device): Where it is.
        classes (Sequence[str], optional): The names of its outputs.
    """

    module: nn.Module
    device: torch.device
    classes: Sequence[str] | None

    def inputs(self, images: Tensor) -> Tensor:
        """Preprocess uint8 images (B, 3, H, W), which are on its device."""

    def logits(self, inputs: Tensor) -> Tensor:
        """Score preprocessed images. (B, C)."""

    def settings(self) -> dict[str, Any]:
        """Say how it preprocesses images; JSON-able."""

    def digest(self, images: Tensor) -> str:
        """Return a mark by which it is recognised, with the help of some images or without."""


class TorchNetwork:
    """Any module or function of torch that gives logits.

    Args:
        function (Callable): Gets float images (B, 3, H, W), normalised, RGB; with
            ``normalise=False`` uint8 ones. Returns logits (B, C), or an object with ``logits``.
        mean (Sequence[float], optional): Of the channels, of pixels from 0 to 1. Default what
            timm wrote into the module.
        std (Sequence[float], optional): The same.
        input_size (int, optional): Pixels of a side: images of another size are resized to a
            square of it, after they are corrupted. Defaults to None, as they are.
        channel_order (str): 'rgb' or 'bgr', of what the network gets. Defaults to 'rgb'.
        normalise (bool): Whether to scale and normalise. Defaults to True.
        classes (Sequence[str], optional): The names of the outputs.
        device (str | torch.device, optional): Defaults to where the module's parameters are.

    Raises:
        CTError: If it cannot be called, or nothing says how pixels are normalised.
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
            raise CTError(f'a network must be a module or a function, got {what}')
        if channel_order not in ('rgb', 'bgr'):
            raise CTError(f"channel_order must be 'rgb' or 'bgr', got {channel_order!r}")
        written = getattr(function, 'pretrained_cfg', None) or {}
        if not normalise and (mean is not None or std is not None):
            raise CTError('mean and std have no effect with normalise=False')
        mean = written.get('mean') if mean is None else mean
        std = written.get('std') if std is None else std
        if normalise and (mean is None or std is None):
            raise CTError(
                'nothing says how the network wants its pixels: give mean= and std= for pixels '
                'from 0 to 1, such as mean=(0, 0, 0), std=(1, 1, 1), or normalise=False for uint8'
            )
        self.function = function
        self.module = function if isinstance(function, nn.Module) else nn.Module()
        weight = next(self.module.parameters(), None)
        self.device = put_on(
            self.module, device or (weight.device if weight is not None else 'cpu')
        )
        self.input_size, self.channel_order = input_size, channel_order
        self.classes = classes
        self._scaling = None
        if normalise:
            self._scaling = [_channels(values, self.device) for values in (mean, std)]
            largest = self._scaling[0].abs().max()
            if largest > 1 or self._scaling[1].min() <= 0 or self._scaling[1].max() > 10:
                raise CTError(
                    f'mean and std are of pixels from 0 to 1, std above 0, got {mean} and {std}: '
                    'divide those of pixels from 0 to 255 by 255'
                )

    def inputs(self, images: Tensor) -> Tensor:
        """Resize and normalise images.

        Args:
            images (Tensor): uint8 RGB, on the device. (B, 3, H, W)

        Returns:
            Tensor: (B, 3, H', W')
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
            inputs (Tensor): What :meth:`inputs` gives.

        Returns:
            Tensor: (B, C)

        Raises:
            CTError: If it returns something else.
        """
        found = self.function(inputs)
        found = getattr(found, 'logits', found)
        if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != len(inputs):
            what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise CTError(f'the network must return logits ({len(inputs)}, classes), got {what}')
        return found

    def settings(self) -> dict[str, Any]:
        """Say how it preprocesses images."""
        return dict(
            scaling=self._scaling and [values.flatten().tolist() for values in self._scaling],
            input_size=self.input_size,
            channel_order=self.channel_order,
        )

    def digest(self, images: Tensor) -> str:
        """Return a mark by which it is recognised: of its weights, or of what it says.

        Args:
            images (Tensor): uint8 RGB. (B, 3, H, W)

        Returns:
            str: In hexadecimal.
        """
        weights = self.module.state_dict()
        if not weights:
            # A function may hold its weights anywhere.
            with torch.no_grad():
                weights = dict(logits=self.logits(self.inputs(images.to(self.device))))
        return digest(weights)


NETWORK_SETTINGS = tuple(signature(TorchNetwork).parameters)[1:]
"""The names of what a network is taken by, beside itself."""


def as_network(network: Any, **settings) -> Network:
    """Take a network of any kind for scoring.

    Args:
        network: A classifier of mmpretrain's, which has its own preprocessing; a module or
            function; or what is a :class:`Network` already.
        **settings: As for :class:`TorchNetwork`.

    Returns:
        Network: It.

    Raises:
        CTError: As :class:`TorchNetwork`, or if a classifier of mmpretrain's gets settings.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    for name in given:
        if name not in NETWORK_SETTINGS:
            raise CTError(f'there is no argument {name!r}: {suggestion(name, NETWORK_SETTINGS)}')
    if hasattr(network, 'logits') and hasattr(network, 'inputs'):
        if given:
            raise CTError(f'{min(given)}= is for {type(network).__name__}(...) itself, not here')
        return network
    if hasattr(network, 'data_preprocessor'):
        from .mm_network import MMNetwork

        refused = given.keys() - {'device', 'classes'}
        if refused:
            raise CTError(
                f"{min(refused)}= is for other networks: mmpretrain's have it in their "
                'data_preprocessor'
            )
        return MMNetwork(network, **given)
    return TorchNetwork(network, **given)


def put_on(module: nn.Module, device: str | torch.device) -> torch.device:
    """Move a module to a device.

    Args:
        module (nn.Module): Is moved in place.
        device (str | torch.device): Where to.

    Returns:
        torch.device: It.

    Raises:
        CTError: If there is no such device.
    """
    try:
        found = torch.device(device)
        module.to(found)
        torch.empty(0, device=found)
    except (AssertionError, RuntimeError) as error:
        reason = one_line(error)[:100]
        raise CTError(f'the network cannot be put on device {str(device)!r}: {reason}') from error
    return found


def _channels(values: Sequence[float], device: torch.device) -> Tensor:
    found = torch.as_tensor(values, dtype=torch.float32, device=device).flatten()
    if len(found) not in (1, 3) or not torch.isfinite(found).all():
        raise CTError(f'mean and std must be three finite numbers, got {values!r}')
    return found.reshape(1, -1, 1, 1)
