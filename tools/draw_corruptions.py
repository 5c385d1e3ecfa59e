"""Draw all corruptions of an image: a row a corruption, a column a severity."""

import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError

from mmct.cli import Parser, run_tool
from mmct.corruptions import CORRUPTIONS, SEVERITIES, choose_table, corrupt
from mmct.runs import CTError
from mmct.runs.files import write_whole

GAP = 4
LABEL = 150
HEAD = 22
TABLES = dict(cifar='CIFAR-C', imagenet='ImageNet-C')


def parse_args() -> Namespace:
    """Read the command line."""
    parser = Parser(prog='draw_corruptions.py', description=__doc__)
    parser.add_argument('image', help='an image file; its middle square is taken')
    parser.add_argument('out', type=Path, help='the picture, .png or .jpg')
    parser.add_argument('--size', type=int, default=32, help='pixels of the square, default 32')
    parser.add_argument('--table', choices=TABLES, help='severities; default: by size')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    if args.out.suffix not in ('.png', '.jpg'):
        parser.error(f'out must end in .png or .jpg, got {args.out}')
    return args


def load(path: str, size: int) -> np.ndarray:
    """The middle square of an image file. (size, size, 3)."""
    try:
        with Image.open(path) as image:
            square = ImageOps.fit(image.convert('RGB'), (size, size), Image.Resampling.LANCZOS)
    except (OSError, UnidentifiedImageError) as error:
        raise CTError(f'image {path} cannot be read: {error}') from error
    return np.asarray(square)


def draw(image: np.ndarray, table: str, seed: int) -> Image.Image:
    """The picture: the image itself in the first column."""
    side = len(image)
    scale = max(1, 96 // side)  # of small images the pixels are to be seen
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


def build() -> Callable[[], object]:
    """Read the image: what is wrong shows at once."""
    args = parse_args()
    try:
        table = choose_table(args.table, args.size, args.size)
    except ValueError as error:
        raise CTError(f'{error} (--table)') from error
    image = load(args.image, args.size)
    kind = 'PNG' if args.out.suffix == '.png' else 'JPEG'

    def run() -> None:
        picture = draw(image, table, args.seed)
        write_whole(args.out, lambda file: picture.save(file, kind, quality=90))
        print(f'{args.out}: {picture.width} x {picture.height} px')

    return run


if __name__ == '__main__':
    sys.exit(run_tool('draw_corruptions.py', build))
