"""Run ``mmct COMMAND``, with the options of the script of that command in ``tools/``."""

import sys
from collections.abc import Sequence
from importlib import import_module

from mmct.messages import suggestion
from mmct.version import __version__

COMMANDS = dict(
    train='train a model; with a CT config, its BN-free teacher first',
    test='evaluate a checkpoint, also on corrupted images',
    score='score any network on corrupted images: timm, torchvision, your own',
    report='make tables and a page from result files',
    diagnose='explain why networks fail under corruption',
    study='train and score each arm of a study with each seed',
    corrupt='make a corruption set on disk',
    draw='draw all corruptions of an image',
    zoo='list the trained networks that are published with mmct, and fetch them',
    theory='draw the effect of normalisation on least-norm regression',
)
"""The purpose of each command, by the name of its module in ``mmct.cli``."""

_HELP = '\n'.join(
    [
        'usage: mmct COMMAND ...; see mmct COMMAND --help for its options',
        '',
        *(f'  {name:<9}{what}' for name, what in COMMANDS.items()),
        '',
        'mmct --version prints the version',
    ]
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv (Sequence[str], optional): The command and its options. Defaults to those of the
            command line.

    Returns:
        int: The exit code: 0 for success, 2 after a user's error, 130 after Ctrl-C.
    """
    command, *options = (sys.argv[1:] if argv is None else list(argv)) or ['']
    if command in ('-h', '--help'):
        print(_HELP)
        return 0
    if command == '--version':
        print(f'mmct {__version__}')
        return 0
    if command not in COMMANDS:
        what = f'there is no command {command!r}' if command else 'a command is missing'
        hint = suggestion(command, COMMANDS)
        print(f'mmct: error: {what}; {hint}', file=sys.stderr)
        return 2
    return import_module(f'mmct.cli.{command}').main(options, prog=f'mmct {command}')
