"""Match the outputs of a network with the classes of a set."""

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmct.messages import suggestion
from mmct.runs.errors import CTError

from .cell_sources import CellSource
from .networks import Network

_WORDNET = re.compile(r'n\d{8}')


class _Reordered:
    """A network with a selection of its outputs, in the order of a set's classes."""

    def __init__(self, network: Network, outputs: Sequence[int]) -> None:
        self._network = network
        self._outputs = torch.tensor(outputs, device=network.device)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def logits(self, inputs: Tensor) -> Tensor:
        return self._network.logits(inputs)[:, self._outputs]


def matched(
    network: Network, num_outputs: int, source: CellSource, by_position: bool = False
) -> tuple[Network, dict[str, Any]]:
    """Reorder the outputs of a network by name, so that output N is class N of a set.

    A set with a part of the network's classes, such as ImageNet-R or ImageNet-100, is scored
    on the outputs for these classes only, as its authors do.

    Args:
        network (Network): The network; ``classes`` has the names of its outputs if known.
        num_outputs (int): Number of its outputs.
        source (CellSource): The set; ``metainfo`` has the names of its classes if known.
        by_position (bool): Whether to match by position rather than by name. Defaults to
            False.

    Returns:
        tuple[Network, dict]: The network for this set, and for result files ``outputs`` and
        ``all_outputs``, the numbers of used and of all outputs, if they differ.

    Raises:
        CTError: If the network does not know a class, or the numbers of classes differ.
    """
    names = source.metainfo.get('classes')
    count = source.metainfo['corruptions']['num_classes']
    own = network.classes
    if own is None and names and num_outputs == 1000 and all(map(_WORDNET.fullmatch, names)):
        own = imagenet_numbers()
    if own is not None and len(own) != num_outputs:
        raise CTError(f'the network has {num_outputs} outputs, but {len(own)} names of classes')
    if by_position or names is None or own is None:
        # Classes without names are counted from the labels, so there may be more.
        fits = count == num_outputs or (count < num_outputs and (by_position or names is None))
        if not fits:
            raise CTError(
                f'the set has {count} classes but the head has {num_outputs}: give a set that '
                'matches the network, or the names of its classes (classes=), or, if class N of '
                'the set is output N, --classes-by-position (classes_by_position=True)'
            )
        return network, {}
    position = {_plain(name): number for number, name in enumerate(own)}
    for number, name in enumerate(names):
        if _plain(name) not in position:
            hint = suggestion(name, own, f'it knows {", ".join(map(str, own[:10]))} ...')
            raise CTError(
                f'class {number} of the set is {name!r}, which the network does not know; {hint} '
                'If the classes have the same order, use --classes-by-position '
                '(classes_by_position=True)'
            )
    outputs = [position[_plain(name)] for name in names]
    if outputs == list(range(num_outputs)):
        return network, {}
    more = dict(outputs=len(outputs), all_outputs=num_outputs) if len(outputs) < len(own) else {}
    return _Reordered(network, outputs), more


def imagenet_numbers() -> list[str] | None:
    """List the WordNet ids of ImageNet's 1,000 classes in order, such as 'n01440764'.

    Returns:
        list[str] | None: The ids, or None if timm, which provides them, is not installed.
    """
    try:
        from timm.data import ImageNetInfo
    except ImportError:
        return None
    return list(ImageNetInfo().label_names())


def _plain(name: str) -> str:
    return re.sub(r'[\s_-]+', ' ', str(name)).strip().lower()
