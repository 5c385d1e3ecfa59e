"""Check and change the order of an image's colour channels."""

import numpy as np

from mmct.messages import require

FILES, ARRAYS = 'bgr', 'rgb'
"""The channel orders of images that are read from files, and of sets that are arrays."""

CHANNEL_ORDERS = (ARRAYS, FILES)


def check_channel_order(order: str | None, owner: str) -> str | None:
    """Check a channel order.

    Args:
        order (str, optional): 'rgb', 'bgr', or None if it is left open.
        owner (str): Name of the class that takes it, for the message.

    Returns:
        str | None: The order.

    Raises:
        ValueError: If the order is none of these.
    """
    rule = f'{owner}: channel_order must be None or one of {CHANNEL_ORDERS}'
    require(order in (None, *CHANNEL_ORDERS), rule, order)
    return order


def reordered(images: np.ndarray, order: str, wanted: str = 'rgb') -> np.ndarray:
    """View images in another channel order.

    Args:
        images (np.ndarray): Images, channels last. (..., 3)
        order (str): The images' order.
        wanted (str): The order to view them in. Defaults to 'rgb'.

    Returns:
        np.ndarray: A view of the images. (..., 3)
    """
    return images if order == wanted else images[..., ::-1]
