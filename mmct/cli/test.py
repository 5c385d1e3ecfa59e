"""Evaluate the checkpoint of a stock model or a CT student, also on corrupted images."""

from argparse import Namespace
from collections.abc import Sequence

from .corruption_options import add_corruption_arguments, check_corruption_arguments
from .options import CONFIG_HELP, Parser, add_common_arguments, add_flag, positive_integer, seconds
from .running import command

# The formats in which mmengine can write each --out-item.
ENDINGS = dict(pred=('.pkl', '.pickle'), metrics=('.json', '.yaml', '.yml', '.pkl', '.pickle'))


def parse_args(parser: Parser, argv: Sequence[str] | None) -> Namespace:
    """Define and parse mmpretrain's options and those for corruptions.

    Args:
        parser (Parser): The parser to which the options are added.
        argv (Sequence[str], optional): The words to parse. None means those of the command line.
    """
    parser.add_argument('config', help=CONFIG_HELP)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out', help='file for the results; with --corruptions default WORK_DIR/scorecard_*.json'
    )
    parser.add_argument(
        '--out-item', choices=['metrics', 'pred'], help='what --out holds, default pred'
    )
    parser.add_argument('--show-dir', help='folder for images with predictions')
    add_flag(parser, '--show', 'show images with predictions in a window')
    parser.add_argument(
        '--interval', type=positive_integer, default=1, help='draw every n-th image, default 1'
    )
    parser.add_argument(
        '--wait-time', type=seconds, default=2, help='seconds to show each image, default 2'
    )
    add_flag(parser, '--tta', 'test-time augmentation')
    parser.add_argument(
        '--recalibrate-bn',
        type=positive_integer,
        default=0,
        metavar='N',
        help='re-estimate the statistics of BatchNorm on N random test batches, without labels; '
        'with --corruptions on N of each cell. This uses test images: report it separately',
    )
    add_common_arguments(parser)
    add_corruption_arguments(parser)
    args = parser.parse_args(argv)
    check_corruption_arguments(parser, args)
    if args.corruptions is None:
        _check_predictions(parser, args)
    else:
        _check_scorecard(parser, args)
    return args


def _check_predictions(parser: Parser, args: Namespace) -> None:
    if args.out is None and args.out_item is not None:
        parser.error('--out-item needs --out FILE')
    what = args.out_item or 'pred'
    if args.out is not None and not args.out.endswith(ENDINGS[what]):
        parser.error(f'--out of --out-item {what} must end in {ENDINGS[what]}, got {args.out}')
    if args.tta and (args.show or args.show_dir is not None):
        # The hook that draws takes one picture per image.
        parser.error('--tta cannot be used with --show or --show-dir')
    if args.tta and args.recalibrate_bn:
        parser.error('--tta cannot be used with --recalibrate-bn')


def _check_scorecard(parser: Parser, args: Namespace) -> None:
    """Refuse options that a scorecard does not have."""
    if args.out is not None and not args.out.endswith('.json'):
        parser.error(f'--out of --corruptions must end in .json, got {args.out}')
    for name in ('out_item', 'show_dir', 'show', 'tta'):
        if getattr(args, name):
            parser.error(f'--{name.replace("_", "-")} cannot be used with --corruptions')


def _test(args: Namespace) -> None:
    from .console import run_console
    from .testing import test

    with run_console(args.verbose) as console:
        test(args, console)


main = command(
    'test.py', __doc__, parse_args, _test,
    'stopped; run the same command again to continue a scorecard',
)
