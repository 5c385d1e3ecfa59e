"""The features that a prediction rests on, and the variances of channels."""

import copy
from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from mmct.models import NoNorm
from mmct.runs.isolation import isolated
from mmct.runs.reproducibility import seed_all

from ..registry import SCORES
from ..worker import TrainedRun

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""At which quantiles the variances of channels are given."""


class VarianceSpectrum:
    """Watches the outputs of layers, and sums up their channels' variances.

    Args:
        layers (dict[str, nn.Module]): The layers, by name; their outputs have
            shape (N, C, ...).
    """

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        self._layers = layers
        self._sums: dict[str, Tensor] = {}
        self._handles: list = []

    def __enter__(self) -> 'VarianceSpectrum':
        for name, layer in self._layers.items():
            self._handles.append(layer.register_forward_hook(self._watch(name)))
        return self

    def __exit__(self, *exception: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _watch(self, name: str) -> Any:
        def after_forward(layer: nn.Module, args: tuple, output: Tensor) -> None:
            x = output.double().transpose(0, 1).flatten(1)  # (C, N ...)
            sums = torch.stack([torch.full_like(x[:, 0], x.shape[1]), x.sum(1), (x * x).sum(1)])
            self._sums[name] = self._sums.get(name, 0) + sums

        return after_forward

    def result(self) -> dict[str, dict[str, Any]]:
        """Return the quantiles that were seen.

        Returns:
            dict: For each layer ``channels``; ``quantiles`` of the channels'
            variances, divided by their mean (at :data:`QUANTILES`); and
            ``even``: ``(sum v)^2 / (C sum v^2)``, which is 1 where all channels
            have one variance and 1 / C where one has it all.
        """
        found = {}
        for name, (count, total, squares) in self._sums.items():
            variances = (squares / count - (total / count) ** 2).clamp_min(0)
            mean = variances.mean()
            even = mean**2 / (variances**2).mean()
            if not mean > 0:
                continue  # a layer that is constant has no spectrum
            at = variances.new_tensor(QUANTILES)
            found[name] = dict(
                channels=len(variances),
                even=even.item(),
                quantiles=(variances / mean).quantile(at).tolist(),
            )
        return found


@SCORES.register_module()
class FeatureReliance:
    """Measure how much a network rests on features of low variance.

    The penultimate features, those that the last linear layer gets, are
    sorted by their variance over training images. The half with the lower
    variance is replaced by its mean, then the other half; the errors say what
    the prediction rests on. For the layers that normalise, or that stand where
    BatchNorm was, the spectrum of the channels' variances is measured, too.

    That BatchNorm makes networks rely on low-variance features is the claim
    of https://arxiv.org/abs/2207.01548; this way to measure it is ours.

    Args:
        name (str): Name of the score.
        images (int): Training images to sort by. Defaults to 2,000.
    """

    def __init__(self, name: str, images: int = 2000) -> None:
        self.name, self.images = name, images

    @torch.no_grad()
    def __call__(self, run: TrainedRun) -> dict[str, Any]:
        """Measure it.

        Args:
            run (TrainedRun): The network.

        Returns:
            dict: ``error_pct`` of the test set, ``low_replaced_pct`` and
            ``high_replaced_pct``, ``low_variance_share`` (of the total
            variance, in the lower half; None if there is none) and ``layers``, see
            :class:`VarianceSpectrum`.
        """
        model, kinds = run.model(), (_BatchNorm, NoNorm)
        layers = {name: m for name, m in model.named_modules() if isinstance(m, kinds)}
        with isolated():
            seed_all(0)  # the augmentation of the training images
            training = _loader(run, 'train')
            count = -(-self.images // (training.batch_size or 1))
            with VarianceSpectrum(layers) as spectrum:
                features, _ = _features(model, islice(training, count))
        features, last = features[: self.images], _last_linear(model)
        means, variances = features.mean(0), features.var(0)
        order = variances.argsort()
        half, total = len(order) // 2, variances.sum()
        tests, labels = _features(model, _loader(run, 'test'))

        def error(replaced: Tensor) -> float:
            changed = tests.clone()
            changed[:, replaced] = means[replaced]
            return 100 * (last(changed).argmax(1) != labels).double().mean().item()

        return dict(
            error_pct=error(order[:0]),
            low_replaced_pct=error(order[:half]),
            high_replaced_pct=error(order[half:]),
            # Of a network that gives one answer to all images there is none.
            low_variance_share=(variances[order[:half]].sum() / total).item() if total else None,
            layers=spectrum.result(),
        )


def _loader(run: TrainedRun, split: str) -> DataLoader:
    settings = copy.deepcopy(run.config[f'{split}_dataloader'])
    settings.update(num_workers=0, persistent_workers=False)
    return Runner.build_dataloader(settings, seed=0)


def _last_linear(model: ImageClassifier) -> nn.Linear:
    layers = [module for module in model.head.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise ValueError(f'FeatureReliance: {type(model.head).__name__} has no linear layer')
    return layers[-1]


def _features(model: ImageClassifier, batches: Iterator) -> tuple[Tensor, Tensor]:
    """Inputs of the last linear layer (N, C), and labels (N,)."""
    features, labels = [], []

    def before_layer(layer: nn.Module, args: tuple) -> None:
        features.append(args[0].flatten(1))

    with _last_linear(model).register_forward_pre_hook(before_layer):
        for batch in batches:
            data = model.data_preprocessor(batch, False)
            model(data['inputs'], mode='tensor')
            labels += [sample.gt_label for sample in data['data_samples']]
    return torch.cat(features), torch.cat(labels)
