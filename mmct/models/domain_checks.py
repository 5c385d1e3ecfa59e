"""What a classifier of images with domains needs."""

from collections.abc import Sequence

from mmpretrain.models.losses import CrossEntropyLoss
from mmpretrain.structures import DataSample
from torch import nn


def domains_of(data_samples: Sequence[DataSample], owner: str) -> list[int]:
    """The number of each image's domain.

    Args:
        data_samples (Sequence[DataSample]): Of the images.
        owner (str): Who asks.

    Raises:
        ValueError: If one has none.
    """
    if any('domain' not in sample for sample in data_samples):
        raise ValueError(
            f"{owner}: images come without their domain: use a MultiDomain data set, and "
            "'domain' among the meta_keys of PackInputs"
        )
    return [sample.domain for sample in data_samples]


def require_cross_entropy(head: nn.Module, owner: str) -> None:
    """Refuse a head whose loss is not that of one class an image.

    Args:
        head (nn.Module): Of a classifier.
        owner (str): Who needs it.

    Raises:
        ValueError: If it has another loss.
    """
    if type(getattr(head, 'loss_module', None)) is not CrossEntropyLoss:
        raise ValueError(
            f'{owner} needs a head whose loss is a CrossEntropyLoss, but got {type(head).__name__}'
        )
