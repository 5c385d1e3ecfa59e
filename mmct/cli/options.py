"""Define the options that commands share, without torch or an mm package."""

import argparse
import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from mmct.corruptions import check_seed, check_severity
from mmct.messages import suggestion

CONFIG_HELP = 'config file, or mmpretrain::folder/file.py, or mmct::file.py'


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line that suggests the most similar option."""

    def __init__(self, *args, **kwargs) -> None:
        # A misspelt option must not be taken for an abbreviation of another.
        super().__init__(*args, allow_abbrev=False, **kwargs)

    def _get_values(self, action: argparse.Action, words: list[str]) -> Any:
        # An unset variable of a script gives an empty word.
        if '' in words:
            named = action.option_strings[0] if action.option_strings else action.dest
            self.error(f'argument {named}: its value is empty')
        return super()._get_values(action, words)

    def error(self, message: str) -> NoReturn:
        """Exit with code 2.

        Args:
            message (str): The message of argparse.
        """
        known = [name for action in self._actions for name in action.option_strings]
        unknown = [word for word in message.split() if word.startswith('--')]
        hint = 'see --help'
        if message.startswith('unrecognized') and unknown:
            hint = suggestion(unknown[0].split('=')[0], known, hint)
        self.exit(2, f'{self.prog}: error: {message}; {hint}\n')


def positive_integer(word: str, least: int = 1, most: int | None = None) -> int:
    """Read a count.

    Args:
        word (str): The word on the command line.
        least (int): The smallest allowed value. Defaults to 1.
        most (int, optional): The largest allowed value. Defaults to None, no limit.

    Raises:
        ArgumentTypeError: If the word is not an integer in the allowed range.
    """
    if not word.isdecimal() or int(word) < least or (most is not None and int(word) > most):
        allowed = f'{least} or more' if most is None else f'from {least} to {most}'
        raise argparse.ArgumentTypeError(f'must be {allowed}, got {word}')
    return int(word)


def seconds(word: str) -> float:
    """Read a time in seconds.

    Args:
        word (str): The word on the command line.

    Raises:
        ArgumentTypeError: If the word is not a finite number of 0 or more.
    """
    with suppress(ValueError):
        if 0 <= float(word) < math.inf:
            return float(word)
    raise argparse.ArgumentTypeError(f'must be a number of 0 or more, got {word}')


def _checked(check: Callable[[Any], Any]) -> Callable[[str], Any]:
    """Make an option's type from a function that checks its value, an integer or a word."""

    def read(word: str) -> Any:
        try:
            return check(int(word) if word.isdecimal() else word)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read


severity_argument = _checked(check_severity)
seed_argument = _checked(check_seed)


def setting(word: str) -> str:
    """Check one setting of ``--cfg-options``; its value is parsed when it is merged.

    Args:
        word (str): The word on the command line.

    Raises:
        ArgumentTypeError: If the word is not KEY=VALUE.
    """
    if '=' not in word:
        raise argparse.ArgumentTypeError(f'{word!r} is not KEY=VALUE')
    return word


def keep_inputs(parser: Parser, inputs: Iterable[str], outputs: Iterable[object]) -> None:
    """Refuse to write a file over one that is read.

    Args:
        parser (Parser): The parser that exits with an error.
        inputs (Iterable[str]): The files that are read.
        outputs (Iterable[object]): The files to write; None for those that are not written.
    """
    read = {Path(file).resolve() for file in inputs}
    for out in outputs:
        if out is not None and Path(str(out)).resolve() in read:
            parser.error(f'{out} is read, and would be overwritten: name another file to write')


def add_flag(parser: argparse._ActionsContainer, name: str, help: str) -> None:
    """Add an option without a value.

    Args:
        parser (ArgumentParser): The parser, or group of one, to which the option is added.
        name (str): The option, such as '--amp'.
        help (str): The help text, which says what the option switches on.
    """
    parser.add_argument(name, action='store_true', help=help)


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add the option that changes single settings of the config.

    Args:
        parser (argparse.ArgumentParser): The parser to which the option is added.
    """
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        type=setting,
        metavar='KEY=VALUE',
        help='override settings of the config: key=value, key="[a,b]"',
    )


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that training and testing share.

    Args:
        parser (argparse.ArgumentParser): The parser to which the options are added.
    """
    parser.add_argument('--work-dir', help='folder for logs, checkpoints and results')
    add_flag(parser, '--amp', 'automatic mixed precision')
    add_flag(parser, '--verbose', 'show the full log, not progress and results alone')
    add_flag(parser, '--no-pin-memory', 'do not pin memory for transfers')
    add_cfg_options(parser)
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='job launcher',
    )
    # torchrun's predecessor passes this option, in either spelling.
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, default=0, help='set by the launcher'
    )
