"""Apply the corruptions of the C-Bar sets that overlay a pattern: noise, waves, sparkles.

The formulas are those of Mintun et al. (2021), applied to whole arrays; the draws are our own.
The formulas are for square images. For others, we take lengths relative to the shorter side.
"""

import numpy as np

from .streams import Source, Streams, integers

_WHITE = 255.0


def brownish_noise(images: np.ndarray, streams: Streams, strength: float) -> np.ndarray:
    """Add coloured noise, strongest in low frequencies.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        strength (float): 0 to 10, for a standard deviation of up to 64 levels.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    height, width = images.shape[1:3]
    spectrum = 1 / (frequencies(height, width) ** 2 + 1)
    noise = streams.draw(
        len(images), lambda rng: np.stack([spectral_noise(rng, spectrum) for _ in range(3)], -1)
    )
    return cut(images + 6.4 * strength * noise)


def single_frequency_greyscale(
    images: np.ndarray, streams: Streams, strength: float
) -> np.ndarray:
    """Add one grey plane wave.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        strength (float): 0 to 10, for an amplitude of up to 196 levels.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    y, x = pixels(images)

    def wave(rng: Source) -> np.ndarray:
        larger = rng.uniform(-np.pi, np.pi)
        smaller = rng.uniform(-abs(larger), abs(larger))
        down, across = rng.permutation((larger, smaller))
        return np.sin(down * y + across * x + rng.uniform(0, 2 * np.pi))

    return cut(images + 19.6 * strength * streams.draw(len(images), wave)[..., None])


def cocentric_sine_waves(images: np.ndarray, streams: Streams, strength: float) -> np.ndarray:
    """Add rings around a point, with a radius that oscillates with the angle.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        strength (float): 0 to 10, for a ramp of up to 128 levels across each ring.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    y, x = pixels(images)
    tenth = min(images.shape[1:3]) / 10

    def rings(rng: Source) -> np.ndarray:
        down, across = y - rng.uniform(0, y.size), x - rng.uniform(0, x.size)
        swings, amplitude, ring = rng.uniform(0, 10), rng.uniform(0, tenth), rng.uniform(0, tenth)
        radius = np.hypot(down, across) + amplitude * np.sin(swings * np.arctan2(across, down))
        return radius / ring % 1 - 0.5

    return cut(images + 12.8 * strength * streams.draw(len(images), rings)[..., None])


def plasma_noise(images: np.ndarray, streams: Streams, strength: float) -> np.ndarray:
    """Blend the image with swirls of colour, which are nested sine waves.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        strength (float): 0 to 10, for swirls with an amplitude of up to 64 levels. The image
            fades by the same fraction of white.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    y, x = pixels(images)
    side = min(images.shape[1:3])

    def swirls(rng: Source) -> np.ndarray:
        phase, rounds = rng.uniform(0, 6 * np.pi), integers(rng, 4, 7)
        decay, scale = 2.25 - rng.uniform(0.5, 1), rng.uniform(0.075, 0.2) * side
        across, down = np.broadcast_arrays(x / scale, y / scale)
        for turn in range(int(rounds)):
            # Each round is finer and weaker.
            finer, shift = 1.93**turn, phase / 1.15**turn
            one = np.cos(down * finer + shift) / decay**turn
            two = np.sin(across * finer + shift) / decay**turn
            across, down = across + one - 0.3 * two, down + two + 0.3 * one
        green = np.sin((across + down + np.sin(phase)) / 2)
        return np.stack((np.sin(across - phase), green, np.sin(down + phase)), -1)

    amplitude = 6.4 * strength
    swirled = streams.draw(len(images), swirls)
    return cut((1 - amplitude / _WHITE) * images + amplitude * swirled)


def perlin_noise(images: np.ndarray, streams: Streams, strength: float) -> np.ndarray:
    """Blend the image with grey clouds of five octaves of gradient noise (Perlin, 1985).

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        strength (float): 0 to 10, for up to half clouds and half image.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    y, x = (axis / (min(images.shape[1:3]) / 7) for axis in pixels(images))
    octaves = 2 ** np.arange(5)
    shape = [int(axis.max() * octaves[-1]) + 2 for axis in (y, x)]

    def clouds(rng: Source) -> np.ndarray:
        # All octaves share one lattice.
        gradients = rng.uniform(-1, 1, (*shape, 2))
        gradients /= np.linalg.norm(gradients, axis=-1, keepdims=True)
        turbulence = sum(abs(_gradient_noise(n * y, n * x, gradients)) / n for n in octaves)
        return np.minimum(0.5 * turbulence + 0.5, 1)

    share = 0.05 * strength
    grey = streams.draw(len(images), clouds)[..., None]
    return cut((1 - share) * images + _WHITE * share * grey)


def _gradient_noise(y: np.ndarray, x: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Compute Perlin's noise at points between lattice nodes. y (H, 1), x (1, W) -> (H, W)."""
    top, left = y.astype(int), x.astype(int)
    down, across = y - top, x - left

    def slope(row: int, column: int) -> np.ndarray:
        found = gradients[top + row, left + column]
        return (down - row) * found[..., 0] + (across - column) * found[..., 1]

    eased_down, eased_across = (t * t * (3 - 2 * t) for t in (down, across))
    upper = slope(0, 0) + eased_across * (slope(0, 1) - slope(0, 0))
    lower = slope(1, 0) + eased_across * (slope(1, 1) - slope(1, 0))
    return 1.5 * (upper + eased_down * (lower - upper))


