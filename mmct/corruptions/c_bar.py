"""List the corruptions of CIFAR-10-C-Bar and ImageNet-C-Bar, and their severities.

Names and values are from the tables of the authors' scripts: Mintun, Kirillov & Xie, *On
Interaction Between Augmentations and Corruptions in Natural Corruption Robustness* (2021). A
value is a strength on a scale from 0 to 10, from which each corruption computes its parameters.
The two sets share five corruptions, but at different strengths.
"""

Strengths = dict[str, tuple[float, ...]]

CIFAR10_C_BAR: Strengths = dict(
    blue_noise_sample=(0.7, 1.4, 2.1, 3.5, 4.2),
    brownish_noise=(2.5, 4, 5.5, 6.5, 7),
    checkerboard_cutout=(1, 2, 3, 4, 5),
    inverse_sparkles=(1, 1.5, 2.5, 4.5, 5),
    pinch_and_twirl=(5.5, 6, 6.5, 8.5, 10),
    ripple=(5.5, 6, 6.5, 7.5, 8),
    circular_motion_blur=(2.8, 3.6, 4.4, 5.2, 6),
    lines=(0.5, 1, 1.5, 2, 2.5),
    sparkles=(0.7, 3.5, 5.6, 6.3, 7),
    transverse_chromatic_abberation=(1, 2, 5, 9, 10),
)
"""The strengths of CIFAR-10-C-Bar's severities 1 to 5."""

IMAGENET_C_BAR: Strengths = dict(
    blue_noise_sample=(0.8, 1.6, 2.4, 4, 5.6),
    brownish_noise=(1, 2, 3, 4, 5),
    caustic_refraction=(2.35, 3.2, 4.9, 6.6, 9.15),
    checkerboard_cutout=(2, 3, 4, 5, 6),
    cocentric_sine_waves=(3, 5, 8, 9, 10),
    inverse_sparkles=(1, 2, 4, 9, 10),
    perlin_noise=(4.6, 5.2, 5.8, 7.6, 8.8),
    plasma_noise=(4.75, 7, 8.5, 9.25, 10),
    single_frequency_greyscale=(1, 1.5, 2, 4.5, 5),
    sparkles=(1, 2, 3, 5, 6),
)
"""The strengths of ImageNet-C-Bar's severities 1 to 5."""

C_BAR = tuple(dict.fromkeys((*CIFAR10_C_BAR, *IMAGENET_C_BAR)))
"""The names of all 15 corruptions, in order."""

C_BAR_SETS = dict(cifar10cbar=tuple(CIFAR10_C_BAR), imagenetcbar=tuple(IMAGENET_C_BAR))
"""The ten corruptions of each set, by the name of the set."""


def strength(corruption: str, severity: int, table: str) -> float:
    """Look up the strength of a corruption.

    Args:
        corruption (str): One of :data:`C_BAR`.
        severity (int): 1 to 5.
        table (str): 'imagenet' selects the strengths of ImageNet-C-Bar, another table those of
            CIFAR-10-C-Bar. A corruption that the set lacks has the strengths of the other set.

    Returns:
        float: The strength, from 0 to 10.
    """
    both = (IMAGENET_C_BAR, CIFAR10_C_BAR)
    own, other = both if table == 'imagenet' else both[::-1]
    return own.get(corruption, other.get(corruption))[severity - 1]
