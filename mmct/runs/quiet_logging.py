"""Show only messages that a user can act on, while log files keep everything."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from mmengine.logging import MMLogger

from .console import RunConsole

ON_CONSOLE = dict(on_console=True)
"""Value for the ``extra`` of a log message that a quiet console should show."""

# Libraries that use each other's deprecated names, which a user cannot change.
_LIBRARIES = r'(mmengine|mmcv|mmpretrain|torch|torchvision)\b'
_DEPRECATIONS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
# mmengine also logs its own deprecations.
_OF_ITSELF = ('"FileClient" will be deprecated', '"HardDiskBackend" is the alias')


class _ConsoleHandler(logging.Handler):
    """Shows warnings, errors and messages with :data:`ON_CONSOLE`."""

    def __init__(self, console: RunConsole, level: int) -> None:
        super().__init__(level)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno < logging.WARNING:
            if getattr(record, 'on_console', False):
                self._console.say(text)
        elif not text.startswith(_OF_ITSELF):
            self._console.warn(text, record.levelname.lower())


@contextmanager
def quiet_logging(console: RunConsole) -> Iterator[None]:
    """Redirect mmengine's loggers and Python's warnings to a console within the block.

    The console shows log messages with :data:`ON_CONSOLE`, and each warning and error once, on
    one line. Log files still get every message, and also the texts that mmengine would print
    without a logger. Warnings that one library uses deprecated parts of another are hidden.

    Args:
        console (RunConsole): The console that shows the messages.
    """
    construct, changed = MMLogger.__init__, []

    def quieten(logger: MMLogger) -> None:
        changed.append((logger, list(logger.handlers)))
        # In processes other than the main one, mmengine shows only errors; keep those handlers.
        logger.handlers[:] = [
            _ConsoleHandler(console, handler.level)
            if type(handler) is logging.StreamHandler and handler.level < logging.ERROR
            else handler
            for handler in logger.handlers
        ]

    def construct_quiet(logger: MMLogger, *args: Any, **kwargs: Any) -> None:
        construct(logger, *args, **kwargs)
        quieten(logger)

    for logger in MMLogger._instance_dict.values():
        quieten(logger)
    # mmengine has no setting for this, and each Runner makes a logger, also one inside a hook.
    MMLogger.__init__ = construct_quiet
    mmengines = sys.modules[MMLogger.__module__]
    mmengines.print = lambda text: MMLogger.get_current_instance().info(text)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = partial(_show, console)
            for category in _DEPRECATIONS:
                warnings.filterwarnings('ignore', category=category, module=_LIBRARIES)
            yield
    finally:
        MMLogger.__init__ = construct
        del mmengines.print
        for logger, handlers in changed:
            logger.handlers[:] = handlers


def _show(console: RunConsole, message: Warning | str, *where: Any, **more: Any) -> None:
    console.warn(str(message))
