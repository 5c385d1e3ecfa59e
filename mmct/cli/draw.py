"""Draw all corruptions of an image, one row per corruption and one column per severity."""

from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from mmct.corruptions import CORRUPTIONS, SEVERITIES, choose_table, corrupt
from mmct.image_content import read_rgb
from mmct.runs.errors import CTError
from mmct.runs.files import write_whole

from .options import Parser, keep_inputs, positive_integer, seed_argument
from .running import command

GAP = 4
LABEL = 150
HEAD = 22
TABLES = dict(cifar='CIFAR-C', tiny_imagenet='Tiny-ImageNet-C', imagenet='ImageNet-C')


def parse_args(parser: Parser, argv: Sequence[str] | None) -> Namespace:
    """Define and parse the options.

    Args:
        parser (Parser): The parser to which the options are added.
        argv (Sequence[str], optional): The words to parse. None means those of the command line.
    """
    parser.add_argument('image', help='image file, of which the middle square is used')
    parser.add_argument('out', type=Path, help='picture to write, .png or .jpg')
    parser.add_argument(
        '--size',
        type=partial(positive_integer, most=1024),
        default=32,
        help='side of the square in pixels, default 32',
    )
    parser.add_argument('--table', choices=TABLES, help='severity table, default by size')
    parser.add_argument(
        '--seed', type=seed_argument, default=0, help='seed of the corruptions, default 0'
    )
    args = parser.parse_args(argv)
    if args.out.suffix not in ('.png', '.jpg'):
        parser.error(f'out must end in .png or .jpg, got {args.out}')
    keep_inputs(parser, [args.image], [args.out])
    return args


def _draw(args: Namespace) -> None:
    try:
        table = choose_table(args.table, args.size, args.size)
    except ValueError as error:
        raise CTError(str(error)) from error
    picture = draw(load(args.image, args.size), table, args.seed)
    kind = 'PNG' if args.out.suffix == '.png' else 'JPEG'
    write_whole(args.out, lambda file: picture.save(file, kind, quality=90))
    print(f'{args.out}: {picture.width} x {picture.height} px')


def load(path: str, size: int) -> np.ndarray:
    """Read the middle square of an image file.

    Args:
        path (str): The file.
        size (int): The side of the square, in pixels.

    Returns:
        np.ndarray: uint8 of shape (size, size, 3).

    Raises:
        CTError: If the file cannot be read.
    """
    try:
        image = read_rgb(path)
    except OSError as error:
        raise CTError(f'image {error}') from error
    return np.asarray(ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS))


def draw(image: np.ndarray, table: str, seed: int) -> Image.Image:
    """Draw all corruptions of an image, with the image itself in the first column.

    Args:
        image (np.ndarray): uint8 of shape (size, size, 3).
        table (str): The name of the severity table.
        seed (int): The seed of the corruptions.

    Returns:
        Image.Image: The picture.
    """
    side = len(image)
    scale = max(1, 96 // side)  # enlarge small images so their pixels show
    cell = side * scale + GAP
    font = ImageFont.load_default(13)
    columns = len(SEVERITIES) + 1
    shape = (LABEL + columns * cell, HEAD + len(CORRUPTIONS) * cell)
    picture = Image.new('RGB', shape, 'white')
    pen = ImageDraw.Draw(picture)
    for column, text in enumerate(('original', *SEVERITIES)):
        pen.text((LABEL + column * cell, 3), str(text), 'black', font)
    pen.text((GAP, 3), f'{TABLES[table]} severity', 'black', font)
    for row, name in enumerate(CORRUPTIONS):
        top = HEAD + row * cell
        pen.text((GAP, top + cell // 2 - 10), name, 'black', font)
        made = [corrupt(image[None], name, s, seed=seed, table=table)[0] for s in SEVERITIES]
        for column, part in enumerate((image, *made)):
            large = Image.fromarray(np.kron(part, np.ones((scale, scale, 1), np.uint8)))
            picture.paste(large, (LABEL + column * cell, top))
    return picture


main = command('draw_corruptions.py', __doc__, parse_args, _draw)
