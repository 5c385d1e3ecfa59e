"""Say in words, and draw, what the study of CT and its controls shows: for the README.

The words follow the intervals: a difference whose interval contains 0 is never a gain.

    python benchmarks/conclusion.py     # draws docs/figures/when_ct_helps.svg
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kept import BENCHMARKS, CLEAN, CORRUPTED, KeptNetwork, points, read_network, read_networks

from mmct.report import Row, Table
from mmct.report.figures import blank, drawn, legend, look, style

PICTURE = BENCHMARKS.parent / 'docs' / 'figures' / 'when_ct_helps.svg'
_ADAPTED = 'mCE with BN statistics of the test images, another setting, %'
KINDS = ('noise', 'blur', 'weather', 'digital')
_PLAIN, _FREE = 'Standard, equal compute (3x)', 'no BN, equal compute (3x)'
_BARE, _TWIN = 'start alone (no term)', 'BN, standardised weights, equal compute (3x)'
_AUGMIX = 'AugMix, equal compute'
# Its teacher has standardised weights as CT's, and differs from it in BN alone.
_TAUGHT_BY_TWIN = "BN teacher, trained as CT's"
_COMPARED = {
    _PLAIN: 'plain BN',
    _AUGMIX: 'plain BN, AugMix without its Jensen-Shannon loss',
    _TWIN: 'BN and standardised weights',
    _FREE: 'standardised weights, no BN',
    'CT': '**CT**',
    'BN teacher': 'CT, but the teacher is plain BN',
    _TAUGHT_BY_TWIN: 'CT, but the teacher has BN and standardised weights',
    _BARE: 'CT, but without the consistency loss',
}
# What the text says of a network's error next to another's.
_SAID = (
    ('CT', CORRUPTED, 'lower', _PLAIN),
    ('CT', CLEAN, 'unclear', _PLAIN),
    ('CT', CORRUPTED, 'unclear', _TWIN),
    ('CT', CLEAN, 'higher', _TWIN),
    ('CT', CORRUPTED, 'higher', _FREE),
    ('CT', CLEAN, 'unclear', _FREE),
    ('CT', _ADAPTED, 'unclear', _PLAIN),
    ('CT', _ADAPTED, 'higher', _TWIN),
    ('CT + AugMix', CORRUPTED, 'lower', _AUGMIX),
    ('CT + AugMix', CORRUPTED, 'lower', 'CT'),
    ('CT + AugMix', CLEAN, 'higher', _AUGMIX),
    ('CT', CORRUPTED, 'unclear', _TAUGHT_BY_TWIN),
    ('CT', CORRUPTED, 'lower', 'BN teacher'),
    ('CT', CORRUPTED, 'lower', _BARE),
    (_FREE, CORRUPTED, 'lower', _TWIN),
)
_CIFAR = BENCHMARKS / 'cifar10_resnet20'
_OTHERS = BENCHMARKS / 'digits_architectures'
# The same on CIFAR-10.
_SAID_OF_CIFAR = (
    *((_FREE, CORRUPTED, 'lower', other) for other in (_PLAIN, _TWIN, 'CT')),
    *((_FREE, CLEAN, 'unclear', other) for other in (_PLAIN, 'CT')),
    ('CT', CLEAN, 'unclear', _PLAIN),
    ('CT', CORRUPTED, 'unclear', _PLAIN),
    ('CT', CORRUPTED, 'lower', _TWIN),
    ('CT', CORRUPTED, 'unclear', _BARE),
)
# How CT differs from BN with standardised weights with each network of digits_architectures.
_NEXT_TO_TWIN = {'WRN-16': 'lower', 'ResNet-14': 'unclear', 'DenseNet-22': 'unclear'}
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
    digits, others, cifar = read_network(folder), read_networks(_OTHERS), read_network(_CIFAR)
    _check(digits, _SAID)
    _check(cifar, _SAID_OF_CIFAR)
    for name, word in _NEXT_TO_TWIN.items():
        _check(others[name], [('CT', CORRUPTED, word, _TWIN)])
    for network in digits, *others.values(), cifar:
        if min(network.rows, key=lambda arm: network.value(arm)['mean']) != _FREE:
            raise ValueError(f'the text says that {_FREE} has the lowest error')
    lead = (
        f'**On 8x8 digits CT takes {_less(digits)} off the corrupted error of a ResNet-18 with '
        'BN; clean errors do not differ significantly. Standardised weights beside BN do about as '
        f'well without a teacher, at {_points(digits, CLEAN, _TWIN)} points less clean error; '
        'standardised weights without BN do better. On larger images CT has not been shown to '
        'gain more than a little.**'
    )
    rows = []
    for arm, name in _COMPARED.items():
        minus = digits.difference('CT', arm)
        cells = _mean(digits, arm, CLEAN), _mean(digits, arm), points(minus) if minus else ''
        rows.append(Row(name, cells))
    table = Table(['', 'clean error', 'corrupted error', 'CT minus that, points'], rows)
    items = {
        'If your network need not have BN': _without_bn(digits, cifar),
        'If it must have BN': _with_bn(others, cifar),
        'What of CT helps': _helps(digits, cifar),
        'Next to other methods': _instead(digits),
    }
    bullets = ''.join(f'- **{name}**{text}\n' for name, text in items.items())
    return (
        f'{lead}\n\n{table.to_markdown()}\nA narrow ResNet-18, {digits.all_seeds} seeds, each '
        'network trained as long as the two of CT together; in brackets 95 % intervals over seeds '
        f'and images ([more](docs/results.md#digits)).\n\n{bullets}'
    )


def _without_bn(digits: KeptNetwork, cifar: KeptNetwork) -> str:
    return (
        ', train it [without](docs/methods.md#the-controls), with standardised weights. That gave '
        'the lowest mean corrupted error with all four architectures on the digits, and in a short '
        f'study of a ResNet-20 on [CIFAR-10](docs/results.md#cifar-10), {cifar.all_seeds} seeds: '
        f'{_mean(cifar, _FREE)}, where CT has {_mean(cifar, "CT")} and plain BN '
        f'{_mean(cifar, _PLAIN)}, all trained as long, at clean errors that do not differ '
        'significantly.'
    )


def _with_bn(networks: Mapping[str, KeptNetwork], cifar: KeptNetwork) -> str:
    wide = networks['WRN-16']
    return (
        ', give it [standardised weights](docs/methods.md#standardised-weights) first. CT had less '
        'corrupted error than they had with a WRN-16 '
        f'({points(wide.difference("CT", _TWIN))} points) and on CIFAR-10 '
        f'({points(cifar.difference("CT", _TWIN))}; minus plain BN '
        f'{points(cifar.difference("CT", _PLAIN))}). With the other three architectures on the '
        'digits the difference is not significant.'
    )


def _helps(digits: KeptNetwork, cifar: KeptNetwork) -> str:
    kinds: dict[str, list[str]] = {'lower': [], 'unclear': [], 'higher': []}
    for kind in KINDS:
        kinds[_word(digits.difference('CT', _PLAIN, kind))].append(kind)
    words = dict(
        lower='the gain over plain BN is under {} corruptions',
        unclear='under {} there is no significant difference',
        higher='it hurts under {} corruptions',
    )
    of_kinds = '; '.join(words[word].format(_listed(of)) for word, of in kinds.items() if of)
    return (
        ': its student begins with the weights of its teacher, and that these were standardised '
        'makes most of the gain. The consistency loss adds to that on these digits '
        f'({points(digits.difference("CT", _BARE))}), and nothing significant on CIFAR-10 '
        f'({points(cifar.difference("CT", _BARE))}). On the digits {of_kinds}.'
    )


def _instead(digits: KeptNetwork) -> str:
    return (
        ': AugMix adds to CT: together they have '
        f'{_mean(digits, "CT + AugMix")} on the digits, for '
        f'{points(digits.difference("CT + AugMix", _AUGMIX, CLEAN))} points of clean error next '
        'to AugMix alone. If you can collect unlabelled test images, re-estimate '
        f"BN's statistics on them: plain BN then has {_mean(digits, _PLAIN, _ADAPTED)} and CT "
        f'{_mean(digits, "CT", _ADAPTED)}, not a significant difference; BN with standardised '
        f'weights has {_mean(digits, _TWIN, _ADAPTED)}, significantly less. On '
        '[PACS](docs/domain_generalization.md#measured-here) at 64 px, '
        f'{_without_gain(BENCHMARKS / "pacs64_table")}, a simpler CT, without standardised '
        'weights, gained nothing.'
    )


def picture(folder: Path) -> bytes:
    """Draw clean and corrupted errors of the networks that the conclusion is about, a panel each.

    Args:
        folder (Path): As for :func:`conclusion`.

    Returns:
        bytes: SVG, the same for the same results and version of Matplotlib.
    """
    digits = {'ResNet-18': read_network(folder), **read_networks(_OTHERS)}
    panels = {f'digits, {name}': network for name, network in digits.items()}
    panels['CIFAR-10, ResNet-20'] = read_network(_CIFAR)
    titles = {CLEAN: 'clean', **{kind: kind for kind in KINDS}, CORRUPTED: 'all corrupted'}
    figure = blank(10.0, 3.5)
    all_axes = figure.subplots(1, len(panels), sharex=True, sharey=True)
    for axes, (name, network) in zip(all_axes, panels.items(), strict=True):
        style(axes)
        axes.grid(visible=False, axis='y')
        for number, (variant, label) in enumerate(_SHOWN.items()):
            values = [network.value(variant, title) for title in titles]
            ys = [place + 0.18 * (number - 1.5) for place in range(len(titles))]
            errors = [value['standard_error'] for value in values]
            drawn_as = look(number, label) | dict(linestyle='')
            axes.errorbar([value['mean'] for value in values], ys, xerr=errors, **drawn_as)
        axes.set_title(f'{name}\n{network.all_seeds} seeds', fontsize=9)
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


def _check(network: KeptNetwork, said: Iterable[tuple[str, str, str, str]]) -> None:
    for variant, title, word, other in said:
        if _word(network.difference(variant, other, title)) != word:
            raise ValueError(f'the text says that {variant}, minus {other}, is {word}: {title}')


def _mean(network: KeptNetwork, variant: str, title: str = CORRUPTED) -> str:
    return f'{network.value(variant, title)["mean"]:.1f} %'


def _points(network: KeptNetwork, title: str, other: str) -> str:
    return f'{network.difference("CT", other, title)["mean"]:.1f}'


def _less(network: KeptNetwork) -> str:
    """Write how much of the plain network's corrupted error CT takes off."""
    of_ct, plain = (network.value(name)['mean'] for name in ('CT', _PLAIN))
    return f'{100 * (1 - of_ct / plain):.0f} %'


def _word(difference: Mapping[str, Any]) -> str:
    low, high = difference['interval']
    return 'lower' if high < 0 else 'higher' if low > 0 else 'unclear'


def _listed(words: list[str]) -> str:
    return ' and '.join(filter(None, [', '.join(words[:-1]), words[-1]]))


if __name__ == '__main__':
    PICTURE.write_bytes(picture(BENCHMARKS / 'digits_table'))