def sparkles(images: np.ndarray, streams: Streams, strength: float) -> np.ndarray:
    """Add five white stars with rays.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        strength (float): 0 to 10, for a radius of up to a tenth of the shorter side.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    height, width = images.shape[1:3]
    radius = 0.01 * strength * min(height, width)

    def stars(rng: Source) -> np.ndarray:
        dark = np.ones((height, width))
        for _ in range(5):
            centre = rng.uniform(0, height), rng.uniform(0, width)
            rays = _rays(rng, radius, shortest=1)
            dark *= 1 - _star(pixels(images), centre, rays, falloff=1)
        return 1 - dark

    light = streams.draw(len(images), stars)[..., None]
    return cut(images + light * (_WHITE - images))


def inverse_sparkles(images: np.ndarray, streams: Streams, strength: float) -> np.ndarray:
    """Whiten the image outside a star with rays.

    Args:
        images (np.ndarray): RGB images, uint8. (N, H, W, 3)
        streams (Streams): The images' randomness.
        strength (float): 0 to 10; at 0 the image is least whitened, and at 10 only the star is
            left.

    Returns:
        np.ndarray: New images of the same shape and type.
    """
    height, width = images.shape[1:3]
    radius = 0.25 * min(height, width)

    def star(rng: Source) -> np.ndarray:
        centre = rng.uniform(0.25, 0.75) * height, rng.uniform(0.25, 0.75) * width
        return _star(pixels(images), centre, _rays(rng, radius), falloff=0.13 * strength)

    kept = streams.draw(len(images), star)[..., None]
    return cut(_WHITE + kept * (images - _WHITE))


def _rays(rng: Source, radius: float, shortest: float = -np.inf) -> np.ndarray:
    """Draw the lengths of 50 to 199 rays of a star."""
    count = int(integers(rng, 50, 200))
    return np.maximum(radius * (1 + 0.25 * rng.normal(size=count)), shortest)


def _star(
    points: tuple[np.ndarray, np.ndarray],
    centre: tuple[float, float],
    rays: np.ndarray,
    falloff: float,
) -> np.ndarray:
    """Compute a star's opacity, which is 1 inside its tapering rays and less outside. (H, W)."""
    down, across = points[0] - centre[0], points[1] - centre[1]
    turn = (np.arctan2(across, down) + np.pi) / (2 * np.pi) * len(rays)
    number, between = turn.astype(int), turn % 1
    first, second = rays[number % len(rays)], rays[(number + 1) % len(rays)]
    length = first + between * (second - first)
    reach = (length**2 / (down**2 + across**2 + 1e-4)) ** falloff
    return np.minimum((1 - (between - 0.5) ** 2) * reach, 1)


def frequencies(height: int, width: int) -> np.ndarray:
    """Compute the frequency of each entry of a Fourier transform.

    Args:
        height (int): Height in pixels.
        width (int): Width in pixels.

    Returns:
        np.ndarray: Frequencies, as periods along the shorter side. (H, W)
    """
    side = min(height, width)
    return side * np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))


def spectral_noise(rng: Source, spectrum: np.ndarray) -> np.ndarray:
    """Draw noise with a given spectrum and random phases.

    The noise is the real part of the inverse Fourier transform. As in the authors' scripts, two
    mirrored frequencies have the same phase.

    Args:
        rng (Source): The generator.
        spectrum (np.ndarray): Amplitude of each frequency. (H, W)

    Returns:
        np.ndarray: Noise of standard deviation 1. (H, W)
    """
    size = spectrum.size
    half = rng.uniform(0, 2 * np.pi, (size + 1) // 2)
    phases = np.concatenate((half, half[:size // 2][::-1])).reshape(spectrum.shape)
    noise = np.fft.ifft2(spectrum * np.exp(1j * phases)).real
    return noise / noise.std()


def pixels(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of rows and columns. (N, H, W, 3) -> (H, 1), (1, W)."""
    height, width = images.shape[1:3]
    return np.arange(height)[:, None], np.arange(width)[None]


def cut(levels: np.ndarray) -> np.ndarray:
    """Convert floats to grey levels by clipping and truncating."""
    return np.clip(levels, 0, _WHITE).astype(np.uint8)
