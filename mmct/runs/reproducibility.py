"""The random generators of a process, as a checkpoint can hold them."""

import random
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain, count, repeat
from typing import Any

import numpy as np
import torch
from mmengine.dataset import InfiniteSampler
from mmengine.logging import print_log
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data._utils.fetch import _MapDatasetFetcher

from .errors import CTError


def random_state() -> dict[str, Any]:
    """The states of Python's, NumPy's and torch's global generators.

    Returns:
        dict[str, Any]: Tensors and numbers, which load with
        ``weights_only=True`` (NumPy's own arrays do not).
    """
    version, words, gauss = random.getstate()
    _, keys, position, has_gauss, cached = np.random.get_state()
    state = dict(
        python=(version, torch.tensor(words), gauss),
        numpy=(torch.from_numpy(keys.astype(np.int64)), position, has_gauss, cached),
        torch=torch.get_rng_state(),
    )
    if torch.cuda.is_available():
        state['cuda'] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: Mapping[str, Any]) -> None:
    """Go back to what :func:`random_state` gave.

    Args:
        state (Mapping[str, Any]): It may have been moved to another device.
    """
    version, words, gauss = state['python']
    random.setstate((version, tuple(words.tolist()), gauss))
    keys, *rest = state['numpy']
    np.random.set_state(('MT19937', keys.cpu().numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state['torch'].cpu())
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'].cpu())


def seed_all(*key: int) -> None:
    """Seed the global generators of this process from several numbers.

    Args:
        *key (int): Non-negative. Keys of one length that differ anywhere give
            streams that are independent, unlike sums of seeds.
    """
    words = np.random.SeedSequence(key).generate_state(4)
    random.seed(words.tobytes())
    np.random.seed(words)
    torch.manual_seed(int(words[0]) << 32 | int(words[1]))


class ReproducibleBatches:
    """Makes a loader's batches depend on seed, rank, worker and epoch alone.

    The streams inside persistent workers cannot be saved. So each worker is
    seeded from (seed, rank, worker, epoch) before the first batch of an epoch,
    and the loader draws nothing from the process's own generators.

    Args:
        loader (DataLoader): Changed in place; no worker of it may be running.
        rank (int): The number of this process.
    """

    def __init__(self, loader: DataLoader, rank: int) -> None:
        self.loader = loader
        # Workers see it change: seed and epoch, before the first epoch none.
        self._key = torch.tensor([0, -1]).share_memory_()
        loader.worker_init_fn = partial(
            _seed_each_epoch, rank=rank, key=self._key, before=loader.worker_init_fn
        )
        loader.generator = torch.Generator().manual_seed(0)

    def begin(self, seed: int, epoch: int) -> None:
        """Say what the next pass over the data is to be seeded with.

        Args:
            seed (int): The run's.
            epoch (int): Number of the pass, from 0.
        """
        self._key[0], self._key[1] = seed, epoch

    def endless(self, seed: int, start: int, reread: bool = True) -> Iterator:
        """Batches of epoch after epoch, for iteration-based training.

        Whole epochs are skipped; of the last one the batches that were
        trained on are read again, as its workers' streams go on from there.

        Args:
            seed (int): The run's.
            start (int): How many batches were trained on.
            reread (bool): Whether to do so. Defaults to True.

        Returns:
            Iterator: Begins with batch ``start``, or with that one's epoch.

        Raises:
            CTError: When read, if there is no batch.
        """
        endless_sampler = isinstance(self.loader.sampler, InfiniteSampler)
        # An endless sampler has but one epoch.
        length = start + 1 if endless_sampler else max(1, len(self.loader))
        epoch, done = divmod(start, length)
        batches = self._epochs(seed, epoch)
        if done and reread:
            print_log(f'Reading again {done} batches of the epoch', logger='current')
            for _ in range(done):
                next(batches)
        return batches

    def _epochs(self, seed: int, first: int) -> Iterator:
        for epoch in count(first):
            self.begin(seed, epoch)
            for sampler in samplers(self.loader):
                # As mmengine's DistSamplerSeedHook does for epoch-based training.
                if hasattr(sampler, 'set_epoch'):
                    sampler.set_epoch(epoch)
                if isinstance(sampler, InfiniteSampler):
                    # Its stream ends with the first iterator of the loader, and mmengine
                    # 0.10.7 makes one when the loop is built.
                    sampler.indices = sampler._indices_of_rank()
            empty = True
            for batch in self.loader:
                empty = False
                yield batch
            if empty:
                # Epoch after epoch of nothing would go on for ever.
                raise CTError(
                    'there are no training batches: with drop_last, batch_size must not be '
                    'above the number of images'
                )


class SkippedBatches(chain):
    """The batches that mmengine's iteration-based loop reads, already where it goes on.

    The loop asks for the batches that were trained on before: mmengine 0.10.7
    one by one, onedl-mmengine by ``skip_iter``. Nothing is read for these.

    Args:
        batches (Iterator): The batches to train on.
        skipped (int): How many the loop will skip.
    """

    def __new__(cls, batches: Iterator, skipped: int) -> 'SkippedBatches':
        """Put what is skipped before the batches."""
        return super().__new__(cls, repeat(None, skipped), batches)

    def skip_iter(self, num_iters: int) -> None:
        """Skip batches.

        Args:
            num_iters (int): How many.
        """
        for _ in range(num_iters):
            next(self)


def samplers(loader: DataLoader) -> list:
    """The loader's sampler, and the one inside its batch sampler.

    Args:
        loader (DataLoader): The loader.

    Returns:
        list: One or two samplers.
    """
    inner = getattr(loader.batch_sampler, 'sampler', None)
    return [loader.sampler] if inner in (None, loader.sampler) else [loader.sampler, inner]


def _seed_each_epoch(
    worker: int, rank: int, key: Tensor, before: Callable[[int], None] | None
) -> None:
    """Runs in a worker when it starts."""
    if before is not None:
        before(worker)
    fetch = _MapDatasetFetcher.fetch
    seeded = None

    def seeded_fetch(fetcher, indices):
        nonlocal seeded
        now = tuple(key.tolist())
        # A persistent worker is not told that an epoch begins.
        if now != seeded:
            seeded = now
            seed, epoch = now
            seed_all(seed, rank, worker, epoch + 1)
        return fetch(fetcher, indices)

    # In the worker's process only, whatever kind of data set it reads.
    _MapDatasetFetcher.fetch = seeded_fetch
