"""Provide randomness, from one generator for all images or from a keyed one per image."""

from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any

import numpy as np

Source = np.random.RandomState | np.random.Generator


def stacked(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """Stack arrays along a new axis; a single array, which may be large, is not copied."""
    arrays = list(arrays)
    if len(arrays) == 1:
        return np.asarray(arrays[0])[None]
    return np.stack(arrays)


class InOrder:
    """One generator from which all images draw, one after the other.

    A ``RandomState`` reproduces the draws of the reference code, which uses NumPy's global one.

    Args:
        rng (RandomState | Generator): The generator, whose state advances with each draw.
    """

    follows_reference = True

    def __init__(self, rng: Source) -> None:
        self.rng = rng

    def part(self, start: int, stop: int) -> 'InOrder':
        """Return the same object, whose generator continues after the preceding images."""
        return self

    def draw(self, count: int, draw: Callable[[Source], Any]) -> np.ndarray:
        """Draw for each of the next images.

        Args:
            count (int): The number N of images.
            draw (Callable): Function that takes a generator and returns one image's draws.

        Returns:
            np.ndarray: The draws, stacked: (N, ...).
        """
        return stacked(draw(self.rng) for _ in range(count))


class Keyed:
    """One generator per image, which the image's index determines.

    An image's draws do not depend on other images. The generator is counter-based (Philox;
    Salmon et al., 2011): its key is (seed, corruption, severity), and the index is one word of
    its counter. For large images, it only draws the initial state of a faster generator (SFC64;
    Doty-Humphrey), which takes half the time.

    Args:
        seed (int): Seed from 0 to 2**64 - 1.
        corruption (str): Name of the corruption.
        severity (int): 1 to 5.
        indices (np.ndarray): The images' indices, 0 or more. (N,)
        large (bool): Whether images are large enough for the faster generator.
            Defaults to False.
    """

    follows_reference = False

    def __init__(
        self,
        seed: int,
        corruption: str,
        severity: int,
        indices: np.ndarray,
        large: bool = False,
    ) -> None:
        words = (seed % 2**32, seed >> 32, severity, *corruption.encode())
        key = np.random.SeedSequence(words).generate_state(2, np.uint64)
        self._moved = cache(partial(_Moved, key, large))  # what draws nothing need not wait
        self._indices = indices

    def part(self, start: int, stop: int) -> 'Keyed':
        """Return the streams of the images from ``start`` to ``stop``, exclusive."""
        part = object.__new__(Keyed)
        part._moved, part._indices = self._moved, self._indices[start:stop]
        return part

    def draw(self, count: int, draw: Callable[[Source], Any]) -> np.ndarray:
        """Draw for each image, see :meth:`InOrder.draw`."""
        return stacked(draw(self._moved().to(index)) for index in self._indices)


class _Moved:
    """A generator that is set to each image; building one per image takes ten times as long."""

    def __init__(self, key: np.ndarray, large: bool) -> None:
        self._bits = np.random.Philox(key=key)
        self._fast = np.random.SFC64(0) if large else None
        self._rng = np.random.Generator(self._fast or self._bits)
        self._start = self._bits.state
        self._fast_start = self._fast.state if self._fast else None

    def to(self, index: int) -> np.random.Generator:
        """Return the generator at the start of an image's draws."""
        self._start['state']['counter'][:] = (0, 0, index, 0)
        self._bits.state = self._start
        if self._fast:
            self._fast_start['state']['state'][:] = (*self._bits.random_raw(3), 1)
            self._fast.state = self._fast_start
            self._fast.random_raw(12)  # as its author has it: until the state is mixed
        return self._rng


Streams = InOrder | Keyed


def integers(rng: Source, low: int, high: int, size: Any = None) -> Any:
    """Draw integers in [low, high), with either kind of generator."""
    if isinstance(rng, np.random.RandomState):
        return rng.randint(low, high, size)
    return rng.integers(low, high, size, dtype=np.int16 if high < 2**15 else np.int64)
