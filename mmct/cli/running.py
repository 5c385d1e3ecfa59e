"""Run a command, and tell a user what is wrong in one line."""

import atexit
import getpass
import os
import pickle
import shutil
import signal
import sys
import tempfile
import threading
from argparse import Namespace
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn

from mmct.messages import visible
from mmct.runs.errors import ConfigError, CTError, of_the_machine, one_line
from mmct.stack import StackError

from .import_noise import quiet_imports


def run_tool(
    prog: str, work: Callable[[Namespace], object], args: Namespace, stopped: str = 'stopped'
) -> int:
    """Run what a command does, and turn a user's errors into one line.

    An error of another kind is a bug of ours: it keeps its traceback. ``MMCT_TRACEBACK=1`` shows
    the traceback of any.

    Args:
        prog (str): The command's name, for the message.
        work (Callable): What it does with its options.
        args (Namespace): The options.
        stopped (str): What to say after Ctrl-C. Defaults to 'stopped'.

    Returns:
        int: The exit code: 0, 2 after an error, 130 after Ctrl-C. SIGTERM exits with 143.
    """
    # Python lets the main thread alone handle signals.
    handles = threading.current_thread() is threading.main_thread()
    before = handles and signal.signal(signal.SIGTERM, partial(_leave, os.getpid()))
    # A character that the terminal does not have is shown by its code.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')
    _find_home()
    reported, sys.unraisablehook = sys.unraisablehook, partial(_send_again, sys.unraisablehook)
    imports = nullcontext() if getattr(args, 'verbose', False) else quiet_imports()
    try:
        with imports:
            work(args)
    except BaseException as error:
        signalled = _signalled(error)
        if isinstance(signalled, SystemExit):
            raise signalled from None
        if signalled is not None:
            print(f'{prog}: {stopped}', file=sys.stderr)
            return 130
        message = _message(error)
        if message is None or os.environ.get('MMCT_TRACEBACK'):
            raise
        print(visible(f'{prog}: error: {message}'), file=sys.stderr)
        return 2
    finally:
        sys.unraisablehook = reported
        if handles:
            signal.signal(signal.SIGTERM, before)
    return 0


def _find_home() -> None:
    """Give libraries that keep caches a home and a user, where the machine names none."""
    try:
        Path.home()
    except RuntimeError:
        os.environ['HOME'] = home = tempfile.mkdtemp(prefix='mmct-home-')
        atexit.register(shutil.rmtree, home, ignore_errors=True)
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ['USER'] = f'uid{os.getuid()}'


def _leave(main: int, number: int, frame: object) -> NoReturn:
    if os.getpid() != main:
        # Of a worker that was forked; whoever ends it does not wait.
        os._exit(128 + number)
    # By an exception, so that workers are ended and locks released on the way out.
    sys.exit(128 + number)


def _send_again(report: Callable[[Any], None], ignored: Any) -> None:
    """Repeat a signal that was lost: Python drops what is raised in a destructor or callback."""
    number = {KeyboardInterrupt: signal.SIGINT, SystemExit: signal.SIGTERM}.get(ignored.exc_type)
    if number is None:
        report(ignored)
    else:
        # When that callback is over.
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()


def _signalled(error: BaseException | None) -> BaseException | None:
    """Find what a signal raised behind an error: libraries catch it, and raise one of their own."""
    while error is not None and not isinstance(error, (KeyboardInterrupt, SystemExit)):
        error = error.__cause__ or error.__context__
    return error


def _message(error: BaseException) -> str | None:
    """Say what to tell the user; None for a bug of ours."""
    if isinstance(error, ConfigError):
        return f'{one_line(error)}; MMCT_TRACEBACK=1 shows where'
    if isinstance(error, pickle.UnpicklingError):
        from mmct.runs.weights import reason

        return f'a checkpoint holds more than weights, so it was not loaded: {reason(error)}'
    if isinstance(error, (CTError, StackError)):
        return one_line(error)
    if isinstance(error, (AssertionError, MemoryError, OSError, RuntimeError)):
        known = of_the_machine(error)
        return known or (one_line(error) if isinstance(error, OSError) else None)
    return None
