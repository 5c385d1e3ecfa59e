"""Run a study: train and score each arm (variant) with each seed, then write tables and figures."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from .options import Parser, add_cfg_options, add_flag, positive_integer
from .running import command


def parse_args(parser: Parser, argv: Sequence[str] | None) -> Namespace:
    """Define and parse the options.

    Args:
        parser (Parser): The parser to which the options are added.
        argv (Sequence[str], optional): The words to parse. None means those of the command line.
    """
    parser.add_argument('config', help='study config, such as configs/studies/bn_removal.py')
    parser.add_argument(
        '--work-dir', type=Path, help='folder of the study, default work_dirs/studies/NAME'
    )
    parser.add_argument('--seeds', type=positive_integer, metavar='N', help='use seeds 0 to N - 1')
    parser.add_argument(
        '--jobs',
        type=positive_integer,
        default=1,
        help='cells (training runs) to run at a time, default 1',
    )
    add_flag(parser, '--dry-run', 'print the cells, and how many remain to be run')
    add_flag(parser, '--report-only', 'write tables and figures of the results so far')
    parser.add_argument(
        '--executor', choices=['local', 'ray'], default='local', help='where cells run'
    )
    parser.add_argument(
        '--ray-address', help='address of a Ray cluster, default RAY_ADDRESS, else one is started'
    )
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.ray_address is not None and args.executor != 'ray':
        parser.error('--ray-address needs --executor ray')
    if args.dry_run and args.report_only:
        parser.error('--dry-run and --report-only exclude each other')
    return args


def _study(args: Namespace) -> None:
    from .studying import study

    study(args)


main = command(
    'study.py', __doc__, parse_args, _study,
    'stopped; run the same command again to continue',
)
