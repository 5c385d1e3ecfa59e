"""Images that look like something: smooth shapes, flat parts, black, white and noise."""

import numpy as np


def make_images(count: int, height: int = 32, width: int = 32, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width][:, None, :, :, None]
    phase = rng.uniform(0, 6, (2, count, 1, 1, 3))
    waves = rng.uniform(0.05, 0.6, (2, count, 1, 1, 3))
    images = 0.5 + 0.4 * np.sin(waves[0] * x + phase[0]) * np.cos(waves[1] * y + phase[1])
    images += rng.normal(size=images.shape, scale=0.05)
    images[:, : height // 4, : width // 4] = rng.uniform(0, 1, (count, 1, 1, 3))  # flat
    images[:, -3:, -3:], images[:, -3:, :3], images[:, :3, -3:] = 0, 1, 0.5
    return (np.clip(images, 0, 1) * 255).astype(np.uint8)
