"""Compute and draw what normalisation does to least-norm regression (docs/theory.md)."""

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

from .options import Parser, positive_integer
from .running import run_tool

RATIOS = (0.03, 0.06, 0.1, 0.2, 0.4, 0.7, 1.0)
WIDTHS = (24, 30, 40, 60, 100, 200)
CASES = {'low-variance features predict': 0.75, 'they do not predict': 0.0}
WAYS = ('without normalisation', 'with normalisation')
RISK = 'squared error / variance of the label'
SEVERITY = 3
# Number of images, and of random ReLU features: none are the pixels themselves.
DIGITS = {
    'pixels': (None, (15, 25, 40, 60, 100, 300)),
    '1,000 random ReLU features': (1000, (25, 50, 100, 200, 400)),
}


def main(argv: Sequence[str] | None = None, prog: str = 'theory.py') -> int:
    """Compute and draw, as the options say.

    Args:
        argv (Sequence[str], optional): The options. Defaults to those of the command line.
        prog (str): The command's name, for messages. Defaults to 'theory.py'.

    Returns:
        int: The exit code: 0, 2 after an error of the user's, 130 after Ctrl-C.
    """
    return run_tool(prog, _theory, parse_args(argv, prog))


def parse_args(argv: Sequence[str] | None, prog: str) -> Namespace:
    """Read the options.

    Args:
        argv (Sequence[str], optional): The options; None for those of the command line.
        prog (str): The command's name.
    """
    parser = Parser(prog=prog, description=__doc__)
    parser.add_argument('-o', '--out', type=Path, required=True, help='folder for the figures')
    parser.add_argument(
        '--draws',
        type=partial(positive_integer, least=2),
        default=200,
        help='per point, default 200',
    )
    parser.add_argument('--seed', type=int, default=0)
    return parser.parse_args(argv)


def _theory(args: Namespace) -> None:
    sets = _digits()  # first: it is what may be missing
    for figure in chain(_regression(args), _network(args), _digit_errors(args, sets)):
        _save(args, figure)


class _Figure(NamedTuple):
    """Panels of curves for a figure, each a (median, low, high) per x."""

    name: str
    xs: Sequence[float]
    panels: Mapping[str, Mapping[str, tuple[np.ndarray, ...]]]
    xlabel: str
    ylabel: str


def _risk_panels(found: Mapping[str, np.ndarray], ways: Sequence[str]) -> dict:
    """Make a panel for each case, in-domain and shifted. Found: (points, draws, ways, 2)."""
    panels = {}
    for case, values in found.items():
        median, low, high = median_interval(values.swapaxes(0, 1))  # (points, ways, 2)
        for number, where in enumerate(('in-domain', 'shifted')):
            panels[f'{case}: {where}'] = {
                way: tuple(each[:, i, number] for each in (median, low, high))
                for i, way in enumerate(ways)
            }
    return panels


def _regression(args: Namespace) -> Iterator[_Figure]:
    """Risk against the variance ratio, and against d/n."""
    for name, label, xs, field, values in (
        ('variance', 'deviation of the low-variance half', RATIOS, 'ratio', RATIOS),
        ('width', 'd / n', [d / 20 for d in WIDTHS], 'features', WIDTHS),
    ):
        found = {}
        for case, part in CASES.items():
            settings = [Setting(low_signal=part, **{field: value}) for value in values]
            risks = sweep(settings, args.draws, args.seed)
            found[case] = risks[:, :, :2].swapaxes(2, 3)
        yield _Figure(name, xs, _risk_panels(found, WAYS), label, RISK)


def _network(args: Namespace) -> Iterator[_Figure]:
    """The same for a two-layer network, normalised per layer, per channel or not."""
    ways = tuple(f'calibrated per {c}' if c != 'none' else 'no BN' for c in CALIBRATIONS)
    found = {}
    for case, part in CASES.items():
        settings = [Setting(low_signal=part, ratio=ratio) for ratio in RATIOS]
        found[case] = sweep_two_layer(settings, max(2, args.draws // 4), args.seed)
    label = 'deviation of the low-variance half'
    yield _Figure('network', RATIOS, _risk_panels(found, ways), label, RISK)


def _digits() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read images (N, 8, 8, 3) and labels (N,) of each split."""
    from mmct.datasets import Digits

    sets = {}
    for split in ('train', 'test'):
        data = Digits(split=split)
        images = np.stack([data.get_data_info(i)['img'] for i in range(len(data))])
        sets[split] = images, data.get_gt_labels()
    return sets


def _pixels(images: np.ndarray) -> np.ndarray:
    # All channels: colour noise is on each of its own.
    return images.reshape(len(images), -1) / 255


def _digit_errors(args: Namespace, sets: Mapping) -> Iterator[_Figure]:
    """Error on real digits, clean and corrupted, against the number of images."""
    images, labels = sets['train']
    train = _pixels(images), labels
    images, labels = sets['test']
    tests = {'clean': (_pixels(images), labels)}
    for name in BENCHMARK:
        tests[name] = _pixels(corrupt(images, name, SEVERITY)), labels
    for title, (features, counts) in DIGITS.items():
        found = []
        for count in counts:
            rng = np.random.default_rng([args.seed, count])
            draws = []
            for _ in range(max(2, args.draws // 10)):
                errors = ridgeless_errors(train, tests, count, features, rng)
                corrupted = np.mean([errors[name] for name in BENCHMARK], axis=0)
                draws.append(100 * np.stack([errors['clean'], corrupted], axis=-1))
            found.append(draws)
        panels = {
            key.replace('in-domain', 'clean').replace('shifted', 'corrupted'): value
            for key, value in _risk_panels({title: np.array(found)}, WAYS).items()
        }
        name = 'digits_pixels' if features is None else 'digits_relu'
        yield _Figure(name, counts, panels, 'training images', 'error, %')


def _save(args: Namespace, figure: _Figure) -> None:
    """Write a figure, and the numbers in it."""
    from mmct.report import curves, png

    numbers = {
        title: {way: np.stack(curve, -1).tolist() for way, curve in group.items()}
        for title, group in figure.panels.items()
    }
    content = dict(draws=args.draws, seed=args.seed, values='median, low, high', panels=numbers)
    write_json(args.out / f'{figure.name}.json', {figure.xlabel: list(figure.xs), **content})
    log = 'xy' if figure.ylabel == RISK else 'x'
    picture = curves(figure.xs, figure.panels, figure.xlabel, figure.ylabel, log)
    write_bytes(args.out / f'{figure.name}.png', png(picture))
    print(f'{args.out / figure.name}.png')
