"""Measure which features predictions rely on, and the variances of channels."""

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from mmct.models import NoNorm, class_scores
from mmct.runs.isolation import isolated
from mmct.runs.reproducibility import seed_all
from mmct.scoring.reliance import Site, VarianceSpectrum, measure_reliance

from ..registry import SCORES
from ..worker import TrainedRun


@SCORES.register_module()
class FeatureReliance:
    """The reliance of a network on low-variance features.

    The penultimate features, which are the inputs of the linear classifier, are
    sorted by their variance over training images. First the half with lower
    variance is replaced by its means, then the other half. The errors show how
    much predictions rely on each half. The score also measures the spectrum of
    channel variances in each BatchNorm and :class:`mmct.models.NoNorm` layer.

    https://arxiv.org/abs/2207.01548 claims that BatchNorm makes networks rely on
    low-variance features; this way to measure it is ours.

    Args:
        name (str): Name of the score.
        images (int): Number of training images by which features are sorted.
            Defaults to 2,000.
    """

    def __init__(self, name: str, images: int = 2000) -> None:
        self.name, self.images = name, images

    @torch.no_grad()
    def __call__(self, run: TrainedRun) -> dict[str, Any]:
        """Measure the reliance of a network.

        Args:
            run (TrainedRun): The run that trained it.

        Returns:
            dict: Errors on the test set in %: ``error_pct`` of the unchanged network,
            ``low_replaced_pct`` and ``high_replaced_pct``; ``low_variance_share``, the
            fraction of the total variance in the lower half, or None if no feature
            varies; and ``layers``, see
            :meth:`mmct.scoring.reliance.VarianceSpectrum.result`.
        """
        model, kinds = run.model(), (_BatchNorm, NoNorm)
        layers = {name: Site(m) for name, m in model.named_modules() if isinstance(m, kinds)}
        features = Site(_last_linear(model), of_input=True)
        spectrum, tests = VarianceSpectrum(layers), _loader(run, 'test')

        def reference() -> Iterator[Tensor]:
            training = _loader(run, 'train')
            left = self.images
            # Collect variances for the training images only.
            with spectrum:
                for inputs, _ in _inputs(model, training):
                    yield inputs[:left]
                    left -= len(inputs)
                    if left <= 0:
                        break

        with isolated():
            seed_all(0)  # the augmentation of the training images
            wrong, found = measure_reliance(
                lambda inputs: class_scores(model(inputs, mode='tensor')),
                dict(features=features),
                reference,
                lambda: (inputs for inputs, _ in _inputs(model, tests)),
                torch.cat([labels for _, labels in _inputs(model, tests)]),
            )
        without = found['features']

        def percent(wrong: Tensor) -> float:
            return 100 * wrong.double().mean().item()

        return dict(
            error_pct=percent(wrong),
            low_replaced_pct=percent(without.low_wrong),
            high_replaced_pct=percent(without.high_wrong),
            # None for a network whose features do not vary.
            low_variance_share=without.low_variance_share,
            layers=spectrum.result(),
        )


def _loader(run: TrainedRun, split: str) -> DataLoader:
    settings = copy.deepcopy(run.config[f'{split}_dataloader'])
    settings.update(num_workers=0, persistent_workers=False)
    # Without workers torch refuses what is for them.
    for key in ('prefetch_factor', 'timeout', 'multiprocessing_context'):
        settings.pop(key, None)
    return Runner.build_dataloader(settings, seed=0)


def _last_linear(model: ImageClassifier) -> nn.Linear:
    layers = [module for module in model.head.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise ValueError(f'FeatureReliance: {type(model.head).__name__} has no linear layer')
    return layers[-1]


def _inputs(model: ImageClassifier, batches: Iterable) -> Iterator[tuple[Tensor, Tensor]]:
    """Preprocess batches and yield inputs (N, 3, H, W) and labels (N,)."""
    for batch in batches:
        data = model.data_preprocessor(batch, False)
        samples = data['data_samples']
        # AugMix appends further views of the same images.
        yield data['inputs'][: len(samples)], torch.cat([sample.gt_label for sample in samples])
