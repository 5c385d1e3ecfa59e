"""Save, restore and seed the random generators of a process and of its data loading workers."""

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
    """Return the states of Python's, NumPy's and torch's global generators.

    Returns:
        dict[str, Any]: Tensors and numbers, which, unlike NumPy arrays, can be
        loaded with ``weights_only=True``.
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
    if torch.backends.mps.is_available():
        state['mps'] = torch.mps.get_rng_state()
    return state


def set_random_state(state: Mapping[str, Any]) -> None:
    """Restore the states that :func:`random_state` returned.

    Args:
        state (Mapping[str, Any]): The states, which may be on another device.
    """
    version, words, gauss = state['python']
    random.setstate((version, tuple(words.tolist()), gauss))
    keys, *rest = state['numpy']
    np.random.set_state(('MT19937', keys.cpu().numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state['torch'].cpu())
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'].cpu())
    if 'mps' in state and torch.backends.mps.is_available():
        torch.mps.set_rng_state(state['mps'].cpu())


def seed_all(*key: int) -> None:
    """Seed the global generators of this process from several numbers.

    Args:
        *key (int): Non-negative numbers. Different keys of the same length give
            independent streams, unlike sums of seeds.
    """
    words = np.random.SeedSequence(key).generate_state(4)
    random.seed(words.tobytes())
    np.random.seed(words)
    torch.manual_seed(int(words[0]) << 32 | int(words[1]))


class ReproducibleBatches:
    """Make the batches of a loader depend only on seed, rank, worker and epoch.

    The random streams inside persistent workers cannot be saved. Therefore each
    worker is seeded from (seed, rank, worker, epoch) before the first batch of an
    epoch, and the loader draws nothing from the generators of this process.

    Args:
        loader (DataLoader): The loader, changed in place; none of its workers may
            be running.
        rank (int): Rank of this process.
    """

    def __init__(self, loader: DataLoader, rank: int) -> None:
        self.loader = loader
        # Seed and epoch (-1 before the first), in memory that the workers share.
        self._key = torch.tensor([0, -1]).share_memory_()
        loader.worker_init_fn = partial(
            _seed_each_epoch, rank=rank, key=self._key, before=loader.worker_init_fn
        )
        loader.generator = torch.Generator().manual_seed(0)

    def begin(self, seed: int, epoch: int) -> None:
        """Set the seed for the next pass over the data.

        Args:
            seed (int): Seed of the run.
            epoch (int): Number of the pass, from 0.
        """
        self._key[0], self._key[1] = seed, epoch

    def endless(self, seed: int, start: int, reread: bool = True) -> Iterator:
        """Return an endless iterator over batches, for iteration-based training.

        To resume, complete epochs are skipped. The batches of the last epoch that
        were already used are read again, so that the streams of its workers continue
        correctly.

        Args:
            seed (int): Seed of the run.
            start (int): Number of batches already used for training.
            reread (bool): Whether to read batches of the last epoch again. Defaults
                to True.

        Returns:
            Iterator: An iterator that begins with batch ``start``, or without
            ``reread`` with the first batch of its epoch.

        Raises:
            CTError: When read, if there are no batches.
        """
        endless_sampler = isinstance(self.loader.sampler, InfiniteSampler)
        # An endless sampler has only one epoch.
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
                # Empty epochs would be repeated forever.
                raise CTError(
                    'there are no training batches: with drop_last, batch_size must not be '
                    'above the number of images'
                )


class SkippedBatches(chain):
    """An iterator for mmengine's iteration-based loop that is already at the resumed position.

    The loop skips the batches that were used before: mmengine 0.10.7 reads them one
    by one, and onedl-mmengine calls ``skip_iter``. This iterator skips them without
    reading any data.

    Args:
        batches (Iterator): The batches to train on.
        skipped (int): Number of batches that the loop will skip.
    """

    def __new__(cls, batches: Iterator, skipped: int) -> 'SkippedBatches':
        """Put placeholders for the skipped batches before the batches."""
        return super().__new__(cls, repeat(None, skipped), batches)

    def skip_iter(self, num_iters: int) -> None:
        """Skip batches.

        Args:
            num_iters (int): Number of batches.
        """
        for _ in range(num_iters):
            next(self)


def samplers(loader: DataLoader) -> list:
    """Return the sampler of a loader, and that inside its batch sampler.

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
    """Make a worker process seed its generators at each epoch; called when it starts."""
    if before is not None:
        before(worker)
    fetch = _MapDatasetFetcher.fetch
    seeded = None

    def seeded_fetch(fetcher, indices):
        nonlocal seeded
        now = tuple(key.tolist())
        # A persistent worker gets no notice of a new epoch.
        if now != seeded:
            seeded = now
            seed, epoch = now
            seed_all(seed, rank, worker, epoch + 1)
        return fetch(fetcher, indices)

    # This changes only the worker's process, and works for any map-style data set.
    _MapDatasetFetcher.fetch = seeded_fetch
