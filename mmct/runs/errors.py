"""Distinguish errors that the user can fix from bugs in mmct."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from traceback import extract_tb, walk_tb
from types import FrameType

from mmct.messages import LACK_OF_MEMORY


class CTError(RuntimeError):
    """An error that the user can fix; the message gives cause and remedy in one line."""


class ConfigError(CTError):
    """Raised if a part of a config cannot be built; ``__cause__`` is the original error."""


class DivergedError(CTError):
    """Raised if a loss is not finite, which a study treats as an outcome of the training."""


def no_scores(images: str) -> DivergedError:
    """Make the error for a network whose scores are not finite.

    Args:
        images (str): Number and description of the images.

    Returns:
        DivergedError: The error.
    """
    return DivergedError(
        f'the network gives no finite scores for {images}: its training may have diverged'
    )


class LockedError(CTError):
    """Raised if another process writes to the folder or file."""


# Errors that mmct's own code never raises for a setting, as it checks settings and raises
# ValueErrors.
_BUGS = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError)


@contextmanager
def config_errors() -> Iterator[None]:
    """Attribute errors in the block to the user's config.

    Use it around narrow calls that read a config or build its parts. An error that arises in mmct's
    own code is a bug, whatever the config says, and stays unchanged.

    Raises:
        ConfigError: For any error of the user's config or code; an OSError, or one that
            :func:`of_the_machine` explains, stays unchanged.
    """
    try:
        yield
    except (CTError, OSError):
        raise
    except Exception as error:
        if _is_bug(error) or of_the_machine(error):
            raise
        if isinstance(error, ValueError) and _is_ours(error) and not _being_built(error):
            # One of mmct's own checks, whose message is complete.
            raise CTError(one_line(error)) from error
        text = f'{_being_built(error)}{one_line(error)} ({type(error).__name__})'
        raise ConfigError(text) from error


@contextmanager
def hook_errors() -> Iterator[None]:
    """Attribute errors of hooks that begin in the block to their settings.

    Some hooks of mmengine compare their settings with the run only when it begins.

    Raises:
        ConfigError: For an error of another package's hook before the first step.
    """
    try:
        yield
    except Exception as error:
        beginning = [
            (frame.f_locals.get('hook'), method.f_globals.get('__name__', ''))
            for frame, method in pairwise(_frames(error))
            if frame.f_code.co_name == 'call_hook'
            and frame.f_locals.get('fn_name') in ('before_run', 'before_train')
        ]
        if isinstance(error, CTError) or of_the_machine(error) or _is_ours(error):
            raise
        # Methods of mmct train a whole network when they begin; a hook of mmct may inherit others.
        if not beginning or beginning[-1][1].startswith('mmct.'):
            raise
        name = type(beginning[-1][0]).__name__
        raise ConfigError(f'{name}: {one_line(error)} ({type(error).__name__})') from error


@contextmanager
def trial_of(what: str) -> Iterator[None]:
    """Prefix errors of a trial in the block, which depends on the config, with its name.

    Args:
        what (str): Name of the trial, for the message.

    Raises:
        CTError: If the trial fails.
    """
    try:
        with config_errors():
            yield
    except CTError as error:
        raise type(error)(f'{what} fails: {error}') from error
    except Exception as error:
        known = of_the_machine(error)
        if known is None:
            raise
        raise CTError(f'{what} fails: {known}') from error


def _frames(error: BaseException) -> list[FrameType]:
    """List the frames of an error's traceback, the innermost last."""
    # mmengine wraps the error of a constructor in an error of the same type.
    while type(error.__context__) is type(error):
        error = error.__context__
    return [frame for frame, _ in walk_tb(error.__traceback__)]


def _being_built(error: BaseException) -> str:
    """Name the class and settings that a registry was building, as the error lacks both."""
    names = ('build_from_cfg', 'build_scheduler_from_cfg')
    found = [f.f_locals.get('cfg') for f in _frames(error) if f.f_code.co_name in names]
    built = [cfg for cfg in found if isinstance(cfg, Mapping)]
    if not built:
        return ''
    kind = built[-1].get('type')
    name = kind if isinstance(kind, str) else getattr(kind, '__name__', repr(kind))
    # Leave out nested parts, which were built before without an error.
    plain = {k: v for k, v in built[-1].items() if k != 'type' and not isinstance(v, Mapping)}
    settings = ', '.join(f'{key}={repr(value)[:40]}' for key, value in plain.items())
    return f'{name}({settings[:300]}): '


def _is_bug(error: BaseException) -> bool:
    frames = _frames(error)
    # Constructors raise TypeErrors for unknown settings, or for types that they cannot compare.
    constructing = any(frame.f_code.co_name in ('__init__', '__post_init__') for frame in frames)
    if isinstance(error, TypeError) and constructing:
        return False
    return isinstance(error, _BUGS) and _is_ours(error)


def _is_ours(error: BaseException) -> bool:
    return _frames(error)[-1].f_globals.get('__name__', '').startswith('mmct.')


_REMEDIES = (
    (
        r'shared memory|/torch_\S+>: No space left',
        'no shared memory is left for data loading workers: lower num_workers of the '
        'data loader (--workers of a command), or enlarge /dev/shm (docker run --shm-size)',
    ),
    (
        r'DataLoader worker.*(killed|exited)',
        'a data loading worker was killed, perhaps for lack of memory: lower '
        'num_workers of the data loader (--workers of a command)',
    ),
    (
        LACK_OF_MEMORY,
        'no memory is left: lower batch_size of the data loader (--batch-size of mmct score); in '
        'training, optim_wrapper.accumulative_counts keeps the total',
    ),
    (r'failed to load image', 'an image cannot be read: repair it, or remove it from the data set'),
)


def of_the_machine(error: BaseException) -> str | None:
    """Explain an error of the machine or the data that a library raised in its own words.

    Args:
        error (BaseException): Any error.

    Returns:
        str: Remedy and cause, with the library's message; None for other errors.
    """
    text = one_line(error)
    if isinstance(error, MemoryError):
        text = f'out of memory {text}'
    for pattern, remedy in _REMEDIES:
        if re.search(pattern, text, re.IGNORECASE):
            return f'{remedy} ({text[:200]})'
    return None


def one_line(error: BaseException) -> str:
    """Format the message of an error in one line.

    Args:
        error (BaseException): Any error.

    Returns:
        str: The message, or the type of an error without a message and the line that raised it.
    """
    # A KeyError's text is the repr of its message.
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if text.startswith('Caught ') and 'Original Traceback' in text:
        # torch's report of an error in a worker; its last line is 'Type: message'.
        text = text.rstrip().rpartition('\n')[2].partition(': ')[2]
    return ' '.join(text.split()) or _place(error)


def _place(error: BaseException) -> str:
    """Name the type of an error, and the line of code that raised it."""
    name, frames = type(error).__name__, extract_tb(error.__traceback__)
    if not frames:
        return name
    return f'{name} at {Path(frames[-1].filename).name}:{frames[-1].lineno}: {frames[-1].line}'
