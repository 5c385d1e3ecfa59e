"""Accuracies against counts by hand."""

import pytest
import torch
from mmpretrain.structures import DataSample
from sklearn.metrics import accuracy_score
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmct.runs.errors import DivergedError
from mmct.scoring.accuracy import Accuracy, evaluate


class Table(nn.Module):
    """Gives stored logits; the image is the row's number."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def data_preprocessor(self, batch, training):
        assert not training
        return batch

    def forward(self, inputs, mode):
        assert mode == 'tensor'
        assert not self.training
        return self.logits[inputs]


def _batches(labels, size):
    samples = [DataSample().set_gt_label(label) for label in labels]
    return [
        dict(
            inputs=torch.arange(i, min(i + size, len(labels))),
            data_samples=samples[i : i + size],
        )
        for i in range(0, len(labels), size)
    ]


def test_against_scikit_learn_with_uneven_batches():
    labels = torch.randint(0, 5, (23,))
    models = [Table(torch.randn(23, 5)).train() for _ in range(2)]
    found = evaluate(models, _batches(labels.tolist(), 10))
    tops = [model.logits.argmax(1) for model in models]
    for accuracy, top in zip(found.accuracy, tops, strict=True):
        assert accuracy == pytest.approx(100 * accuracy_score(labels, top))
    assert found.agreement == pytest.approx(100 * accuracy_score(*tops))
    assert (found.chance, found.num_images) == (pytest.approx(20), 23)
    assert all(model.training for model in models)


def test_max_batches():
    assert evaluate([Table(torch.randn(9, 3))], _batches([0] * 9, 4), 2).num_images == 8


def test_several_labels_and_branches():
    # Image 0 has classes 0 and 2, image 1 has class 1.
    batch = _batches([[0, 2], [1]], 2)
    one = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 3.0]])
    two = torch.tensor([[0.0, 0.5, 0.0], [0.0, 4.0, 0.0]])
    model = Table(None)
    model.forward = lambda inputs, mode: (one, two)
    found = evaluate([model], batch)
    assert found.accuracy == (100.0,)
    assert found.chance == pytest.approx(100 * (2 / 3 + 1 / 3) / 2)


def test_no_images_is_an_error():
    with pytest.raises(ValueError, match='no images'):
        evaluate([Table(torch.randn(1, 2))], [])


@pytest.mark.parametrize(
    ('accuracy', 'num_images', 'above'),
    [(10.0, 10_000, False), (11.0, 10_000, True), (11.0, 100, False), (0.0, 50, False)],
)
def test_above_chance(accuracy, num_images, above):
    assert Accuracy((accuracy,), 100.0, 10.0, num_images).above_chance() is above


@pytest.mark.parametrize('value', ['nan', 'inf', '-inf'])
def test_a_model_without_finite_scores_has_no_accuracy(value):
    models = [Table(torch.randn(23, 5)), Table(torch.randn(23, 5))]
    models[1].logits[3, 2] = models[1].logits[21, 0] = float(value)
    with pytest.raises(DivergedError, match='no finite scores for 2 of 23 images'):
        evaluate(models, _batches([0] * 23, 10))


class NoFloat64(TorchDispatchMode):
    """As an Apple GPU, which has none."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        assert getattr(found, 'dtype', None) != torch.float64, func
        return found


def test_it_counts_without_float64():
    model = Table(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    with NoFloat64():
        assert evaluate([model], _batches([1, 1], 2)).accuracy == (50.0,)
