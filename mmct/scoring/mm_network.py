"""Adapt the classifiers of mmpretrain as networks to score."""

from collections.abc import Sequence
from typing import Any

import torch
from mmpretrain.models import ImageClassifier
from mmpretrain.models.heads import MultiLabelClsHead
from torch import Tensor

from mmct.corruptions.channels import check_channel_order
from mmct.models import class_scores
from mmct.runs.errors import CTError
from mmct.runs.identity import digest

from .networks import put_on


class MMNetwork:
    """A classifier of mmpretrain with its own ``data_preprocessor``.

    Args:
        model (ImageClassifier): The classifier.
        classes (Sequence[str], optional): Names of its outputs. Defaults to None.
        device (str | torch.device, optional): Device to move it to. Defaults to None: its own.
        channel_order (str, optional): Order of the channels of the images on which it was trained.
            Defaults to None: 'bgr' if its ``data_preprocessor`` flips the channels, else that of
            the data set, which is 'rgb' for files and arrays that :func:`mmct.score` reads.

    Raises:
        CTError: If its head predicts several classes per image, or the device does not exist.
        ValueError: If the order is none of these.
    """

    def __init__(
        self,
        model: ImageClassifier,
        classes: Sequence[str] | None = None,
        device: str | torch.device | None = None,
        channel_order: str | None = None,
    ) -> None:
        check_channel_order(channel_order, 'MMNetwork')
        if isinstance(model.head, MultiLabelClsHead):
            raise CTError('errors need one class per image, but the head is a MultiLabelClsHead')
        self.module = model
        self.device = put_on(model, device or next(model.parameters()).device)
        self.classes = classes
        # One that flips the channels has learned from files, which mmcv reads as BGR.
        flips = getattr(model.data_preprocessor, 'to_rgb', False)
        self.reads = channel_order or ('bgr' if flips else None)

    def inputs(self, images: Tensor) -> Tensor:
        """Preprocess images with the model's ``data_preprocessor``."""
        return self.module.data_preprocessor(dict(inputs=images), False)['inputs']

    def logits(self, inputs: Tensor) -> Tensor:
        """Compute the class scores of preprocessed images, (B, C)."""
        return class_scores(self.module(inputs, mode='tensor'))

    def settings(self) -> dict[str, Any]:
        """Describe how the ``data_preprocessor`` treats images."""
        own = self.module.data_preprocessor
        values = {name: getattr(own, name, None) for name in ('mean', 'std')}
        return dict(
            preprocessor=repr(own),
            to_rgb=getattr(own, 'to_rgb', None),
            **{n: v if v is None else v.flatten().tolist() for n, v in values.items()},
        )

    def digest(self, images: Tensor) -> str:
        """Return a hash of the weights; images play no part."""
        return digest(self.module.state_dict())
