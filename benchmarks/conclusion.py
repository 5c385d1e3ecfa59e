"""Say in words, and draw, what the study of CT and its controls shows: for the README.

The words follow the intervals: a difference whose interval contains 0 is never a gain.

    python benchmarks/conclusion.py     # draws docs/figures/when_ct_helps.svg
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmct.report.figures import blank, drawn, legend, look, style

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / 'docs' / 'figures' / 'when_ct_helps.svg'
_CLEAN, _CORRUPTED = 'clean error, %', 'mCE, %'
_ADAPTED = 'mCE with BN statistics of the test images, another setting, %'
KINDS = ('noise', 'blur', 'weather', 'digital')
_PLAIN, _FREE = 'Standard, equal compute (3x)', 'no BN (the teacher)'
_BARE, _TWIN = 'start alone (no term)', 'BN, standardised weights, equal compute (3x)'
# What differs in BN alone: the teachers of these, with and without standardised weights.
_TAUGHT_BY_TWIN = "BN teacher, trained as CT's"
_CALIBRATED = 'CT, calibrated teacher', 'BN teacher, trained as the calibrated'
_SHOWN = {
    _PLAIN: 'plain BN, trained as long',
    _TWIN: 'BN, standardised weights, as long',
    _FREE: 'the teacher, without BN',
    'CT': 'CT',
}


def conclusion(folder: Path) -> str:
    """Write when CT helps, when not, and what to use instead.

    Args:
        folder (Path): A kept study with the arms of ``configs/_base_/studies/controls.py``.

    Returns:
        str: A Markdown list, and a line that explains its brackets.

    Raises:
        ValueError: If an interval does not say what the text says: then other words are needed.
    """
    seeds, found = _read(folder)

    def mean(variant: str, title: str) -> str:
        return f'{found[variant][title]["mean"]:.1f} %'

    def minus(title: str, other: str = _PLAIN, variant: str = 'CT') -> Mapping[str, Any]:
        return found[variant][title]['differences'][other]

    def calibrated(title: str) -> Mapping[str, Any]:
        variant, other = _CALIBRATED
        return minus(title, other, variant)

    if _word(minus(_CORRUPTED)) != 'lower':
        raise ValueError('CT has no lower corrupted error than its baseline')
    said = {'lower': [minus(_CORRUPTED, 'BN teacher'), calibrated(_CORRUPTED)],
            'unclear': [minus(_CORRUPTED, _TAUGHT_BY_TWIN), minus(_CORRUPTED, _TWIN)],
            'higher': [calibrated(_CLEAN), minus(_CLEAN, _TWIN)]}  # fmt: skip
    if any(_word(each) != word for word, differences in said.items() for each in differences):
        raise ValueError('the controls do not say what the text says of missing BN')
    kinds: dict[str, list[str]] = {'lower': [], 'unclear': [], 'higher': []}
    for kind in KINDS:
        kinds[_word(minus(kind))].append(f'{kind} ({_points(minus(kind))})')
    words = dict(lower='It helps', unclear='There is no significant difference', higher='It hurts')
    clean = dict(lower='lower', unclear='not significantly different', higher='higher')
    scratch = minus(_CORRUPTED, variant='CT, from scratch')
    if _word(scratch) != 'unclear':
        raise ValueError('from scratch CT does not do what the text says')
    for study in ('cifar10_resnet20', 'pacs64_table'):
        if len(read_study(ROOT / 'benchmarks' / study)[0]['seeds']) > 1:
            raise ValueError(f'the text says that {study} has one seed')
    cifar = {
        row['variant']: row['values'][_CORRUPTED]['mean']
        for row in read_study(ROOT / 'benchmarks' / 'cifar10_resnet20')[1]
    }
    lines = [
        f'**On 8x8 digits CT helps against corruption**: the corrupted error of a narrow '
        f'ResNet-18 falls from {mean(_PLAIN, _CORRUPTED)}, trained as long as teacher and student '
        f'together, to {mean("CT", _CORRUPTED)} ({_points(minus(_CORRUPTED))}). Its clean error is '
        f'{clean[_word(minus(_CLEAN))]} ({mean(_PLAIN, _CLEAN)} and {mean("CT", _CLEAN)}). With a '
        f'plain BN teacher the corrupted error is {mean("BN teacher", _CORRUPTED)}, and with the '
        f"student's start from its teacher alone, without the consistency loss, "
        f'{mean(_BARE, _CORRUPTED)}.',
        f'**Most of that comes from the standardised weights of its teacher, not from the missing '
        f'BN**: the student of a teacher that has them beside its BN has '
        f"{mean(_TAUGHT_BY_TWIN, _CORRUPTED)}, and CT's is not significantly lower "
        f'({_points(minus(_CORRUPTED, _TAUGHT_BY_TWIN))}). Nor is a teacher needed: the network '
        f'with BN and standardised weights, trained as long, has {mean(_TWIN, _CORRUPTED)} '
        f"corrupted error, and {mean(_TWIN, _CLEAN)} clean (CT's is higher: "
        f'{_points(minus(_CLEAN, _TWIN))}). Missing BN helps where weights are not standardised: '
        f'students of two such teachers differ by {_points(calibrated(_CORRUPTED))} corrupted and '
        f'{_points(calibrated(_CLEAN))} clean error.',
        ' '.join(
            f'**{words[word]} under** {_listed(names)}.' for word, names in kinds.items() if names
        )
        + ' **It needs the start from its teacher**: from scratch '
        f'it gains nothing significant over the plain network ({_points(scratch)}).',
        f'**Instead, or as well**: the teacher itself, a network without BN, has '
        f'{mean(_FREE, _CORRUPTED)} corrupted error, and {mean(_FREE, _CLEAN)} clean. If you can '
        f"collect unlabelled test images, re-estimate BN's statistics on them: plain BN then has "
        f'{mean(_PLAIN, _ADAPTED)}, CT {mean("CT", _ADAPTED)}. AugMix without its '
        f'Jensen-Shannon loss, trained as long, has '
        f'{mean("AugMix, equal compute", _CORRUPTED)}, and together with CT '
        f'{mean("CT + AugMix", _CORRUPTED)}.',
        '**On larger images it is not shown to help yet.** A short study of '
        f'[CIFAR-10](docs/results.md#cifar-10), a single seed, has {cifar["CT"]:.1f} % corrupted '
        f'error with CT, {cifar[_TAUGHT_BY_TWIN]:.1f} with a teacher that differs from its own in '
        f'BN alone, {cifar["BN teacher"]:.1f} with a plain BN teacher, '
        f'{cifar[_PLAIN]:.1f} for the plain network trained as long, and {cifar[_BARE]:.1f} for '
        'the start alone. On [PACS](docs/domain_generalization.md#measured-here) at 64 px, one '
        'trial, CT gained nothing.',
    ]  # fmt: skip
    points = ''.join(f'- {line}\n' for line in lines)
    return (
        f'{points}\nIn brackets: differences in points, with 95 % intervals over {seeds} seeds and '
        f'images ([more](docs/results.md#digits)).\n'
    )


def picture(folder: Path) -> bytes:
    """Draw clean and corrupted errors of the networks that the conclusion is about.

    Args:
        folder (Path): As for :func:`conclusion`.

    Returns:
        bytes: SVG, the same for the same results and version of Matplotlib.
    """
    seeds, found = _read(folder)
    titles = {_CLEAN: 'clean', **{kind: kind for kind in KINDS}, _CORRUPTED: 'all corrupted'}
    figure = blank(7.4, 3.4)
    axes = figure.add_subplot()
    style(axes)
    axes.grid(visible=False, axis='y')
    for number, (variant, name) in enumerate(_SHOWN.items()):
        values = [found[variant][title] for title in titles]
        ys = [place + 0.18 * (number - 1.5) for place in range(len(titles))]
        errors = [value['standard_error'] for value in values]
        drawn_as = look(number, name) | dict(linestyle='')
        axes.errorbar([value['mean'] for value in values], ys, xerr=errors, **drawn_as)
    axes.set_yticks(range(len(titles)), titles.values())
    axes.invert_yaxis()
    axes.tick_params(axis='y', length=0)
    axes.set_xlim(left=0)
    axes.set_xlabel(f'error, % (mean of {seeds} seeds, bars: one standard error)', fontsize=9)
    legend(figure, axes.get_legend_handles_labels()[0], 2)
    return drawn(figure, 'svg')


def read_study(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read the plan of a kept study, and the rows of its table."""
    return tuple(
        json.loads((folder / f'{name}.json').read_text(encoding='utf-8'))
        for name in ('study', 'table')
    )


def _read(folder: Path) -> tuple[int, dict[str, Mapping[str, Any]]]:
    plan, rows = read_study(folder)
    return len(plan['seeds']), {row['variant']: row['values'] for row in rows}


def _word(difference: Mapping[str, Any]) -> str:
    low, high = difference['interval']
    return 'lower' if high < 0 else 'higher' if low > 0 else 'unclear'


def _points(difference: Mapping[str, Any]) -> str:
    low, high = difference['interval']
    return f'{difference["mean"]:+.1f} [{low:+.1f}, {high:+.1f}]'


def _listed(words: list[str]) -> str:
    return ' and '.join(filter(None, [', '.join(words[:-1]), words[-1]]))


if __name__ == '__main__':
    PICTURE.write_bytes(picture(ROOT / 'benchmarks' / 'digits_table'))
