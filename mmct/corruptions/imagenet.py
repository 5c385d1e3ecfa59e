"""List the severities of ImageNet-C, for images from about 128 pixels.

The values are those of ``imagecorruptions-imaug``, which takes them from Hendrycks & Dietterich
(2019). The library computes six corruptions differently from the authors' scripts, and has its
own parameters for frost and elastic transform. `cifar.py` explains the numbers.
"""

from .cifar import Rows

IMAGENET_TABLE: Rows = dict(
    gaussian_noise=((0.08,), (0.12,), (0.18,), (0.26,), (0.38,)),
    shot_noise=((60,), (25,), (12,), (5,), (3,)),
    impulse_noise=((0.03,), (0.06,), (0.09,), (0.17,), (0.27,)),
    defocus_blur=((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
    glass_blur=((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
    motion_blur=((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
    zoom_blur=((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
    snow=(
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    ),
    # share of the image, share of the texture, scale and number of textures
    frost=(
        (1, 0.4, 1.1, 6),
        (0.8, 0.6, 1.1, 6),
        (0.7, 0.7, 1.1, 6),
        (0.65, 0.7, 1.1, 6),
        (0.6, 0.75, 1.1, 6),
    ),
    fog=((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
    brightness=((0.1,), (0.2,), (0.3,), (0.4,), (0.5,)),
    contrast=((0.4,), (0.3,), (0.2,), (0.1,), (0.05,)),
    # strength x the height, standard deviation x each side; no affine map
    elastic_transform=(
        (0.0625, 0.01, None),
        (0.08125, 0.01, None),
        (0.10625, 0.01, None),
        (0.125, 0.01, None),
        (0.15, 0.01, None),
    ),
    pixelate=((0.6,), (0.5,), (0.4,), (0.3,), (0.25,)),
    jpeg_compression=((25,), (18,), (15,), (10,), (7,)),
    speckle_noise=((0.15,), (0.2,), (0.35,), (0.45,), (0.6,)),
    gaussian_blur=((1,), (2,), (3,), (4,), (6,)),
    spatter=(
        (0.65, 0.3, 4, 0.69, 0.6, 0),
        (0.65, 0.3, 3, 0.68, 0.6, 0),
        (0.65, 0.3, 2, 0.68, 0.5, 0),
        (0.65, 0.3, 1, 0.65, 1.5, 1),
        (0.67, 0.4, 1, 0.65, 1.5, 1),
    ),
    saturate=((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
)
"""Parameters for severities 1 to 5, in the order in which the function of that name takes them."""

AS_LIBRARY = frozenset(
    ('motion_blur', 'pixelate', 'saturate', 'snow', 'spatter', 'zoom_blur')
)
"""The corruptions whose functions take ``as_library``."""
