"""Load networks by name from timm, torchvision, the model zoo or a user's own module."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmct.messages import suggestion
from mmct.runs.errors import ConfigError, CTError, one_line

from .options import Parser, positive_integer

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mmct.scoring.networks import Network

# Values of --weights that are not files.
_WORDS = ('pretrained', 'random')
# Networks of torchvision whose own weights want other pixels.
_OF_TENSORFLOW = ('googlenet', 'inception_v3')
NETWORK_HELP = 'timm/NAME, torchvision/NAME, zoo/NAME, package.module:factory, or a config'


def add_network_arguments(parser: Parser) -> None:
    """Add the options for a network that does not come from a config.

    Args:
        parser (Parser): The parser to which the options are added.
    """
    group = parser.add_argument_group('network')
    group.add_argument(
        '--weights',
        default='pretrained',
        metavar='FILE',
        help="file of a state dict; 'pretrained' (default) downloads the library's weights, "
        "'random' loads none",
    )
    for name in ('mean', 'std'):
        group.add_argument(
            f'--{name}',
            nargs=3,
            type=float,
            metavar=('R', 'G', 'B'),
            help=f'{name} that normalises the pixels, which are from 0 to 1; default that of the '
            'library',
        )
    group.add_argument(
        '--size',
        type=partial(positive_integer, most=2048),  # a batch of larger ones takes gigabytes
        help='size in pixels to which images are resized and cropped before they are corrupted; '
        'default that of the library; clean images of a set on disk get the size of the set',
    )
    group.add_argument(
        '--input-size',
        type=partial(positive_integer, most=2048),
        metavar='SIZE',
        help='size in pixels to which images are resized after they are corrupted, such as those '
        'of CIFAR-10-C for a network for 224 pixels; default none',
    )
    group.add_argument('--device', help="device, such as 'cuda:1'; default cuda if available")


def is_config(word: str) -> bool:
    """Check whether a word names a config instead of a network."""
    return word.endswith('.py') or '::' in word


def load_network(args: Namespace) -> tuple[Network, int | None]:
    """Build the network that the options name.

    Args:
        args (Namespace): ``network``, and the options of :func:`add_network_arguments`.

    Returns:
        tuple[Network, int | None]: The network, and the size of its images in pixels (None if any
        size will do).

    Raises:
        CTError: If there is no such network, or the weights do not fit it.
    """
    import torch

    from mmct.runs.weights import load_state_dict
    from mmct.scoring import TorchNetwork

    device = args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
    # Random weights are the same in each call, so that an interrupted one can be continued.
    torch.manual_seed(0)
    kind, _, name = args.network.partition('/')
    if kind == 'zoo' and name:
        return _zoo(name, args, device), args.size
    weights = None if args.weights in _WORDS else load_state_dict(args.weights)
    if kind in _LIBRARIES and name:
        module, known = _from_library(kind, name, args.weights == 'pretrained', weights)
    elif ':' in args.network:
        module, known = _own(args.network), {}
    else:
        known = [f'{library}/NAME' for library in (*_LIBRARIES, 'zoo')]
        hint = suggestion(kind, known, NETWORK_HELP)
        raise CTError(f'there is no network {args.network!r}: {hint}')
    if weights is not None:
        _load_weights(module, weights, args)
    size = args.size or known.get('size')
    mean, std = args.mean or known.get('mean'), args.std or known.get('std')
    if (mean is None or std is None) and not hasattr(module, 'pretrained_cfg'):
        raise CTError(
            'the normalisation of pixels is unknown: give --mean R G B and --std R G B, for '
            'pixels from 0 to 1'
        )
    settings = dict(mean=mean, std=std, input_size=args.input_size, device=device)
    return TorchNetwork(module, **settings), size


def _zoo(name: str, args: Namespace, device: str) -> Network:
    import mmct
    from mmct.scoring import as_network

    if args.weights != 'pretrained':
        raise CTError(f'zoo/{name} has its own weights: leave out --weights')
    settings = dict(mean=args.mean, std=args.std, input_size=args.input_size, device=device)
    return as_network(mmct.load(name), **settings)


def _from_library(
    library: str, name: str, pretrained: bool, weights: Mapping[str, Tensor] | None
) -> tuple[nn.Module, Mapping[str, Any]]:
    """Build a network of a library, with as many outputs as the weights that it will get."""
    settings = {}
    if library == 'torchvision' and name in _OF_TENSORFLOW and weights is not None:
        # torchvision sets these with its own weights, from which the file is taken to be trained.
        auxiliary = any(key.startswith(('aux1.', 'AuxLogits.')) for key in weights)
        settings = dict(transform_input=True, aux_logits=auxiliary, init_weights=False)
    module, known = _LIBRARIES[library](name, pretrained, **settings)
    outputs = None if weights is None else _num_outputs(module, weights)
    if outputs is not None:
        module, known = _LIBRARIES[library](name, False, num_classes=outputs, **settings)
    return module, known


def _num_outputs(module: nn.Module, weights: Mapping[str, Tensor]) -> int | None:
    """Count the outputs of weights that fit a network but for their number; else return None."""
    shapes = [
        (weights[name].shape, value.shape)
        for name, value in module.state_dict().items()
        if name in weights and weights[name].shape != value.shape
    ]
    counts = {found[:1] for found, _ in shapes}
    if len(counts) != 1 or any(found[1:] != own[1:] for found, own in shapes):
        return None
    return next(iter(counts.pop()), None)


def _timm(name: str, pretrained: bool, **settings) -> tuple[nn.Module, Mapping[str, Any]]:
    timm = _library('timm')
    if name.split('.')[0] not in timm.list_models():
        raise CTError(f'timm has no network {name!r}: {suggestion(name, timm.list_models(), "")}')
    with _download(name):
        module = timm.create_model(name, pretrained=pretrained, **settings)
    data = timm.data.resolve_model_data_config(module)
    return module, dict(mean=data['mean'], std=data['std'], size=data['input_size'][-1])


def _torchvision(name: str, pretrained: bool, **settings) -> tuple[nn.Module, Mapping[str, Any]]:
    models = _library('torchvision.models')
    names = models.list_models(module=models)
    if name not in names:
        raise CTError(f'torchvision has no classifier {name!r}: {suggestion(name, names, "")}')
    weights = models.get_model_weights(name).DEFAULT
    with _download(name):
        module = models.get_model(name, weights=weights if pretrained else None, **settings)
    data = weights.transforms()
    return module, dict(mean=data.mean, std=data.std, size=data.crop_size[0])


_LIBRARIES: dict[str, Callable[..., tuple[Any, Mapping[str, Any]]]] = dict(
    timm=_timm, torchvision=_torchvision
)


@contextmanager
def _download(name: str) -> Iterator[None]:
    """Report errors of a library that downloads weights within the block."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise CTError(
            f'the weights of {name} cannot be fetched ({one_line(error)}): give --weights FILE, or '
            '--weights random'
        ) from error


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise CTError(f'{name.split(".")[0]} is not installed ({one_line(error)})') from error


