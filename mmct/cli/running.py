"""Run a command, and tell a user what is wrong in one line."""

import os
import pickle
import sys
from argparse import Namespace
from collections.abc import Callable

from mmct.runs.errors import ConfigError, CTError, one_line
from mmct.stack import StackError


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
        int: The exit code: 0, 2 after an error, 130 after Ctrl-C.
    """
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


def _message(error: Exception) -> str:
    if isinstance(error, ConfigError):
        return f'{one_line(error)}; MMCT_TRACEBACK=1 shows where'
    if isinstance(error, pickle.UnpicklingError):
        from mmct.runs.checkpoint import reason

        return f'a checkpoint holds more than weights, it was not loaded: {reason(error)}'
    return one_line(error)
