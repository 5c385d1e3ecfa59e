"""Print progress with an ETA."""

import time
from collections.abc import Callable


class Progress:
    """Print progress and remaining time every few seconds.

    Args:
        total (int): Total number of images or other units.
        every (float): Seconds between lines. Defaults to 5.
        clock (Callable): Returns the time in seconds. Defaults to ``time.monotonic``.
        unit (str): The counted unit. Defaults to 'images'.
    """

    def __init__(
        self,
        total: int,
        every: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        unit: str = 'images',
    ) -> None:
        self._unit = unit
        self._total, self._every, self._clock = total, every, clock
        self._done = self._made = 0
        self._start = self._last = None

    def add(self, what: str, images: int, made: bool = True) -> None:
        """Add completed images.

        Args:
            what (str): The current task, for the line.
            images (int): Number of newly completed images.
            made (bool): Whether they were made now rather than by an earlier
                run; only these count for the speed. Defaults to True.
        """
        now = self._clock()
        self._done += images
        if self._start is None:
            # Measure from the first result on, as starting the processes takes seconds.
            self._start = self._last = now
            return
        self._made += images if made else 0
        if now - self._last < self._every or not self._made:
            return
        self._last = now
        rate = self._made / (now - self._start)
        left = duration((self._total - self._done) / rate)
        print(
            f'{what}: {self._done:,} of {self._total:,} {self._unit} '
            f'({100 * self._done // self._total} %), {rate:,.0f} {self._unit}/s, {left} left',
            flush=True,
        )


def duration(seconds: float) -> str:
    """Format a duration for people.

    Args:
        seconds (float): The duration in seconds.

    Returns:
        str: A text such as '2 h 05 min', '3 min 20 s' or '7 s'.
    """
    seconds = round(seconds)
    minutes, hours = seconds // 60, seconds // 3600
    if hours:
        return f'{hours} h {minutes % 60:02d} min'
    return f'{minutes} min {seconds % 60:02d} s' if minutes else f'{seconds} s'
