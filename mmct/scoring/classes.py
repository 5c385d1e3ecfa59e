"""Match the outputs of a network with the classes of a set."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmct.messages import suggestion
from mmct.runs.errors import CTError

from .cell_sources import WORDNET, CellSource, plain, spelt
from .networks import Network


class _Reordered:
    """A network with a selection of its outputs, in the order of a set's classes."""

    def __init__(self, network: Network, outputs: Sequence[int]) -> None:
        self._network, self.chosen = network, list(outputs)
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
    on the outputs for these classes only, as its authors do. So are classes that were selected
    from a set, also where the classes of the whole set are matched by position.

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
    names = names and list(map(spelt, names))
    count = source.metainfo['corruptions']['num_classes']
    # Of selected classes, those of the whole set are matched.
    chosen, count = source.metainfo.get('chosen', (None, count))
    own = network.classes
    if own is None and names and num_outputs == 1000 and all(map(WORDNET.fullmatch, names)):
        own = imagenet_numbers()
    if own is not None and len(own) != num_outputs:
        raise CTError(f'the network has {num_outputs} outputs, but {len(own)} names of classes')
    if by_position or names is None or own is None:
        # Classes without names are counted from the labels, so there may be more.
        fits = count == num_outputs or (count < num_outputs and (by_position or names is None))
        if not fits:
            remedy = '' if by_position else (
                ', or the names of its classes (classes=), or, if class N of the set is output N, '
                '--classes-by-position (classes_by_position=True)'
            )
            raise CTError(
                f'the set has {count} classes but the head has {num_outputs}: give a set that '
                f'matches the network{remedy}'
            )
        if chosen is None:
            return network, {}
        outputs = chosen
    else:
        outputs = _outputs(names, list(map(spelt, own)))
    if outputs == list(range(num_outputs)):
        return network, {}
    fewer = dict(outputs=len(outputs), all_outputs=num_outputs)
    return _Reordered(network, outputs), fewer if len(outputs) < num_outputs else {}


def chosen_outputs(network: Network) -> dict[str, list[int]]:
    """Return the ``chosen_outputs`` of a network, if :func:`matched` chose or reordered them."""
    return dict(chosen_outputs=network.chosen) if isinstance(network, _Reordered) else {}


def _outputs(names: list[str], own: list[str]) -> list[int]:
    """Find the output for each class of a set.

    Names of several outputs, as ImageNet has two 'crane', cannot be told apart, unless all names
    are the same in the same order.
    """
    if names == own:
        return list(range(len(own)))
    exact, alike = defaultdict(list), defaultdict(list)
    for number, name in enumerate(own):
        exact[name].append(number)
        alike[plain(name)].append(number)
    taken: dict[int, int] = {}
    for number, name in enumerate(names):
        known = exact.get(name) or alike.get(plain(name), [])
        said = f'class {number} of the set is {name!r}, which '
        if len(known) == 1 and known[0] not in taken:
            taken[known[0]] = number
            continue
        if len(known) == 1:
            said += f'has the output of class {taken[known[0]]}.'
        elif known:
            said += f'the network has {len(known)} times: outputs {", ".join(map(str, known))}.'
        else:
            hint = suggestion(name, own, f'it knows {", ".join(own[:10])} ...')
            said += f'the network does not know; {hint}'
        raise CTError(
            f'{said} If the classes have the same order, use --classes-by-position '
            '(classes_by_position=True)'
        )
    return list(taken)


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
