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
_PLAIN, _FREE = 'Standard, equal compute (3x)', 'no BN, equal compute (3x)'
_BARE, _TWIN = 'start alone (no term)', 'BN, standardised weights, equal compute (3x)'
# Its teacher has standardised weights as CT's, and differs from it in BN alone.
_TAUGHT_BY_TWIN = "BN teacher, trained as CT's"
_SHOWN = {
    _PLAIN: 'plain BN, trained as long',
    _TWIN: 'BN, standardised weights, as long',
    _FREE: 'without BN, as long',
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

    def mean(variant: str, title: str = _CORRUPTED) -> str:
        return f'{found[variant][title]["mean"]:.1f} %'

    def minus(title: str, other: str = _PLAIN, variant: str = 'CT') -> Mapping[str, Any]:
        return found[variant][title]['differences'][other]

    def shown(word: str, title: str, other: str, variant: str = 'CT') -> str:
        difference = minus(title, other, variant)
        if _word(difference) != word:
            raise ValueError(f'the text says that {variant}, minus {other}, is {word}: {title}')
        return _points(difference)

    kinds: dict[str, list[str]] = {'lower': [], 'unclear': [], 'higher': []}
    for kind in KINDS:
        kinds[_word(minus(kind))].append(f'{kind} ({_points(minus(kind))})')
    words = dict(lower='It helps', unclear='There is no significant difference', higher='It hurts')
    clean = dict(lower='lower', unclear='not significantly different', higher='higher')
    plan, rows = read_study(ROOT / 'benchmarks' / 'cifar10_resnet20')
    if len(plan['seeds']) > 1:
        raise ValueError('the text says that cifar10_resnet20 has one seed')
    cifar = {row['variant']: f'{row["values"][_CORRUPTED]["mean"]:.1f}' for row in rows}
    lines = [
        f'**On 8x8 digits CT helps against corruption**: the corrupted error of a narrow ResNet-18 '
        f'falls from {mean(_PLAIN)}, trained as long as teacher and student together, to '
        f'{mean("CT")} ({shown("lower", _CORRUPTED, _PLAIN)}). Its clean error is '
        f'{clean[_word(minus(_CLEAN))]} ({mean(_PLAIN, _CLEAN)} and {mean("CT", _CLEAN)}). '
        + ' '.join(
            f'{words[word]} under {_listed(names)}.' for word, names in kinds.items() if names
        ),
        f'**At the same compute other networks do as well or better, without a teacher**: with BN '
        f'and standardised weights the corrupted error is {mean(_TWIN)} (CT minus that: '
        f'{shown("unclear", _CORRUPTED, _TWIN)}), and the clean error is lower (CT minus that: '
        f'{shown("higher", _CLEAN, _TWIN)}). **Without BN it is {mean(_FREE)}** (CT minus that: '
        f'{shown("higher", _CORRUPTED, _FREE)}), and the clean error does not differ significantly '
        f'({shown("unclear", _CLEAN, _FREE)}).',
        f'**Most of what CT gains comes from the standardised weights of its teacher**: if the '
        f'teacher has them beside its BN, the student has {mean(_TAUGHT_BY_TWIN)}, and CT is not '
        f'significantly lower ({shown("unclear", _CORRUPTED, _TAUGHT_BY_TWIN)}). The student of a '
        f'plain BN teacher has {mean("BN teacher")} (CT minus that: '
        f'{shown("lower", _CORRUPTED, "BN teacher")}). Missing BN helps, too: of the two networks '
        f'above, the one without BN minus the one with BN makes '
        f'{shown("lower", _CORRUPTED, _TWIN, _FREE)}.',
        f'**It needs the start from its teacher**, which alone, without the consistency loss, '
        f'gives {mean(_BARE)} (CT minus that: {shown("lower", _CORRUPTED, _BARE)}). From scratch '
        f'CT gains nothing significant over the plain network '
        f'({shown("unclear", _CORRUPTED, _PLAIN, "CT, from scratch")}), and its clean error is '
        f'{mean("CT, from scratch", _CLEAN)}.',
        '**Instead, or as well**: if your network need not have BN, train it '
        '[without](docs/methods.md#the-controls), with standardised weights. '
        f'AugMix without its Jensen-Shannon loss, trained as long, has '
        f'{mean("AugMix, equal compute")}, and together with CT {mean("CT + AugMix")}. If you can '
        f"collect unlabelled test images, re-estimate BN's statistics on them: plain BN then has "
        f'{mean(_PLAIN, _ADAPTED)}, CT {mean("CT", _ADAPTED)}.',
        '**On larger images it is not shown to help yet.** A short study of '
        f'[CIFAR-10](docs/results.md#cifar-10), a single seed, has {cifar["CT"]} % corrupted error '
        f'with CT, {cifar[_PLAIN]} for the plain network trained as long, {cifar[_TAUGHT_BY_TWIN]} '
        f'with a teacher that differs from its own in BN alone, and {cifar[_BARE]} for the start '
        'alone. On [PACS](docs/domain_generalization.md#measured-here) at 64 px, '
        f'{_without_gain(ROOT / "benchmarks" / "pacs64_table")}, CT gained nothing.',
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


def _without_gain(folder: Path) -> str:
    """Count the trials of a study of domains, in whose mean CT must not be above plain networks."""
    (methods,) = json.loads((folder / 'domains.json').read_text(encoding='utf-8')).values()
    found = methods['CT']['mean']
    plain = [found['differences'][name] for name in ('ERM', 'ERM, equal compute (3x)')]
    if any(difference['mean'] > 0 for difference in plain):
        raise ValueError(f'the text says that CT gained nothing in {folder.name}')
    return ('one trial', 'two trials', 'three trials')[found['count'] - 1]


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
