"""ImageNet-C's severities, by the library that has them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import imagecorruptions
import numpy as np

from .streams import Source, Streams

# These two do not draw from NumPy's global generator.
_SEEDED = ('impulse_noise', 'glass_blur')


def corrupt_imagenet(
    images: np.ndarray, streams: Streams, corruption: str, severity: int
) -> np.ndarray:
    """Corrupt with ``imagecorruptions-imaug``, image by image.

    It draws from NumPy's global generator, which is lent to it and restored:
    not for two threads at once.

    Args:
        images (np.ndarray): uint8, at least 32 pixels a side. (N, H, W, 3)
        streams (Streams): The images' randomness.
        corruption (str): The name.
        severity (int): 1 to 5.

    Returns:
        np.ndarray: As the images.
    """
    apply = partial(_apply, corruption=corruption, severity=severity)
    rest = iter(images)
    return streams.draw(len(images), lambda rng: apply(next(rest), rng))


def _apply(image: np.ndarray, rng: Source, corruption: str, severity: int) -> np.ndarray:
    with _global_draws_from(rng):
        extra = {}
        if corruption in _SEEDED:
            extra = dict(seed=int(np.random.randint(2**31)))
        return imagecorruptions.corrupt(image, severity, corruption, **extra)


@contextmanager
def _global_draws_from(rng: Source) -> Iterator[None]:
    before = np.random.get_state()
    in_order = isinstance(rng, np.random.RandomState)
    if in_order:
        np.random.set_state(rng.get_state())
    else:
        np.random.seed(rng.integers(2**32, size=4))
    try:
        yield
        if in_order:
            rng.set_state(np.random.get_state())
    finally:
        np.random.set_state(before)
