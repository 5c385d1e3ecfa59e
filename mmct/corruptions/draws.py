"""Draw many random numbers at a time, for large images."""

from functools import lru_cache

import numpy as np
from scipy import stats

from .primitives import compiled
from .streams import Source

# Up to this count, NumPy draws the numbers. More come from parallel generators (SFC64;
# Doty-Humphrey), which one vector instruction advances together.
_FEW = 1 << 14
_LANES = 64


def words(rng: Source, count: int) -> np.ndarray:
    """Draw words of 32 random bits.

    Args:
        rng (Source): The generator.
        count (int): Number of words.

    Returns:
        np.ndarray: The words, uint32. (count,)
    """
    if isinstance(rng, np.random.RandomState):
        return rng.randint(2**32, size=count, dtype=np.uint32)
    pairs = (count + 1) // 2
    if count <= _FEW:
        drawn = rng.bit_generator.random_raw(pairs)
    else:
        drawn = _side_by_side(rng.bit_generator.random_raw((3, _LANES)), pairs)
    return drawn.view(np.uint32)[:count]


@compiled
def _side_by_side(states: np.ndarray, count: int) -> np.ndarray:
    """Draw from generators with these states in turn; uint64. (count,)."""
    a, b, c = states[0].copy(), states[1].copy(), states[2].copy()
    lines = np.empty((-(-count // _LANES), _LANES), np.uint64)
    steps = np.uint64(1)
    for _ in range(12):  # as its author has it: until the states are mixed
        _step(a, b, c, steps, lines[0])
        steps += np.uint64(1)
    for i in range(len(lines)):
        _step(a, b, c, steps, lines[i])
        steps += np.uint64(1)
    return lines.reshape(-1)[:count]


@compiled
def _step(a: np.ndarray, b: np.ndarray, c: np.ndarray, steps: int, out: np.ndarray) -> None:
    for i in range(_LANES):
        drawn = a[i] + b[i] + steps
        a[i] = b[i] ^ (b[i] >> np.uint64(11))
        b[i] = c[i] + (c[i] << np.uint64(3))
        c[i] = ((c[i] << np.uint64(24)) | (c[i] >> np.uint64(40))) + drawn
        out[i] = drawn


def uniforms(rng: Source, count: int) -> np.ndarray:
    """Draw numbers from the uniform distribution on [0, 1).

    Args:
        rng (Source): The generator.
        count (int): Number of draws.

    Returns:
        np.ndarray: The numbers: float64, or if there are many, float32 multiples of 2**-24.
        (count,)
    """
    if isinstance(rng, np.random.RandomState) or count <= _FEW:
        return rng.random(count)
    return _fractions(words(rng, count))


@compiled
def _fractions(words: np.ndarray) -> np.ndarray:
    fractions = np.empty(words.size, np.float32)
    for i in range(words.size):
        fractions[i] = np.float32(np.int32(words[i] >> np.uint32(8))) * np.float32(2**-24)
    return fractions


def normals(rng: Source, count: int, mean: float, scale: float) -> np.ndarray:
    """Draw numbers from a normal distribution.

    Args:
        rng (Source): The generator.
        count (int): Number of draws.
        mean (float): Mean of the distribution.
        scale (float): Standard deviation of the distribution.

    Returns:
        np.ndarray: The numbers: float64, or if there are many, float32 values from 65,536
        quantiles. (count,)
    """
    if isinstance(rng, np.random.RandomState) or count <= _FEW:
        return rng.normal(mean, scale, count)
    return _pick(_quantiles(mean, scale), words(rng, (count + 1) // 2).view(np.uint16)[:count])


@lru_cache(maxsize=32)
def _quantiles(mean: float, scale: float) -> np.ndarray:
    """Compute the medians of 65,536 equally likely intervals, float32. (65536,)."""
    return stats.norm.ppf((np.arange(2**16) + 0.5) / 2**16, mean, scale).astype(np.float32)


@compiled
def _pick(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    picked = np.empty(places.size, values.dtype)
    for i in range(places.size):
        picked[i] = values[places[i]]
    return picked
