"""Measure the accuracy of teacher and student on the same images, and their agreement."""

import math
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice

import torch
from mmengine.dist import all_reduce, get_dist_info
from mmpretrain.models import ImageClassifier
from torch import Tensor
from torch.utils.data import DataLoader

from mmct.models import class_scores
from mmct.modes import evaluating
from mmct.runs.errors import no_scores

# One-sided 95 % quantile of the normal distribution, to test accuracies against chance.
_Z = 1.645


@dataclass(frozen=True)
class Accuracy:
    """Top-1 accuracies of models on the same images.

    Attributes:
        accuracy (tuple[float]): Accuracy of each model in %; with several labels per
            image, any of them counts as right.
        agreement (float): Percentage of images with the same top class for all models.
        chance (float): Accuracy of uniform guessing in %.
        num_images (int): Number of images N.
    """

    accuracy: tuple[float, ...]
    agreement: float
    chance: float
    num_images: int

    def above_chance(self) -> bool:
        """Test at the 95 % level whether the first model is better than guessing.

        Returns:
            bool: True if the accuracy exceeds chance by more than 1.645 standard
            errors of a guesser's accuracy on N images.
        """
        p = self.chance / 100
        margin = _Z * math.sqrt(p * (1 - p) / self.num_images)
        return self.accuracy[0] / 100 > p + margin


@torch.no_grad()
def evaluate(
    models: list[ImageClassifier],
    dataloader: DataLoader,
    max_batches: int | None = None,
) -> Accuracy:
    """Score models on the same images.

    Args:
        models (list[ImageClassifier]): The models, on one device; their mode is kept.
        dataloader (DataLoader): Yields mmpretrain's batches.
        max_batches (int, optional): Maximum number of batches. Defaults to None: all.

    Returns:
        Accuracy: The accuracies over all processes.

    Raises:
        DivergedError: If a model's scores are not finite.
        ValueError: If there are no images.
    """
    with ExitStack() as modes:
        for model in models:
            modes.enter_context(evaluating(model))
        totals = _counts(models, dataloader, max_batches)
    all_reduce(totals)
    *hits, agreements, labels, unknown, outputs, n = totals.tolist()
    if not n:
        raise ValueError('evaluate: the data loader gave no images')
    if unknown:
        raise no_scores(f'{unknown} of {n} images')
    accuracies = tuple(100 * hit / n for hit in hits)
    return Accuracy(accuracies, 100 * agreements / n, 100 * labels / outputs, n)


def _counts(
    models: list[ImageClassifier], dataloader: DataLoader, max_batches: int | None
) -> Tensor:
    """Count hits, agreements, labels, images without finite scores, outputs and images.

    Returns:
        Tensor: Hits of each model and the other counts, in this order. int64 (models + 5,)
    """
    preprocess = models[0].data_preprocessor
    # Sums stay on the device and are read once at the end; an Apple GPU has no float64.
    sums = torch.zeros(len(models) + 3, dtype=torch.int64)
    num_outputs = num_images = 0
    for batch in islice(dataloader, max_batches):
        data = preprocess(batch, False)
        # Use the clean view of training images that come in several views.
        inputs = data['inputs'][: len(data['data_samples'])]
        scores = [class_scores(model(inputs, mode='tensor')) for model in models]
        targets = _targets(data['data_samples'], scores[0])  # (N, num_classes)
        # A distributed sampler repeats images at the end.
        num_new = _num_new(dataloader, num_images, len(targets))
        num_images += num_new
        targets = targets[:num_new]
        num_outputs += targets.numel()
        tops = [s[:num_new].argmax(-1, keepdim=True) for s in scores]  # (N, 1)
        same = torch.stack([top == tops[0] for top in tops]).all(0)  # (N, 1)
        hits = [targets.gather(1, top).sum() for top in tops]
        finite = torch.stack([s[:num_new].isfinite().all(-1) for s in scores]).all(0)  # (N,)
        sums = sums.to(same.device) + torch.stack(
            [*hits, same.sum(), targets.sum(), (~finite).sum()]
        )
    return torch.cat([sums, sums.new_tensor([num_outputs, num_images])])


def _num_new(dataloader: DataLoader, seen: int, size: int) -> int:
    """Count the images in this process's next batch that are not repetitions."""
    rank, world_size = get_dist_info()
    if world_size == 1:
        return size
    # mmengine's DefaultSampler deals the images out in turn.
    share = -(-(len(dataloader.dataset) - rank) // world_size)
    return min(size, share - seen)


def _targets(data_samples: list, scores: Tensor) -> Tensor:
    """Mark the classes of each image as booleans, in the shape of the scores."""
    targets = torch.zeros_like(scores, dtype=torch.bool)
    for row, sample in zip(targets, data_samples, strict=True):
        if 'gt_score' in sample:
            row |= sample.gt_score.to(row.device) > 0.5
        else:
            # Unlike assignment by index, this does not wait for a GPU.
            row.scatter_(0, sample.gt_label.to(row.device), True)
    return targets
