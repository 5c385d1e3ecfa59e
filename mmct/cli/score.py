"""Score a network of timm, torchvision, your own code or a config on corrupted images."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmct.runs.errors import CTError, config_errors
from mmct.runs.files import file_name

from .corruption_options import SETS, add_cell_arguments, known_set, subset_of
from .networks import NETWORK_HELP, add_network_arguments, is_config, load_network
from .options import Parser, add_flag, positive_integer
from .running import command

if TYPE_CHECKING:
    from mmct.scoring.cell_sources import CellSource


def main(argv: Sequence[str] | None = None, prog: str = 'mmct score') -> int:
    """Run the command; a config and its checkpoint are scored by ``mmct test --corruptions``.

    Args:
        argv (Sequence[str], optional): The options. Defaults to those of the command line.
        prog (str): The command's name, for messages. Defaults to 'mmct score'.

    Returns:
        int: The exit code.
    """
    import sys

    words = list(sys.argv[1:] if argv is None else argv)
    # Options may stand before a config.
    looked_at = words if words and words[0].startswith('-') else words[:1]
    if any(map(is_config, looked_at)):
        from .test import main as test

        chosen = any(word.split('=')[0] == '--corruptions' for word in words)
        return test(words if chosen else [*words, '--corruptions', 'generated'], prog)
    return _main(words, prog)


def parse_args(parser: Parser, argv: Sequence[str] | None) -> Namespace:
    """Define and parse the options.

    Args:
        parser (Parser): The parser to which the options are added.
        argv (Sequence[str], optional): The words to parse. None means those of the command line.
    """
    parser.add_argument('network', metavar='NETWORK', help=NETWORK_HELP)
    parser.add_argument(
        'images',
        metavar='IMAGES',
        nargs='?',
        help='clean images: a folder with a folder for each class, or an .npy file of uint8 '
        '(N, H, W, 3); for a config: the checkpoint, followed by options of mmct test',
    )
    add_scoring_arguments(parser)
    group = parser.add_argument_group('scores and results')
    add_flag(group, '--no-clean', 'leave out the clean images')
    group.add_argument('--recalibrate-bn', type=positive_integer, default=0, metavar='N',
                       help='batches of each cell for the statistics of BatchNorm')  # fmt: skip
    group.add_argument(
        '--reference', metavar='RESULT', help="result file to normalise by, or 'alexnet'"
    )
    group.add_argument(
        '--name',
        help="name of the run in tables; default that in the result file, or the network's",
    )
    group.add_argument('--out', type=Path, help='result file; default scorecard_<network>.json')
    group.add_argument('--report', type=Path, metavar='FILE', help='page to write, .html')
    add_flag(group, '--replace', "replace another run's result file")
    args = parser.parse_args(argv)
    check_scoring_arguments(parser, args)
    if args.report is not None and args.report.suffix != '.html':
        parser.error(f'--report must end in .html, got {args.report}')
    return args


def add_scoring_arguments(parser: Parser) -> None:
    """Add the options that choose the network, the images and how to score.

    Args:
        parser (Parser): The parser to which the options are added; it already has ``images``.
    """
    add_network_arguments(parser)
    group = parser.add_argument_group('images and corruptions')
    group.add_argument(
        '--labels', metavar='FILE', help='.npy file with the classes, for images in an .npy file'
    )
    group.add_argument(
        '--corruptions',
        type=known_set,
        default='generated',
        metavar='SET',
        help=f'corruption set: {", ".join(SETS)}; default generated: made from IMAGES; the others '
        'need an mm stack',
    )
    add_cell_arguments(group)
    group = parser.add_argument_group('speed')
    add_flag(group, '--amp', 'automatic mixed precision')
    group.add_argument(
        '--batch-size',
        type=partial(positive_integer, most=1_000_000),
        default=128,
        help='images per batch, default 128',
    )
    group.add_argument(
        '--workers',
        type=positive_integer,
        default=0,
        help='worker processes that corrupt images, default none',
    )


def check_scoring_arguments(parser: Parser, args: Namespace) -> None:
    """Refuse options for images and corruption sets that contradict each other.

    Args:
        parser (Parser): The parser that exits with an error naming the option.
        args (Namespace): The parsed options.
    """
    stored = args.corruptions != 'generated'
    if stored and args.data_root is None:
        parser.error(f'--corruptions {args.corruptions} needs --data-root FOLDER')
    if stored and (args.seed is not None or args.table is not None):
        parser.error('--seed and --table are for generated corruptions')
    if not stored and args.images is None:
        parser.error('IMAGES are missing, from which corruptions are made')
    if not stored and args.data_root is not None:
        parser.error('--data-root is for a set on disk, not for generated')
    if args.size is not None and args.images is None:
        parser.error('--size is for IMAGES, which are missing: the images of a set keep their size')
    if args.labels is not None and Path(args.images or '').suffix != '.npy':
        parser.error('--labels is for IMAGES in an .npy file: folders are named after classes')


def _score(args: Namespace) -> None:
    from mmct.report import print_scorecards
    from mmct.scoring import score

    network, size = load_network(args)
    network.name = args.network  # unless the user, or the result file, names it
    out = args.out or Path(f'scorecard_{file_name(args.network)}.json')
    with config_errors():
        images, labels, options = what_to_score(args, args.network, size)
        card = score(
            network,
            images,
            labels,
            **options,
            clean=not args.no_clean,
            reference=args.reference,
            recalibrate_bn=args.recalibrate_bn,
            name=args.name,
            out=out,
            replace=args.replace,
        )
        print_scorecards(card.compare())
        page = args.report and card.report(args.report)
    print(f'result: {out}' + (f'  report: {page}' if page else ''))


def what_to_score(
    args: Namespace, network: str, size: int | None
) -> tuple[Any, Any, dict[str, Any]]:
    """Open the images, and collect the options of :func:`mmct.score`.

    Args:
        args (Namespace): The options of :func:`add_scoring_arguments`.
        network (str): The network, for a note if its images should have another size.
        size (int, optional): The size in pixels to which images are resized and cropped. None
            keeps the size of each image.

    Returns:
        tuple: The images, their labels or None, and the options.

    Raises:
        CTError: If labels are missing, or a file has the wrong format.
    """
    options = dict(
        subset=subset_of(args),
        size=size,
        classes_by_position=args.classes_by_position,
        amp=args.amp,
        batch_size=args.batch_size,
        num_workers=args.workers,
    )
    if args.corruptions != 'generated':
        cells = _stored(args)
        _note_size(args, network, cells.read(0, slice(0, 1)).shape, size)
        return cells, None, {**options, 'size': None}
    options |= dict(
        corruptions=args.only, severities=args.severities, seed=args.seed or 0, table=args.table
    )
    images, labels, own = _clean(args, size)
    if labels is not None:
        _note_size(args, network, images.shape, size)
    return images, labels, options | dict(size=own)


def _note_size(args: Namespace, network: str, shape: Sequence[int], size: int | None) -> None:
    """Say so if the network is made for images of another size."""
    side = shape[2] if len(shape) > 2 else size  # another shape is refused later
    if args.input_size is None and size not in (None, side):
        print(
            f'the images have {side} px, and {network} is made for {size}: '
            f'--input-size {size} resizes them after they are corrupted'
        )


def _stored(args: Namespace) -> CellSource:
    from mmpretrain.registry import DATASETS

    kind = f'mmpretrain.{SETS[args.corruptions]}'
    settings = dict(type=kind, data_root=args.data_root, channel_order='rgb')
    cells = DATASETS.build(
        dict(settings, corruptions=args.only, severities=args.severities)
    )
    if args.images is not None:
        cells.clean = _clean_of(cells, args)
    return cells


def _clean_of(cells: CellSource, args: Namespace) -> CellSource:
    """Open the clean images of a set; those of a folder get the size of the set's images."""
    from mmct.scoring.images import open_images

    first = cells.read(0, slice(0, 1))
    side = first.shape[1]
    if args.size not in (None, side):
        raise CTError(
            f'--size {args.size}: the images of the set have {side} px, which clean ones need, '
            'too: leave out --size'
        )
    images, labels, _ = _clean(args, None)
    found = open_images(images, labels)
    as_they_are = args.size is None and found.read(0, slice(0, 1)).shape == first.shape
    if labels is not None or as_they_are:
        return found
    print(
        f'clean images are resized and cropped to {side} px as those of ImageNet-C were: if the '
        f'set was made otherwise, give clean images of {side} px'
    )
    return open_images(images, size=side)


def _clean(args: Namespace, size: int | None) -> tuple[Any, Any, int | None]:
    """Open the clean images, from a folder or .npy files, as pixels, labels and size."""
    if Path(args.images).suffix != '.npy':
        return args.images, None, size
    if args.labels is None:
        raise CTError(f'the classes of {args.images} are missing: give --labels FILE.npy')
    if args.size is not None:
        raise CTError('--size is for a folder, not for an .npy file: resize its images first')
    return _array(args.images), _array(args.labels), None


def _array(file: str) -> Any:
    import numpy as np

    try:
        return np.load(file, mmap_mode='r', allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise CTError(f'{file} is not an .npy file of numbers: {error}') from error


_main = command(
    'mmct score', __doc__, parse_args, _score,
    'stopped; run the same command again to continue',
)
