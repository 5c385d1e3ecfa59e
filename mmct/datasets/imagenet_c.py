"""ImageNet-C, Tiny-ImageNet-C and ImageNet-C-Bar, as released."""

from mmpretrain.datasets.categories import IMAGENET_CATEGORIES
from mmpretrain.registry import DATASETS

from .corruption_folders import CorruptionFolders


@DATASETS.register_module()
class ImageNetC(CorruptionFolders):
    """ImageNet-C (Hendrycks & Dietterich, 2019), https://doi.org/10.5281/zenodo.2235448.

    JPEG files of 224 x 224 pixels, which are not to be resized. By default the
    15 corruptions of the benchmark, and the 4 extra ones if they are there.

    Args:
        **kwargs: As for :class:`CorruptionFolders`.
    """

    NAME = 'imagenetc'
    METAINFO = dict(classes=IMAGENET_CATEGORIES)


@DATASETS.register_module()
class TinyImageNetC(CorruptionFolders):
    """Tiny-ImageNet-C (Hendrycks & Dietterich, 2019): 200 classes, 64 x 64 pixels.

    Args:
        **kwargs: As for :class:`CorruptionFolders`.

    Raises:
        ValueError: If there are not 200 class folders.
    """

    NAME = 'tinyimagenetc'

    def _settle_classes(self, folders: list[str], classes: list[str] | None) -> None:
        super()._settle_classes(folders, classes)
        if len(folders) != 200:
            raise ValueError(
                f'{self.data_root} has {len(folders)} class folders, but Tiny-ImageNet-C has '
                '200: labels would be wrong'
            )


@DATASETS.register_module()
class ImageNetCBar(CorruptionFolders):
    """ImageNet-C-Bar (Mintun et al., 2021): ten corruptions unlike those of ImageNet-C.

    In the layout that facebookresearch/augmentation-corruption writes, whose
    folders carry the strengths; here they are severities 1 to 5 in order.

    Args:
        **kwargs: As for :class:`CorruptionFolders`.
    """

    NAME = 'imagenetcbar'
    METAINFO = dict(classes=IMAGENET_CATEGORIES)
    LEVELS = dict(
        blue_noise_sample=('0.80', '1.60', '2.40', '4.00', '5.60'),
        brownish_noise=('1.00', '2.00', '3.00', '4.00', '5.00'),
        caustic_refraction=('2.35', '3.20', '4.90', '6.60', '9.15'),
        checkerboard_cutout=('2.00', '3.00', '4.00', '5.00', '6.00'),
        cocentric_sine_waves=('3.00', '5.00', '8.00', '9.00', '10.00'),
        inverse_sparkles=('1.00', '2.00', '4.00', '9.00', '10.00'),
        perlin_noise=('4.60', '5.20', '5.80', '7.60', '8.80'),
        plasma_noise=('4.75', '7.00', '8.50', '9.25', '10.00'),
        single_frequency_greyscale=('1.00', '1.50', '2.00', '4.50', '5.00'),
        sparkles=('1.00', '2.00', '3.00', '5.00', '6.00'),
    )
    CATEGORIES = dict(c_bar=tuple(LEVELS))
