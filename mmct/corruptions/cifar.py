"""List the severities of CIFAR-10-C and CIFAR-100-C, for images of about 32 pixels.

They are weaker than those of ImageNet-C. The values are from the authors' script for CIFAR:
Hendrycks & Dietterich, *Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations* (2019).
"""

Rows = dict[str, tuple[tuple[float, ...], ...]]

CIFAR_TABLE: Rows = dict(
    # standard deviation
    gaussian_noise=((0.04,), (0.06,), (0.08,), (0.09,), (0.10,)),
    # photons per pixel
    shot_noise=((500,), (250,), (100,), (75,), (50,)),
    # share of values
    impulse_noise=((0.01,), (0.02,), (0.03,), (0.05,), (0.07,)),
    # radius, standard deviation of the disk's edge
    defocus_blur=((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
    # standard deviation, distance, rounds
    glass_blur=((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
    # radius, standard deviation
    motion_blur=((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
    # end of the zoom factors (not included), step
    zoom_blur=((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
    # mean, standard deviation, zoom, threshold, radius, standard deviation, share of the image
    snow=(
        (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
        (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
    ),
    # share of the image, share of the texture (which is scaled to a fifth)
    frost=((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
    # strength, decay of the roughness
    fog=((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
    # added to the value
    brightness=((0.05,), (0.1,), (0.15,), (0.2,), (0.3,)),
    # factor
    contrast=((0.75,), (0.5,), (0.4,), (0.3,), (0.15,)),
    # strength, standard deviation, shift of the corners: all x the image's size
    elastic_transform=(
        (0, 0, 0.08),
        (0.05, 0.2, 0.07),
        (0.08, 0.06, 0.06),
        (0.1, 0.04, 0.05),
        (0.1, 0.03, 0.03),
    ),
    # factor of the size
    pixelate=((0.95,), (0.9,), (0.85,), (0.75,), (0.65,)),
    # quality
    jpeg_compression=((80,), (65,), (58,), (50,), (40,)),
    # standard deviation x the value
    speckle_noise=((0.06,), (0.1,), (0.12,), (0.16,), (0.2,)),
    # standard deviation
    gaussian_blur=((0.4,), (0.6,), (0.7,), (0.8,), (1,)),
    # mean, standard deviation, standard deviation of the blur, threshold, strength, mud
    spatter=(
        (0.62, 0.1, 0.7, 0.7, 0.5, 0),
        (0.65, 0.1, 0.8, 0.7, 0.5, 0),
        (0.65, 0.3, 1, 0.69, 0.5, 0),
        (0.65, 0.1, 0.7, 0.69, 0.6, 1),
        (0.65, 0.1, 0.5, 0.68, 0.6, 1),
    ),
    # factor of the saturation, added to it
    saturate=((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
)
"""Parameters for severities 1 to 5, in the order in which the function of that name takes them."""
