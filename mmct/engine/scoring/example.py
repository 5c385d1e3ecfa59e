"""Pictures of what a network saw."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

_LARGEST = 96  # pixels: as wide as a report shows it


def example(
    image: np.ndarray, channel_order: str, label: int, prediction: int, classes: list[str] | None
) -> dict[str, Any]:
    """An image for a result file.

    Args:
        image (np.ndarray): uint8. (H, W, 3)
        channel_order (str): 'rgb' or 'bgr'.
        label (int): Its class.
        prediction (int): What the network took it for.
        classes (list[str], optional): The classes' names.

    Returns:
        dict: ``label``, ``label_name``, ``prediction_name`` and ``png``, in
        base64, of 96 pixels at most.
    """
    flip = -1 if channel_order == 'bgr' else 1
    picture = Image.fromarray(np.ascontiguousarray(image[..., ::flip]))
    picture.thumbnail((_LARGEST, _LARGEST))
    png = io.BytesIO()
    picture.save(png, 'PNG')

    def name(number: int) -> str:
        return str(classes[number]) if classes else f'class {number}'

    return dict(
        label=label,
        label_name=name(label),
        prediction_name=name(prediction),
        png=base64.b64encode(png.getvalue()).decode(),
    )
