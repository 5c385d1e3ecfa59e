"""Sources of randomness: one generator for all images in order, or one keyed per image."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

Source = np.random.RandomState | np.random.Generator


def stacked(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """Stack arrays along a new axis; one alone, which may be large, is not copied."""
    arrays = list(arrays)
    if len(arrays) == 1:
        return np.asarray(arrays[0])[None]
    return np.stack(arrays)


class InOrder:
    """One generator that all images draw from, one after the other.

    With a ``RandomState`` these are the draws of the reference code, which
    draws from NumPy's global one.

    Args:
        rng (RandomState | Generator): The generator; it moves on.
    """

    follows_reference = True

    def __init__(self, rng: Source) -> None:
        self.rng = rng

    def part(self, start: int, stop: int) -> 'InOrder':
        """Return the same generator: it stands where the images before left it."""
        return self

    def draw(self, count: int, draw: Callable[[Source], Any]) -> np.ndarray:
        """Draw for each of the next images.

        Args:
            count (int): The number N of images.
            draw (Callable): Gets a generator and returns one image's draws.

        Returns:
            np.ndarray: The draws, stacked: (N, ...).
        """
        return stacked(draw(self.rng) for _ in range(count))


class Keyed:
    """One generator per image, found by the image's index.

    An image's draws do not depend on the images around it. The generator is
    counter-based (Philox; Salmon et al., 2011): (seed, corruption, severity) is
    its key, the index one word of its counter. For many draws an image it takes
    half of the time: it draws the state of a faster one (SFC64; Doty-Humphrey).

    Args:
        seed (int): 0 or more, less than 2**64.
        corruption (str): The name.
        severity (int): 1 to 5.
        indices (np.ndarray): The images' indices, 0 or more. (N,)
        large (bool): Whether images are so large that a faster generator pays.
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
        self._set(np.random.SeedSequence(words).generate_state(2, np.uint64), indices, large)

    def _set(self, key: np.ndarray, indices: np.ndarray, large: bool) -> None:
        self._key = key
        self._indices = indices
        self._large = large

    def part(self, start: int, stop: int) -> 'Keyed':
        """Return the streams of some of the images."""
        part = object.__new__(Keyed)
        part._set(self._key, self._indices[start:stop], self._large)
        return part

    def draw(self, count: int, draw: Callable[[Source], Any]) -> np.ndarray:
        """Draw for each image; as :meth:`InOrder.draw`."""
        return stacked(draw(rng) for rng in self._generators())

    def _generators(self) -> Iterator[np.random.Generator]:
        # One generator, moved: to build one takes ten times as long.
        bits = np.random.Philox(key=self._key)
        rng = np.random.Generator(bits)
        state = bits.state
        for index in self._indices:
            state['state']['counter'][:] = (0, 0, index, 0)
            bits.state = state
            yield _faster(bits) if self._large else rng


def _faster(bits: np.random.BitGenerator) -> np.random.Generator:
    fast = np.random.SFC64(0)
    state = fast.state
    state['state']['state'][:] = (*bits.random_raw(3), 1)
    fast.state = state
    fast.random_raw(12)  # as its author has it: until the state is mixed
    return np.random.Generator(fast)


Streams = InOrder | Keyed


def integers(rng: Source, low: int, high: int, size: Any = None) -> Any:
    """Draw integers of [low, high), with either kind of generator."""
    if isinstance(rng, np.random.RandomState):
        return rng.randint(low, high, size)
    return rng.integers(low, high, size, dtype=np.int16 if high < 2**15 else np.int64)


def words(rng: Source, count: int) -> np.ndarray:
    """Draw words of 32 random bits.

    Args:
        rng (Source): The generator.
        count (int): How many.

    Returns:
        np.ndarray: uint32. (count,)
    """
    if isinstance(rng, np.random.RandomState):
        return rng.randint(2**32, size=count, dtype=np.uint32)
    return rng.bit_generator.random_raw((count + 1) // 2).view(np.uint32)[:count]
