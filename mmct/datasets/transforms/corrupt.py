"""Corruption as a step of a pipeline."""

from mmcv.transforms import BaseTransform
from mmpretrain.registry import TRANSFORMS

from ..generated_corruption import GeneratedCorruption


@TRANSFORMS.register_module()
class Corrupt(BaseTransform):
    """Corrupt the image as CIFAR-10-C or ImageNet-C are (Hendrycks & Dietterich, 2019).

    It stands after resize and crop, and before the image is normalised or
    packed. The randomness is keyed by (seed, ``sample_idx``, corruption,
    severity): in each epoch and worker the image is the same.

    **Required keys**: img, sample_idx, and img_path for images of files

    **Modified keys**: img

    **Added keys**: corruption, a dict whose ``source`` is 'generated'. Give
    ``PackInputs`` 'corruption' among its ``meta_keys`` to keep it.

    Args:
        **settings: As for
            :class:`~mmct.datasets.generated_corruption.GeneratedCorruption`.

    Raises:
        ValueError: If a setting is wrong; when called, if the image is no uint8
            array (H, W, 3) or of a size that the table does not serve.
    """

    def __init__(self, **settings) -> None:
        self._corrupt = GeneratedCorruption(**settings)

    def transform(self, results: dict) -> dict:
        """Corrupt ``results['img']``."""
        missing = [key for key in ('img', 'sample_idx') if key not in results]
        if missing:
            raise ValueError(
                f'Corrupt: the results have no {" and no ".join(missing)}: it stands after the '
                'image is loaded and before PackInputs, in the pipeline of a data set, which '
                'numbers its images'
            )
        image = results['img']
        results['img'] = self._corrupt(image, results['sample_idx'], 'img_path' in results)
        results['corruption'] = self._corrupt.label(*image.shape[:2])
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self._corrupt!r})'
