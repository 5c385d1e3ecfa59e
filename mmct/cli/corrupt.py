"""Make a corruption set on disk from the test set of a config."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from mmct.corruptions import CORRUPTIONS, SEVERITIES, choose_corruptions
from mmct.corruptions.names import TABLES
from mmct.runs.errors import config_errors

from .options import (
    CONFIG_HELP,
    Parser,
    add_cfg_options,
    add_flag,
    positive_integer,
    seed_argument,
    severity_argument,
)
from .running import command

# The keys of `mmct.corruption_sets.LAYOUTS`, which needs an mm stack.
LAYOUTS = ('arrays', 'folders')


def parse_args(parser: Parser, argv: Sequence[str] | None) -> Namespace:
    """Define and parse the options.

    Args:
        parser (Parser): The parser to which the options are added.
        argv (Sequence[str], optional): The words to parse. None means those of the command line.
    """
    parser.add_argument('config', metavar='DATASET_CONFIG', help=CONFIG_HELP)
    parser.add_argument('out', metavar='OUT', type=Path, help='folder for the set')
    parser.add_argument(
        '--corruptions',
        nargs='+',
        default=CORRUPTIONS,
        metavar='NAME',
        help=f'default: all of {", ".join(CORRUPTIONS)}; also takes categories, cifar10cbar and '
        "imagenetcbar (the ten of each C-Bar set), and corruptions that the config's "
        'custom_imports register',
    )
    parser.add_argument(
        '--severities',
        nargs='+',
        type=severity_argument,
        default=SEVERITIES,
        metavar='N',
        help='severities from 1 (weak) to 5 (strong), default all',
    )
    parser.add_argument('--jobs', type=positive_integer, help='processes, default one per core')
    parser.add_argument('--seed', type=seed_argument, default=0, help='random seed, default 0')
    parser.add_argument(
        '--table',
        choices=TABLES,
        help='severity table; default by image size: cifar up to 32 px, imagenet from 128 px, '
        'tiny_imagenet in between',
    )
    parser.add_argument(
        '--layout',
        choices=LAYOUTS,
        help='file layout; default: arrays if all images have one size below 128 px, else folders',
    )
    add_flag(parser, '--skip-unreadable', 'leave out damaged images, and list them in the manifest')
    add_cfg_options(parser)
    return parser.parse_args(argv)


def _corrupt(args: Namespace) -> None:
    from mmct.corruption_sets import CorruptionSetMaker, SourceConfig
    from mmct.runs.config_check import check_config
    from mmct.runs.configs import load_config

    from .configs import merge_cfg_options

    cfg = load_config(args.config)
    merge_cfg_options(cfg, args)
    check_config(cfg)
    with config_errors():
        maker = CorruptionSetMaker(
            args.out,
            SourceConfig.of(cfg),
            Path(args.config.split('::')[-1]).name,
            # Chosen after the config is loaded, which may register more.
            corruptions=tuple(choose_corruptions(args.corruptions)),
            severities=args.severities,
            seed=args.seed,
            table=args.table,
            layout=args.layout,
            skip_unreadable=args.skip_unreadable,
            jobs=args.jobs,
        )
    maker.run()


main = command(
    'make_corruptions.py', __doc__, parse_args, _corrupt,
    'stopped; run the same command again to continue',
)
