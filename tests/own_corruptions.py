"""A user's corruptions, which a config imports."""

import numpy as np

from mmct.corruptions import register


def rain(image, severity, rng):
    drops = rng.random(image.shape[:2]) < 0.03 * severity
    image[drops] = rng.integers(200, 256)
    return image


def dusk(image, severity, rng):
    return (image * (1 - 0.3 * severity)).astype(np.uint8)


register('rain', rain)
register('dusk', dusk, severities=3, category='light')
