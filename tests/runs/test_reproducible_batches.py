"""Batches are a matter of seed, rank, worker and epoch."""

import random
from functools import partial
from itertools import islice

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler
from torch.utils.data import DataLoader, Dataset

from mmct.runs import CTError
from mmct.runs.reproducibility import ReproducibleBatches, SkippedBatches


class Draws(Dataset):
    """An image's number, and a number of each generator."""

    def __len__(self):
        return 12

    def __getitem__(self, index):
        return torch.tensor([index, np.random.rand(), random.random(), torch.rand(()).item()])


def batches(start=0, seed=3, rank=0, sampler=DefaultSampler, workers=2, persistent=True):
    loader = DataLoader(
        Draws(),
        batch_size=2,
        sampler=sampler(Draws(), shuffle=True, seed=0),
        num_workers=workers,
        persistent_workers=persistent,
    )
    return ReproducibleBatches(loader, rank).endless(seed, start)


def taken(iterator, number=15):
    # float64 is what all generators but torch's draw.
    return torch.stack(list(islice(iterator, number)))  # (batches, 2, 4)


@pytest.mark.parametrize('sampler', [DefaultSampler, InfiniteSampler])
@pytest.mark.parametrize(('persistent', 'start'), [(True, 1), (True, 6), (True, 9), (False, 9)])
def test_a_later_start_reads_what_was_left(sampler, persistent, start):
    kind = dict(sampler=sampler, persistent=persistent)
    whole = taken(batches(**kind))
    np.random.seed(0)  # of no account to the workers
    rest = taken(batches(start, **kind), 15 - start)
    assert torch.equal(whole[start:], rest)


def test_an_endless_sampler_begins_anew_whoever_read_the_loader_before():
    sampler = InfiniteSampler(Draws(), shuffle=True, seed=0)
    loader = DataLoader(Draws(), batch_size=2, sampler=sampler)
    # As mmengine 0.10.7 does when it builds its loop: the iterator is then dropped.
    next(iter(loader))
    again = ReproducibleBatches(loader, 0).endless(3, 0)
    expected = batches(sampler=InfiniteSampler, workers=0, persistent=False)
    assert torch.equal(taken(again)[..., 0], taken(expected)[..., 0])


def test_no_batches_are_an_error_instead_of_epochs_without_end():
    loader = DataLoader(Draws(), batch_size=13, drop_last=True)
    with pytest.raises(CTError, match='no training batches: with drop_last, batch_size must not'):
        next(ReproducibleBatches(loader, 0).endless(0, 0))


def test_epochs_workers_seeds_and_ranks_draw_otherwise():
    draws = taken(batches())[..., 1:]
    assert len(draws.unique()) == draws.numel()
    for other in (dict(seed=4), dict(rank=1)):
        others = taken(batches(**other))[..., 1:]
        assert not set(others.unique().tolist()) & set(draws.unique().tolist())


def test_each_epoch_has_all_images():
    numbers = taken(batches(), 12)[..., 0].reshape(2, 12)
    assert numbers.sort(1).values.tolist() == [list(range(12))] * 2
    assert not torch.equal(numbers[0], numbers[1])


def test_the_process_itself_draws_nothing():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    taken(batches())
    assert torch.equal(torch.get_rng_state(), before)


def mark(worker, folder):
    (folder / str(worker)).touch()


def test_the_loaders_own_initialisation_stays(tmp_path):
    loader = DataLoader(Draws(), num_workers=2, worker_init_fn=partial(mark, folder=tmp_path))
    ReproducibleBatches(loader, 0).begin(0, 0)
    list(loader)
    assert {path.name for path in tmp_path.iterdir()} == {'0', '1'}


def test_a_loop_skips_at_once_or_one_by_one():
    for skip in (lambda b: b.skip_iter(3), lambda b: [next(b) for _ in range(3)]):
        iterator = SkippedBatches(iter('ab'), 3)
        skip(iterator)
        assert list(iterator) == ['a', 'b']
