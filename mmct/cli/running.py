"""Run a command, and report a user's errors in one line."""

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
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn

from mmct.allocator import keep_freed_memory
from mmct.messages import visible
from mmct.runs.errors import ConfigError, CTError, of_the_machine, one_line
from mmct.stack import StackError

from .import_noise import quiet_imports
from .options import Parser


def command(
    name: str,
    description: str,
    parse_args: Callable[[Parser, Sequence[str] | None], Namespace],
    work: Callable[[Namespace], object],
    stopped: str = 'stopped',
) -> Callable[..., int]:
    """Make the ``main(argv=None, prog=name)`` of a command, see :func:`run_tool`.

    Args:
        name (str): Name in messages; ``mmct COMMAND`` passes its own.
        description (str): The first words of its help.
        parse_args (Callable): Adds the options to a parser, and parses the words of ``argv``, or
            with None those of the command line.
        work (Callable): Does the work; called with the options.
        stopped (str): Message after Ctrl-C. Defaults to 'stopped'.

    Returns:
        Callable: The function, which returns the exit code.
    """

    def main(argv: Sequence[str] | None = None, prog: str = name) -> int:
        args = parse_args(Parser(prog=prog, description=description), argv)
        return run_tool(prog, work, args, stopped)

    return main


def run_tool(
    prog: str, work: Callable[[Namespace], object], args: Namespace, stopped: str = 'stopped'
) -> int:
    """Run a command's function, and report a user's errors in one line.

    Any other error is a bug in mmct and keeps its traceback. ``MMCT_TRACEBACK=1`` shows the
    traceback of every error. From here on the process keeps the memory that it frees, see
    :mod:`mmct.allocator`.

    Args:
        prog (str): Name of the command in messages.
        work (Callable): The function that does the work; it is called with the options.
        args (Namespace): The options.
        stopped (str): Message after Ctrl-C. Defaults to 'stopped'.

    Returns:
        int: The exit code: 0 after success, 2 after an error, 130 after Ctrl-C. SIGTERM exits
        with 143.
    """
    # In Python only the main thread can handle signals.
    handles = threading.current_thread() is threading.main_thread()
    before = handles and signal.signal(signal.SIGTERM, partial(_leave, os.getpid()))
    # Show characters that the terminal's encoding lacks by their codes.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')
    _find_home()
    keep_freed_memory()
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
    """Set a home and a user for libraries that keep caches, if the machine names none."""
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
        # This is a forked worker. The process that ends it does not wait for a clean exit.
        os._exit(128 + number)
    # Leave by an exception, so that workers are stopped and locks released on the way out.
    sys.exit(128 + number)


def _send_again(report: Callable[[Any], None], ignored: Any) -> None:
    """Resend a signal that was lost: Python drops exceptions from destructors and callbacks."""
    number = {KeyboardInterrupt: signal.SIGINT, SystemExit: signal.SIGTERM}.get(ignored.exc_type)
    if number is None:
        report(ignored)
    else:
        # Wait until the callback has returned.
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()


def _signalled(error: BaseException | None) -> BaseException | None:
    """Find a signal's exception behind an error that a library raised in its place."""
    while error is not None and not isinstance(error, (KeyboardInterrupt, SystemExit)):
        error = error.__cause__ or error.__context__
    return error


def _message(error: BaseException) -> str | None:
    """Return the message for the user; None for a bug in mmct."""
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
