"""Errors that are the user's to mend, told apart from bugs of our own."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from traceback import walk_tb
from types import FrameType


class CTError(RuntimeError):
    """A cause and its remedy, in one line that a user can act on."""


class ConfigError(CTError):
    """A part of a config cannot be built; the cause is the error that building it raised."""


class DivergedError(CTError):
    """A training whose loss is not finite: an outcome, where many are compared."""


def no_scores(images: str) -> DivergedError:
    """Make the error for a network whose scores are not finite.

    Args:
        images (str): How many, and of what.
    """
    return DivergedError(
        f'the network gives no finite scores for {images}: its training may have diverged'
    )


class LockedError(CTError):
    """Another process writes to the folder or file."""


# What building from a config raises where the config is wrong ...
_FROM_CONFIGS = (
    AssertionError, AttributeError, ImportError, LookupError, NameError, RuntimeError, SyntaxError,
    TypeError, ValueError,
)  # fmt: skip
# ... but for those that our own code never raises of a setting: it checks them, and raises a
# ValueError.
_BUGS = (AssertionError, AttributeError, LookupError, NameError, TypeError)


@contextmanager
def config_errors() -> Iterator[None]:
    """Within the block, errors are those of the user's config.

    It is for the narrow calls that read a config or build what it names. An error that arises in
    the code of mmct itself is a bug there, whatever the config says, and stays what it is.

    Raises:
        ConfigError: For any error that building from a wrong config raises; OSError stays.
    """
    try:
        yield
    except (CTError, OSError):
        raise
    except _FROM_CONFIGS as error:
        if _is_bug(error):
            raise
        if isinstance(error, ValueError) and _is_ours(error) and not _being_built(error):
            # A check of ours, whose message says all.
            raise CTError(one_line(error)) from error
        text = f'{_being_built(error)}{one_line(error)} ({type(error).__name__})'
        raise ConfigError(text) from error


@contextmanager
def trial_of(what: str) -> Iterator[None]:
    """Within the block something is tried that depends on the config, before it counts.

    Args:
        what (str): For the message.

    Raises:
        CTError: If it fails.
    """
    try:
        with config_errors():
            yield
    except CTError as error:
        raise type(error)(f'{what} fails: {error}') from error


def _frames(error: BaseException) -> list[FrameType]:
    """List the frames that an error came through, the innermost last."""
    # mmengine wraps what a constructor raises in an error of the same type.
    while type(error.__context__) is type(error):
        error = error.__context__
    return [frame for frame, _ in walk_tb(error.__traceback__)]


def _being_built(error: BaseException) -> str:
    """Name what a registry was building, and with which settings: the error says neither."""
    names = ('build_from_cfg', 'build_scheduler_from_cfg')
    found = [f.f_locals.get('cfg') for f in _frames(error) if f.f_code.co_name in names]
    built = [cfg for cfg in found if isinstance(cfg, Mapping)]
    if not built:
        return ''
    kind = built[-1].get('type')
    name = kind if isinstance(kind, str) else getattr(kind, '__name__', repr(kind))
    # What is built of its own is not at fault.
    plain = {k: v for k, v in built[-1].items() if k != 'type' and not isinstance(v, Mapping)}
    settings = ', '.join(f'{key}={repr(value)[:40]}' for key, value in plain.items())
    return f'{name}({settings[:300]}): '


def _is_bug(error: BaseException) -> bool:
    frames = _frames(error)
    # A constructor raises one for a setting that is unknown, or of a type that it cannot compare.
    constructing = any(frame.f_code.co_name in ('__init__', '__post_init__') for frame in frames)
    if isinstance(error, TypeError) and constructing:
        return False
    return isinstance(error, _BUGS) and _is_ours(error)


def _is_ours(error: BaseException) -> bool:
    return _frames(error)[-1].f_globals.get('__name__', '').startswith('mmct.')


_REMEDIES = (
    (
        r'shared memory|/torch_\S+>: No space left',
        'no shared memory is left for data loading workers: lower train_dataloader.num_workers, or '
        'enlarge /dev/shm (docker run --shm-size)',
    ),
    (
        r'DataLoader worker.*(killed|exited)',
        'a data loading worker was killed, perhaps for want of memory: lower '
        'train_dataloader.num_workers',
    ),
    (
        r"out of memory|not enough memory|can('|no)t allocate memory",
        'no memory is left: lower train_dataloader.batch_size',
    ),
    (r'failed to load image', 'an image cannot be read: mend it, or take it out of the data set'),
)


def of_the_machine(error: BaseException) -> str | None:
    """Say what ails machine or data, where a library says it in its own way.

    Args:
        error (BaseException): Any.

    Returns:
        str: Cause and remedy, and what the library said; None for another error.
    """
    text = one_line(error)
    if isinstance(error, MemoryError):
        text = f'out of memory {text}'
    for pattern, remedy in _REMEDIES:
        if re.search(pattern, text, re.IGNORECASE):
            return f'{remedy} ({text[:200]})'
    return None


def one_line(error: BaseException) -> str:
    """Write the message of an error in one line.

    Args:
        error (BaseException): Any.

    Returns:
        str: Its type if it says nothing.
    """
    # A KeyError's text is the repr of its message.
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if text.startswith('Caught ') and 'Original Traceback' in text:
        # torch's, of a worker: its last line is 'Type: what was said'.
        text = text.rstrip().rpartition('\n')[2].partition(': ')[2]
    return ' '.join(text.split()) or type(error).__name__
