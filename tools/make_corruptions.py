"""Make a corruption set on disk from the test set of a config."""

import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path

import mmct  # noqa: F401  (registers our classes also for configs without them)
from mmct.cli import (
    CONFIG_HELP,
    Parser,
    add_cfg_options,
    load_config,
    merge_cfg_options,
    run_tool,
    seed_argument,
    severity_argument,
)
from mmct.corruption_sets import LAYOUTS, CorruptionSetMaker, SourceConfig
from mmct.corruptions import CORRUPTIONS, SEVERITIES, check_corruption


def parse_args() -> Namespace:
    """Read the command line."""
    parser = Parser(prog='make_corruptions.py', description=__doc__)
    parser.add_argument('config', metavar='DATASET_CONFIG', help=CONFIG_HELP)
    parser.add_argument('out', metavar='OUT', type=Path, help='folder for the set')
    parser.add_argument(
        '--corruptions',
        nargs='+',
        type=_corruption,
        default=CORRUPTIONS,
        metavar='NAME',
        help=f'default: all of {", ".join(CORRUPTIONS)}',
    )
    parser.add_argument(
        '--severities',
        nargs='+',
        type=severity_argument,
        default=SEVERITIES,
        metavar='N',
        help='from 1 (weak) to 5 (strong), default all',
    )
    parser.add_argument('--jobs', type=_positive, help='processes, default one a core')
    parser.add_argument('--seed', type=seed_argument, default=0, help='default 0')
    parser.add_argument(
        '--table',
        choices=['cifar', 'imagenet'],
        help='severities, default by size: cifar up to 32 px, imagenet from 128 px',
    )
    parser.add_argument(
        '--layout',
        choices=LAYOUTS,
        help='default: arrays for images of one size below 128 px',
    )
    parser.add_argument(
        '--skip-unreadable',
        action='store_true',
        help='leave damaged images out, and name them in the manifest',
    )
    add_cfg_options(parser)
    return parser.parse_args()


def _corruption(word: str) -> str:
    try:
        return check_corruption(word)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def _positive(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise ArgumentTypeError(f'must be 1 or more, got {word}')
    return int(word)


def build() -> Callable[[], object]:
    """Open the data set and the folder: what is wrong shows at once."""
    args = parse_args()
    cfg = load_config(args.config)
    merge_cfg_options(cfg, args)
    return CorruptionSetMaker(
        args.out,
        SourceConfig.of(cfg),
        Path(args.config.split('::')[-1]).name,
        # In the usual order, each once.
        corruptions=tuple(name for name in CORRUPTIONS if name in args.corruptions),
        severities=tuple(sorted(set(args.severities))),
        seed=args.seed,
        table=args.table,
        layout=args.layout,
        skip_unreadable=args.skip_unreadable,
        jobs=args.jobs,
    ).run


if __name__ == '__main__':
    sys.exit(
        run_tool('make_corruptions.py', build, 'stopped; the same command goes on from here')
    )
