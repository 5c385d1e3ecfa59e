"""Say in words, and draw, what the study of CT and its controls shows: for the README.

The words follow the intervals: a difference whose interval contains 0 is never a gain.

    python benchmarks/conclusion.py     # draws docs/figures/when_ct_helps.svg
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmct.report import Row, Table
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
_COMPARED = {
    _PLAIN: 'plain BN',
    'AugMix, equal compute': 'plain BN, AugMix without its Jensen-Shannon loss',
    _TWIN: 'BN and standardised weights',
    _FREE: 'standardised weights, no BN',
    'CT': '**CT**',
    'BN teacher': 'CT, but the teacher is plain BN',
    _TAUGHT_BY_TWIN: 'CT, but the teacher has BN and standardised weights',
    _BARE: 'CT, but without the consistency loss',
}
# What the text says of a network's error next to another's.
_SAID = (
    ('CT', _CORRUPTED, 'lower', _PLAIN),
    ('CT', _CLEAN, 'unclear', _PLAIN),
    ('CT', _CORRUPTED, 'unclear', _TWIN),
    ('CT', _CLEAN, 'higher', _TWIN),
    ('CT', _CORRUPTED, 'higher', _FREE),
    ('CT', _CLEAN, 'unclear', _FREE),
    ('CT', _CORRUPTED, 'unclear', _TAUGHT_BY_TWIN),
    ('CT', _CORRUPTED, 'lower', 'BN teacher'),
    ('CT', _CORRUPTED, 'lower', _BARE),
    ('CT, from scratch', _CORRUPTED, 'unclear', _PLAIN),
    (_FREE, _CORRUPTED, 'lower', _TWIN),
)
# The same of the two networks of digits_architectures.
_OTHERS = ROOT / 'benchmarks' / 'digits_architectures'
_IN_BOTH = (
    ('CT', _CORRUPTED, 'lower', _PLAIN),
    ('CT', _CLEAN, 'unclear', _PLAIN),
    ('CT', _CLEAN, 'unclear', _TWIN),
    (_TWIN, _CORRUPTED, 'lower', _PLAIN),
    (_FREE, _CORRUPTED, 'lower', _TWIN),
)
_SAID_OF = {
    'WRN-16': (
        *_IN_BOTH,
        *(('CT', _CORRUPTED, 'lower', other) for other in (_TWIN, _TAUGHT_BY_TWIN, _BARE)),
    ),
    'DenseNet-22': (
        *_IN_BOTH,
        *(('CT', _CORRUPTED, 'unclear', other) for other in (_TWIN, _TAUGHT_BY_TWIN, _BARE)),
    ),
}
_SHOWN = {
    _PLAIN: 'plain BN, trained as long',
    _TWIN: 'BN, standardised weights, as long',
    _FREE: 'without BN, as long',
    'CT': 'CT',
}


def conclusion(folder: Path) -> str:
    """Write what CT gains, when and why, and what to use instead.

    Args:
        folder (Path): A kept study with the arms of ``configs/_base_/studies/controls.py``.

    Returns:
        str: Markdown: a paragraph, a table and a list.

    Raises:
        ValueError: If an interval does not say what the text says: then other words are needed.
    """
    seeds, found = _read(folder)

    def mean(variant: str, title: str = _CORRUPTED) -> str:
        return f'{found[variant][title]["mean"]:.1f} %'

    def row(variant: str, name: str) -> Row:
        minus = found['CT'][_CORRUPTED]['differences'].get(variant)
        cells = (points(minus) if minus else '',)
        return Row(name, [mean(variant, _CLEAN), mean(variant), *cells])

    _check(found, _SAID)
    others = {}
    for group, said in _SAID_OF.items():
        trained, others[group] = _read(_OTHERS, group)
        _check(others[group], said)
    kinds: dict[str, list[str]] = {'lower': [], 'unclear': [], 'higher': []}
    for kind in KINDS:
        kinds[_word(found['CT'][kind]['differences'][_PLAIN])].append(kind)
    words = dict(lower='it helps', unclear='there is no significant difference', higher='it hurts')
    of_kinds = '; '.join(f'under {_listed(of)} {words[word]}' for word, of in kinds.items() if of)
    trainings, on_cifar = _read(ROOT / 'benchmarks' / 'cifar10_resnet20')
    if trainings > 1:
        raise ValueError('the text says that cifar10_resnet20 has one seed')
    for networks in (*others.values(), on_cifar):
        if min(networks, key=lambda name: networks[name][_CORRUPTED]['mean']) != _FREE:
            raise ValueError(f'the text says that {_FREE} has the lowest error')
    cifar = {name: f'{values[_CORRUPTED]["mean"]:.1f} %' for name, values in on_cifar.items()}
    wide, dense = others.values()
    lead = (
        f'**On 8x8 digits CT takes {_less(found)} off the corrupted error of a ResNet-18 with BN; '
        'clean errors do not differ significantly. But that network does about as well with '
        'standardised weights beside its BN, and better without BN, both without a teacher. With '
        'one of two other architectures CT beats both networks with BN. On larger images it is '
        'not shown to help yet.**'
    )
    head = ['', 'clean error', 'corrupted error', 'CT minus that, points']
    table = Table(head, [row(variant, name) for variant, name in _COMPARED.items()])
    lines = [
        f'**When**: {of_kinds}. It needs the start from its teacher: from scratch it gains '
        f'nothing significant, and its clean error is {mean("CT, from scratch", _CLEAN)}.',
        '**Why**: most of the gain comes from the standardised weights of its teacher. With a '
        'teacher that has them beside its BN, the student is not significantly worse. Missing BN '
        'helps the network that lacks it: '
        f'{points(found[_FREE][_CORRUPTED]["differences"][_TWIN])} points next to the one with '
        'BN and standardised weights. How much of that its student keeps is uncertain.',
        f'**Other networks**, {trained} seeds each: with a WRN-16 CT takes {_less(wide)} off and '
        'is the best of the networks with BN, at clean errors that do not differ significantly: '
        f'{_minus(wide, _TWIN)} points next to BN with standardised weights, '
        f'{_minus(wide, _BARE)} next to CT without the loss. With a DenseNet-22 it takes '
        f'{_less(dense)} off, and these differences are not significant. With both the network '
        'without BN has the lowest error again ([more](docs/results.md#two-other-architectures)).',
        '**Instead, or as well**: if your network need not have BN, train it '
        '[without](docs/methods.md#the-controls), with standardised weights. AugMix adds to CT: '
        f'together they have {mean("CT + AugMix")}. If you can collect unlabelled test images, '
        f"re-estimate BN's statistics on them: plain BN then has {mean(_PLAIN, _ADAPTED)}, CT "
        f'{mean("CT", _ADAPTED)}.',
        '**Larger images**: in a short study of [CIFAR-10](docs/results.md#cifar-10), a single '
        f'seed, the network without BN is best again: {cifar[_FREE]} corrupted error. CT has '
        f'{cifar["CT"]}, its start alone {cifar[_BARE]}, the plain network trained as long '
        f'{cifar[_PLAIN]}. Another training may differ by more than these do. On '
        '[PACS](docs/domain_generalization.md#measured-here) at 64 px, '
        f'{_without_gain(ROOT / "benchmarks" / "pacs64_table")}, CT gained nothing.',
    ]
    bullets = ''.join(f'- {line}\n' for line in lines)
    return (
        f'{lead}\n\n{table.to_markdown()}\nA narrow ResNet-18, {seeds} seeds, each network '
        'trained as long as the two of CT together; in brackets 95 % intervals over seeds and '
        f'images ([more](docs/results.md#digits)).\n\n{bullets}'
    )


def picture(folder: Path) -> bytes:
    """Draw clean and corrupted errors of the networks that the conclusion is about, a panel each.

    Args:
        folder (Path): As for :func:`conclusion`.

    Returns:
        bytes: SVG, the same for the same results and version of Matplotlib.
    """
    panels = {'ResNet-18': _read(folder), **{name: _read(_OTHERS, name) for name in _SAID_OF}}
    titles = {_CLEAN: 'clean', **{kind: kind for kind in KINDS}, _CORRUPTED: 'all corrupted'}
    figure = blank(9.0, 3.4)
    all_axes = figure.subplots(1, len(panels), sharex=True, sharey=True)
    for axes, (network, (seeds, found)) in zip(all_axes, panels.items(), strict=True):
        style(axes)
        axes.grid(visible=False, axis='y')
        for number, (variant, name) in enumerate(_SHOWN.items()):
            values = [found[variant][title] for title in titles]
            ys = [place + 0.18 * (number - 1.5) for place in range(len(titles))]
            errors = [value['standard_error'] for value in values]
            drawn_as = look(number, name) | dict(linestyle='')
            axes.errorbar([value['mean'] for value in values], ys, xerr=errors, **drawn_as)
        axes.set_title(f'{network}, {seeds} seeds', fontsize=9)
        axes.tick_params(axis='y', length=0)
    first = all_axes[0]
    first.set_yticks(range(len(titles)), titles.values())
    first.invert_yaxis()
    first.set_xlim(left=0)
    figure.supxlabel('error, % (bars: one standard error)', fontsize=9)
    legend(figure, first.get_legend_handles_labels()[0], 4)
    return drawn(figure, 'svg')


def _without_gain(folder: Path) -> str:
    """Count the trials of a study of domains, in whose mean CT must not be above plain networks."""
    (methods,) = json.loads((folder / 'domains.json').read_text(encoding='utf-8')).values()
    found = methods['CT']['mean']
    plain = [found['differences'][name] for name in ('ERM', 'ERM, equal compute (3x)')]
    if any(difference['mean'] > 0 for difference in plain):
        raise ValueError(f'the text says that CT gained nothing in {folder.name}')
    return ('one trial', 'two trials', 'three trials')[found['count'] - 1]


def _check(found: Mapping[str, Any], said: Iterable[tuple[str, str, str, str]]) -> None:
    for variant, title, word, other in said:
        if _word(found[variant][title]['differences'][other]) != word:
            raise ValueError(f'the text says that {variant}, minus {other}, is {word}: {title}')


def _less(found: Mapping[str, Any]) -> str:
    """Write how much of the plain network's corrupted error CT takes off."""
    of_ct, plain = (found[name][_CORRUPTED]['mean'] for name in ('CT', _PLAIN))
    return f'{100 * (1 - of_ct / plain):.0f} %'


