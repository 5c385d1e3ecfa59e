"""List the severities of Tiny-ImageNet-C, for images of about 64 pixels.

They lie between those of CIFAR-10-C and of ImageNet-C. The values are from the authors' script
for Tiny-ImageNet (Hendrycks & Dietterich, 2019). `cifar.py` explains the numbers.
"""

from .cifar import Rows

TINY_IMAGENET_TABLE: Rows = dict(
    gaussian_noise=((0.04,), (0.08,), (0.12,), (0.15,), (0.18,)),
    shot_noise=((250,), (100,), (50,), (30,), (15,)),
    impulse_noise=((0.01,), (0.02,), (0.05,), (0.08,), (0.14,)),
    defocus_blur=((0.5, 0.6), (1, 0.1), (1.5, 0.1), (2.5, 0.01), (3, 0.1)),
    glass_blur=((0.1, 1, 1), (0.5, 1, 1), (0.6, 1, 2), (0.7, 2, 1), (0.9, 2, 2)),
    motion_blur=((10, 1), (10, 1.5), (10, 2), (10, 2.5), (12, 3)),
    zoom_blur=((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
    snow=(
        (0.1, 0.2, 1, 0.6, 8, 3, 0.8),
        (0.1, 0.2, 1, 0.5, 10, 4, 0.8),
        (0.15, 0.3, 1.75, 0.55, 10, 4, 0.7),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.65),
        (0.3, 0.3, 1.25, 0.65, 14, 12, 0.6),
    ),
    # share of the image, share of the texture, scale of the texture
    frost=((1, 0.3, 0.3), (0.9, 0.4, 0.3), (0.8, 0.45, 0.3), (0.75, 0.5, 0.3), (0.7, 0.55, 0.3)),
    fog=((0.4, 3), (0.7, 3), (1, 2.5), (1.5, 2), (2, 1.75)),
    brightness=((0.1,), (0.2,), (0.3,), (0.4,), (0.5,)),
    contrast=((0.4,), (0.3,), (0.2,), (0.1,), (0.05,)),
    elastic_transform=(
        (0, 0, 0.08),
        (0.05, 0.3, 0.06),
        (0.1, 0.08, 0.06),
        (0.1, 0.03, 0.03),
        (0.16, 0.03, 0.02),
    ),
    pixelate=((0.9,), (0.8,), (0.7,), (0.6,), (0.5,)),
    jpeg_compression=((65,), (58,), (50,), (40,), (25,)),
    speckle_noise=((0.15,), (0.2,), (0.25,), (0.3,), (0.35,)),
    gaussian_blur=((0.5,), (0.75,), (1,), (1.25,), (1.5,)),
    spatter=(
        (0.62, 0.1, 0.7, 0.7, 0.6, 0),
        (0.65, 0.1, 0.8, 0.7, 0.6, 0),
        (0.65, 0.3, 1, 0.69, 0.6, 0),
        (0.65, 0.1, 0.7, 0.68, 0.6, 1),
        (0.65, 0.1, 0.5, 0.67, 0.6, 1),
    ),
    saturate=((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (30, 0.2)),
)
"""Parameters for severities 1 to 5, in the order in which the function of that name takes them."""
