"""The order of an image's colour channels."""

import numpy as np

from mmct.messages import require

FILES, ARRAYS = 'bgr', 'rgb'
"""The order of the channels of images from files, and of those that sets hold as arrays."""

CHANNEL_ORDERS = (ARRAYS, FILES)


def check_channel_order(order: str | None, owner: str) -> str | None:
    """Check an order of channels; None leaves it open.

    Args:
        order (str, optional): 'rgb', 'bgr' or None.
        owner (str): The class that takes it, for the message.

    Returns:
        str | None: The order.

    Raises:
        ValueError: If it is none of these.
    """
    rule = f'{owner}: channel_order must be None or one of {CHANNEL_ORDERS}'
    require(order in (None, *CHANNEL_ORDERS), rule, order)
    return order


def reordered(images: np.ndarray, order: str, wanted: str = 'rgb') -> np.ndarray:
    """View images in another order of channels.

    Args:
        images (np.ndarray): Channels last. (..., 3)
        order (str): The images' order.
        wanted (str): The order to view them in. Defaults to 'rgb'.

    Returns:
        np.ndarray: A view. (..., 3)
    """
    return images if order == wanted else images[..., ::-1]
