"""Rehearse scoring on a few images, without keeping any result."""

import copy
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import torch
from mmengine.evaluator import Evaluator
from mmengine.model import BaseModel
from torch.utils.data import DataLoader

from mmct.datasets import CorruptionSet
from mmct.modes import evaluating

from .mm_network import MMNetwork
from .predictor import Predictor

# Enough to reveal errors in a network or a metric.
_IMAGES = 8


def rehearse_scoring(
    model: BaseModel, loader: DataLoader, evaluator: Mapping[str, Any] | list
) -> list[str]:
    """Score a few images, to find errors before hours of training.

    Args:
        model (BaseModel): The network; its mode is kept.
        loader (DataLoader): The loader of validation or test, whose data set is read directly.
        evaluator (Mapping | list): The config of the metrics.

    Returns:
        list[str]: Names of the scores; none if they are not known.
    """
    dataset = loader.dataset
    with evaluating(model), torch.no_grad():
        if isinstance(dataset, CorruptionSet):
            images = dataset.read(0, slice(0, _IMAGES))
            Predictor(MMNetwork(model), channels_last=False).num_classes(images)
            return []
        batch = loader.collate_fn([dataset[i] for i in range(min(_IMAGES, len(dataset)))])
        metrics = Evaluator(copy.deepcopy(evaluator))
        metrics.dataset_meta = getattr(dataset, 'metainfo', None)
        metrics.process(model.test_step(copy.deepcopy(batch)), batch)
    # Errors here may be due to the small number of images.
    with suppress(ArithmeticError, AssertionError, LookupError, RuntimeError, ValueError):
        return list(metrics.evaluate(min(_IMAGES, len(dataset))))
    return []