def _own(spec: str) -> Any:
    """Call a user's factory function; its module may also be in the current folder."""
    module_name, _, factory = spec.partition(':')
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    # The user's code may raise anything.
    try:
        module = import_module(module_name)
    except Exception as error:
        raise ConfigError(f'module {module_name} cannot be imported: {one_line(error)}') from error
    if not callable(getattr(module, factory, None)):
        names = [name for name, value in vars(module).items() if callable(value)]
        raise CTError(f'{module_name} has no function {factory!r}: {suggestion(factory, names)}')
    try:
        return getattr(module, factory)()
    except Exception as error:
        raise ConfigError(f'{spec} cannot be called: {one_line(error)}') from error


def _load_weights(module: nn.Module, weights: Mapping[str, Tensor], args: Namespace) -> None:
    """Load the weights of ``--weights`` into the network."""
    if not hasattr(module, 'load_state_dict'):
        raise CTError(
            f'--weights {args.weights} cannot be loaded, as {args.network} gives no module, but '
            f'{type(module).__name__}: load them there'
        )
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        own = module.state_dict()
        wrong = [
            name
            for name in {**own, **weights}
            if name not in own or name not in weights or own[name].shape != weights[name].shape
        ]
        raise CTError(
            f'{args.weights} does not fit {args.network}: {len(wrong)} weights are missing, '
            f'unknown or have another shape, the first is {wrong[0]}; a network of your own is '
            'package.module:factory'
        ) from error
