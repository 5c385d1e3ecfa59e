"""What one process of a job decides for all."""

from collections.abc import Callable
from typing import TypeVar

from mmengine.dist import broadcast_object_list, is_main_process

from .errors import CTError

T = TypeVar('T')


def in_main_process(decide: Callable[[], T]) -> T:
    """Call a function in the main process alone, and tell the others.

    Args:
        decide (Callable): Returns anything that can be pickled.

    Returns:
        T: The same in each process.

    Raises:
        CTError: In each process, if it was raised there.
    """
    answer: list = [None]
    if is_main_process():
        try:
            answer = [decide()]
        except CTError as error:
            answer = [error]
    broadcast_object_list(answer)
    if isinstance(answer[0], CTError):
        raise answer[0]
    return answer[0]
