"""Compute and draw the effect of normalisation on least-norm regression (docs/theory.md)."""

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmct.corruptions import BENCHMARK, corrupt
from mmct.runs.files import write_bytes, write_json
from mmct.theory import (
    CALIBRATIONS,
    Setting,
    median_interval,
    ridgeless_errors,
    sweep,
    sweep_two_layer,
)

from .options import Parser, positive_integer, seed_argument
from .running import command

RATIOS = (0.03, 0.06, 0.1, 0.2, 0.4, 0.7, 1.0)
WIDTHS = (24, 30, 40, 60, 100, 200)
CASES = {'low-variance features predict': 0.75, 'they do not predict': 0.0}
WAYS = ('without normalisation', 'with normalisation')
DEVIATION = 'deviation of the low-variance half'
RISK = 'squared error / variance of the label'
SEVERITY = 3
# Number of random ReLU features (None for the pixels themselves), and numbers of images.
DIGITS = {
    'pixels': (None, (15, 25, 40, 60, 100, 300)),
    '1,000 random ReLU features': (1000, (25, 50, 100, 200, 400)),
}


def parse_args(parser: Parser, argv: Sequence[str] | None) -> Namespace:
    """Define and parse the options.

    Args:
        parser (Parser): The parser to which the options are added.
        argv (Sequence[str], optional): The words to parse. None means those of the command line.
    """
    parser.add_argument('-o', '--out', type=Path, required=True, help='folder for the figures')
    parser.add_argument(
        '--draws',
        type=partial(positive_integer, least=2),
        default=200,
        help='random draws per point, default 200; a quarter of them for the network, a tenth for '
        'the digits',
    )
    parser.add_argument(
        '--seed', type=seed_argument, default=0, help='seed of the draws, default 0'
    )
    return parser.parse_args(argv)


def _theory(args: Namespace) -> None:
    sets = _digits()  # first, as the data may be missing
    for figure in chain(_regression(args), _network(args), _digit_errors(args, sets)):
        _save(args, figure)


class _Figure(NamedTuple):
    """The content of a figure: for each case an array of (points, draws, ways, places)."""

    name: str
    xs: Sequence[float]
    found: Mapping[str, np.ndarray]
    xlabel: str
    ways: Sequence[str] = WAYS
    ylabel: str = RISK
    places: Sequence[str] = ('in-domain', 'shifted')

    def panels(self) -> dict[str, dict[str, np.ndarray]]:
        """Make a panel for each case and place: median, low and high (3, points) of each way."""
        made = {}
        for case, values in self.found.items():
            curves = np.stack(median_interval(values.swapaxes(0, 1)))  # (3, points, ways, places)
            for place, by_way in zip(self.places, curves.transpose(3, 2, 0, 1), strict=True):
                made[f'{case}: {place}'] = dict(zip(self.ways, by_way, strict=True))
        return made


def _regression(args: Namespace) -> Iterator[_Figure]:
    """Compute the risk against the variance ratio, and against d/n."""
    for name, label, xs, field, values in (
        ('variance', DEVIATION, RATIOS, 'ratio', RATIOS),
        ('width', 'd / n', [d / 20 for d in WIDTHS], 'features', WIDTHS),
    ):
        found = {}
        for case, part in CASES.items():
            settings = [Setting(low_signal=part, **{field: value}) for value in values]
            found[case] = sweep(settings, args.draws, args.seed)[:, :, :2].swapaxes(2, 3)
        yield _Figure(name, xs, found, label)


def _network(args: Namespace) -> Iterator[_Figure]:
    """Compute the risk of a two-layer network, calibrated per layer, per channel or not at all."""
    ways = tuple(f'calibrated per {c}' if c != 'none' else 'no BN' for c in CALIBRATIONS)
    found = {}
    for case, part in CASES.items():
        settings = [Setting(low_signal=part, ratio=ratio) for ratio in RATIOS]
        found[case] = sweep_two_layer(settings, max(2, args.draws // 4), args.seed)
    yield _Figure('network', RATIOS, found, DEVIATION, ways)


def _digits() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read images (N, 8, 8, 3) and labels (N,) of each split."""
    from mmct.datasets import Digits

    sets = {}
    for split in ('train', 'test'):
        data = Digits(split=split)
        images = np.stack([data.get_data_info(i)['img'] for i in range(len(data))])
        sets[split] = images, data.get_gt_labels()
    return sets


def _digit_errors(args: Namespace, sets: Mapping) -> Iterator[_Figure]:
    """Compute errors on real digits, clean and corrupted, against the number of images."""

    def pixels(images: np.ndarray) -> np.ndarray:
        # All channels, as colour noise is independent in each.
        return images.reshape(len(images), -1) / 255

    train = pixels(sets['train'][0]), sets['train'][1]
    images, labels = sets['test']
    tests = {'clean': (pixels(images), labels)}
    for name in BENCHMARK:
        tests[name] = pixels(corrupt(images, name, SEVERITY)), labels

    def errors(count: int, features: int | None) -> Iterator[np.ndarray]:
        rng = np.random.default_rng([args.seed, count])
        for _ in range(max(2, args.draws // 10)):
            drawn = ridgeless_errors(train, tests, count, features, rng)
            corrupted = np.mean([drawn[name] for name in BENCHMARK], axis=0)
            yield 100 * np.stack([drawn['clean'], corrupted], axis=-1)

    for title, (features, counts) in DIGITS.items():
        found = {title: np.array([list(errors(count, features)) for count in counts])}
        name = 'digits_pixels' if features is None else 'digits_relu'
        xlabel, places = 'training images', ('clean', 'corrupted')
        yield _Figure(name, counts, found, xlabel, ylabel='error, %', places=places)


def _save(args: Namespace, figure: _Figure) -> None:
    """Write a figure and its numbers."""
    from mmct.report import curves, png

    panels = figure.panels()
    numbers = {
        title: {way: curve.T.tolist() for way, curve in group.items()}
        for title, group in panels.items()
    }
    draws = next(iter(figure.found.values())).shape[1]
    content = dict(draws=draws, seed=args.seed, values='median, low, high', panels=numbers)
    write_json(args.out / f'{figure.name}.json', {figure.xlabel: list(figure.xs), **content})
    log = 'xy' if figure.ylabel == RISK else 'x'
    picture = curves(figure.xs, panels, figure.xlabel, figure.ylabel, log)
    write_bytes(args.out / f'{figure.name}.png', png(picture))
    print(f'{args.out / figure.name}.png')


main = command('theory.py', __doc__, parse_args, _theory)
