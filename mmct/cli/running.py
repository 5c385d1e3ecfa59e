"""Run a command, and tell a user what is wrong in one line."""

import os
import pickle
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence

from mmct.runs.errors import ConfigError, CTError, one_line
from mmct.stack import StackError

from .options import Parser


def command(
    script: str,
    description: str,
    parse_args: Callable[[Parser, Sequence[str] | None], Namespace],
    work: Callable[[Namespace], object],
    stopped: str = 'stopped',
) -> Callable[..., int]:
    """Make the ``main`` of a command, which turns a user's errors into one line.

    An error of another kind is a bug of ours: it keeps its traceback. ``MMCT_TRACEBACK=1`` shows
    the traceback of any.

    Args:
        script (str): Its name in ``tools/``.
        description (str): What it is for.
        parse_args (Callable): Adds its options to a parser, and reads them.
        work (Callable): What it does with them.
        stopped (str): What to say after Ctrl-C. Defaults to 'stopped'.

    Returns:
        Callable: Takes ``argv`` (default: of the command line) and ``prog``, the command's name
        in messages (default: the script's). Returns the exit code: 0, 2 after an error of the
        user's, 130 after Ctrl-C.
    """

    def main(argv: Sequence[str] | None = None, prog: str = script) -> int:
        args = parse_args(Parser(prog=prog, description=description), argv)
        try:
            work(args)
        except KeyboardInterrupt:
            print(f'{prog}: {stopped}', file=sys.stderr)
            return 130
        except (CTError, OSError, StackError, pickle.UnpicklingError) as error:
            if os.environ.get('MMCT_TRACEBACK'):
                raise
            print(f'{prog}: error: {_message(error)}', file=sys.stderr)
            return 2
        return 0

    return main


def _message(error: Exception) -> str:
    if isinstance(error, ConfigError):
        return f'{one_line(error)}; MMCT_TRACEBACK=1 shows where'
    if isinstance(error, pickle.UnpicklingError):
        from mmct.runs.checkpoint import reason

        return f'a checkpoint holds more than weights, it was not loaded: {reason(error)}'
    return one_line(error)
