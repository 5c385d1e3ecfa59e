"""Compute and draw what normalisation does to least-norm regression (docs/theory.md)."""

import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mmct.cli import Parser, run_tool
from mmct.corruptions import BENCHMARK, corrupt
from mmct.datasets import Digits
from mmct.report import curves, png
from mmct.runs.files import write_json, write_whole
from mmct.theory import (
    CALIBRATIONS,
    Setting,
    median_interval,
    ridgeless_errors,
    sweep,
    sweep_two_layer,
)

RATIOS = (0.03, 0.06, 0.1, 0.2, 0.4, 0.7, 1.0)
WIDTHS = (24, 30, 40, 60, 100, 200)
CASES = {'low-variance features predict': 0.75, 'they do not predict': 0.0}
WAYS = ('without normalisation', 'with normalisation')
SEVERITY = 3
# Number of images, and of random ReLU features: none are the pixels themselves.
DIGITS = {
    'pixels': (None, (15, 25, 40, 60, 100, 300)),
    '1,000 random ReLU features': (1000, (25, 50, 100, 200, 400)),
}


def parse_args() -> Namespace:
    """Read the command line."""
    parser = Parser(prog='theory.py', description=__doc__)
    parser.add_argument('-o', '--out', type=Path, required=True, help='folder for the figures')
    parser.add_argument('--draws', type=_positive, default=200, help='of each point, default 200')
    parser.add_argument('--seed', type=int, default=0)
    return parser.parse_args()


def _positive(word: str) -> int:
    if not word.isdecimal() or int(word) < 2:
        raise ArgumentTypeError(f'must be 2 or more, got {word}')
    return int(word)


def risk_panels(found: dict[str, np.ndarray], ways: tuple[str, ...]) -> dict:
    """A panel for each case, in-domain and shifted. Found: (points, draws, ways, 2)."""
    panels = {}
    for case, values in found.items():
        median, low, high = median_interval(values.swapaxes(0, 1))  # (points, ways, 2)
        for number, where in enumerate(('in-domain', 'shifted')):
            panels[f'{case}: {where}'] = {
                way: tuple(each[:, i, number] for each in (median, low, high))
                for i, way in enumerate(ways)
            }
    return panels


def regression(args: Namespace) -> dict[str, tuple]:
    """Risk against the variance ratio, and against d/n."""
    points = dict(
        variance=('deviation of the low-variance half', RATIOS, 'ratio', RATIOS),
        width=('d / n', [d / 20 for d in WIDTHS], 'features', WIDTHS),
    )
    figures = {}
    for name, (label, xs, field, values) in points.items():
        found = {
            case: sweep(
                [Setting(low_signal=part, **{field: value}) for value in values],
                args.draws, args.seed,
            )[:, :, :2].swapaxes(2, 3)
            for case, part in CASES.items()
        }  # fmt: skip
        figures[name] = xs, risk_panels(found, WAYS), label, 'squared error / variance of the label'
    return figures


def network(args: Namespace) -> dict[str, tuple]:
    """The same for a two-layer network, normalised per layer, per channel or not."""
    ways = tuple(f'calibrated per {c}' if c != 'none' else 'no BN' for c in CALIBRATIONS)
    found = {
        case: sweep_two_layer(
            [Setting(low_signal=part, ratio=ratio) for ratio in RATIOS],
            max(2, args.draws // 4), args.seed,
        )
        for case, part in CASES.items()
    }  # fmt: skip
    label = 'deviation of the low-variance half'
    panels = risk_panels(found, ways)
    return dict(network=(RATIOS, panels, label, 'squared error / variance of the label'))


def digits(args: Namespace) -> dict[str, tuple]:
    """Error on real digits, clean and corrupted, against the number of images."""
    def pixels(images: np.ndarray) -> np.ndarray:
        # All channels: colour noise is on each of its own.
        return images.reshape(len(images), -1) / 255

    sets = {}
    for split in ('train', 'test'):
        data = Digits(split=split)
        images = np.stack([data.get_data_info(i)['img'] for i in range(len(data))])
        sets[split] = images, data.get_gt_labels()
    images, labels = sets['train']
    train = pixels(images), labels
    images, labels = sets['test']
    tests = {'clean': (pixels(images), labels)}
    for name in BENCHMARK:
        tests[name] = pixels(corrupt(images, name, SEVERITY)), labels
    figures = {}
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
        panels = risk_panels({title: np.array(found)}, WAYS)
        panels = {
            key.replace('in-domain', 'clean').replace('shifted', 'corrupted'): value
            for key, value in panels.items()
        }
        name = 'digits_pixels' if features is None else 'digits_relu'
        figures[name] = counts, panels, 'training images', 'error, %'
    return figures


def build() -> Callable[[], object]:
    """Read the options."""
    args = parse_args()

    def run() -> None:
        for part in (regression, network, digits):
            for name, (xs, panels, xlabel, ylabel) in part(args).items():
                log = 'x' if ylabel.startswith('error') else 'xy'
                save(args, name, xs, panels, curves(xs, panels, xlabel, ylabel, log), xlabel)

    return run


def save(args: Namespace, name: str, xs: object, panels: dict, figure: Figure, xlabel: str) -> None:
    """Write a figure, and the numbers in it."""
    numbers = {
        title: {way: np.stack(curve, -1).tolist() for way, curve in group.items()}
        for title, group in panels.items()
    }
    content = dict(
        draws=args.draws, seed=args.seed, values='median, low, high', panels=numbers
    )
    write_json(args.out / f'{name}.json', {xlabel: list(xs), **content})
    picture = png(figure)
    write_whole(args.out / f'{name}.png', lambda path: path.write_bytes(picture))
    print(f'{args.out / name}.png')


if __name__ == '__main__':
    sys.exit(run_tool('theory.py', build))
