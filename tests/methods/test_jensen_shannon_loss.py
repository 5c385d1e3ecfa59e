"""AugMix's loss, against scipy and against the head's own."""

import math

import pytest
import torch
from mmpretrain.registry import MODELS
from scipy.special import rel_entr, softmax

from mmct.methods import JensenShannonLoss, jensen_shannon

VIEWS = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 3, 0])


def by_hand(views):
    total = 0.0
    for sample in range(views.shape[1]):
        p = [softmax(view[sample].double().numpy()) for view in views]
        mean = sum(p) / len(p)
        total += sum(rel_entr(q, mean).sum() for q in p) / len(p)
    return total / views.shape[1]


@pytest.mark.parametrize('count', [1, 2, 3])
def test_the_divergence_is_scipys(count):
    value = float(jensen_shannon(VIEWS[:count]))
    assert value == pytest.approx(by_hand(VIEWS[:count]), abs=1e-6)


def test_it_is_zero_for_equal_views_and_log_v_for_disjoint_ones():
    assert float(jensen_shannon([VIEWS[0]] * 3)) == pytest.approx(0, abs=1e-6)
    certain = [1000 * torch.eye(3)[[k]] for k in range(3)]
    assert float(jensen_shannon(certain)) == pytest.approx(math.log(3), rel=1e-5)


@pytest.mark.parametrize('own', [None, dict(type='LabelSmoothLoss', label_smooth_val=0.1)])
def test_the_heads_own_loss_is_of_the_clean_view(own):
    loss = JensenShannonLoss(own, jsd_weight=12.0)
    plain = MODELS.build(own or dict(type='CrossEntropyLoss'))
    clean = plain(VIEWS[0], LABELS, avg_factor=5)
    # A head gives the number of all rows.
    value = loss(VIEWS.flatten(0, 1), LABELS, avg_factor=15)
    torch.testing.assert_close(value, clean + 12 * jensen_shannon(VIEWS))
    torch.testing.assert_close(loss(VIEWS[0], LABELS, avg_factor=5), clean)


def test_a_negative_weight_is_refused():
    with pytest.raises(ValueError, match=r'JensenShannonLoss: jsd_weight must be >= 0.*-1'):
        JensenShannonLoss(jsd_weight=-1)