def _minus(found: Mapping[str, Any], other: str) -> str:
    return points(found['CT'][_CORRUPTED]['differences'][other])


def read_study(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read the plan of a kept study, and the rows of its table."""
    return tuple(
        json.loads((folder / f'{name}.json').read_text(encoding='utf-8'))
        for name in ('study', 'table')
    )


def _read(folder: Path, group: str | None = None) -> tuple[int, dict[str, Mapping[str, Any]]]:
    """Read the number of seeds, and the values by variant of one network, or of the only one."""
    plan, rows = read_study(folder)
    names = {arm: parts['variant'] for arm, parts in plan['arms'].items()}
    found = {}
    for row in rows:
        if group in (None, row['group']):
            found[row['variant']] = {
                title: {
                    **value,
                    'differences': {names[arm]: of for arm, of in value['differences'].items()},
                }
                for title, value in row['values'].items()
            }
    return len(plan['seeds']), found


def _word(difference: Mapping[str, Any]) -> str:
    low, high = difference['interval']
    return 'lower' if high < 0 else 'higher' if low > 0 else 'unclear'


def points(difference: Mapping[str, Any]) -> str:
    """Write a difference in points, with the ends of its interval."""
    low, high = difference['interval']
    return f'{difference["mean"]:+.1f} [{low:+.1f}, {high:+.1f}]'


def _listed(words: list[str]) -> str:
    return ' and '.join(filter(None, [', '.join(words[:-1]), words[-1]]))


if __name__ == '__main__':
    PICTURE.write_bytes(picture(ROOT / 'benchmarks' / 'digits_table'))
