"""Statistics that are estimated anew, against torch's."""

import pytest
import torch
from torch import nn

from mmct.modes import evaluating, restored_buffers
from mmct.scoring import reestimate_batch_norm


def batches():
    generator = torch.Generator().manual_seed(0)
    return [3 + 2 * torch.randn(6, 2, 5, 5, generator=generator) for _ in range(3)]


def test_they_are_the_mean_over_batches():
    norm = nn.BatchNorm2d(2, momentum=0.3)
    norm(10 * batches()[0])  # what was there before plays no part
    reestimate_batch_norm(nn.Sequential(norm), batches())
    means = torch.stack([batch.mean((0, 2, 3)) for batch in batches()]).mean(0)
    variances = torch.stack([batch.var((0, 2, 3)) for batch in batches()]).mean(0)
    torch.testing.assert_close(norm.running_mean, means)
    torch.testing.assert_close(norm.running_var, variances)
    assert norm.momentum == 0.3


def test_nothing_else_changes_and_modes_are_kept():
    model = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), nn.Dropout(0.5))
    model.train()
    model[1].eval()  # frozen on purpose
    weights = [parameter.clone() for parameter in model.parameters()]
    state = torch.get_rng_state()
    reestimate_batch_norm(model, batches())
    assert torch.equal(torch.get_rng_state(), state), 'dropout was switched off'
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))
    assert model.training and model[2].training and not model[1].training


@pytest.mark.parametrize('norm', [nn.GroupNorm(1, 2), nn.BatchNorm2d(2, track_running_stats=False)])
def test_a_network_without_running_statistics_is_refused(norm):
    with pytest.raises(ValueError, match='no BatchNorm whose statistics'):
        reestimate_batch_norm(nn.Sequential(norm), batches())


def test_modes_come_back_also_after_an_error():
    model = nn.Sequential(nn.Dropout(), nn.BatchNorm2d(2).eval())
    with pytest.raises(RuntimeError), evaluating(model):
        assert not model[0].training
        raise RuntimeError
    assert model.training and model[0].training and not model[1].training


@pytest.mark.parametrize('before', [None, torch.zeros(3, 3)])
def test_buffers_that_a_network_makes_while_it_runs_are_its_own(before):
    model = nn.Sequential(nn.BatchNorm2d(2))
    if before is not None:
        model.register_buffer('grid', before)
    with restored_buffers(model):
        reestimate_batch_norm(model, batches())
        model.register_buffer('grid', torch.ones(5, 5))
    assert model.grid.sum() == 25
    assert model[0].running_mean.tolist() == [0, 0]
