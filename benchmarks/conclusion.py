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
KINDS = ('noise', 'blur', 'weather', 'digital')
_PLAIN, _FREE = 'Standard, equal compute (3x)', 'no BN, equal compute (3x)'
_BARE, _TWIN = 'start alone (no term)', 'BN, standardised weights, equal compute (3x)'
_AUGMIX = 'AugMix, equal compute'
_TWIN_AUGMIX, _FREE_AUGMIX = f'{_TWIN} + AugMix', f'{_FREE} + AugMix'
# Its teacher has standardised weights as CT's, and differs from it in BN alone.
_TAUGHT_BY_TWIN = "BN teacher, trained as CT's"
_COMPARED = {
    _PLAIN: 'plain BN',
    _AUGMIX: 'plain BN with AugMix (no Jensen-Shannon loss)',
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
    ('CT + AugMix', CORRUPTED, 'lower', _AUGMIX),
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
    (_TWIN, CORRUPTED, 'unclear', _PLAIN),
)
# How CT differs from BN with standardised weights, and from its start alone, with each network of
# digits_architectures.
_SAID_OF = {'WRN-16': 'lower', 'ResNet-14': 'unclear', 'DenseNet-22': 'unclear'}
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
    for name, word in _SAID_OF.items():
        _check(others[name], [('CT', CORRUPTED, word, other) for other in (_TWIN, _BARE)])
    for network in digits, *others.values(), cifar:
        arms = (arm for arm in network.rows if 'AugMix' not in arm)
        if min(arms, key=lambda arm: network.value(arm)['mean']) != _FREE:
            raise ValueError(f'the text says that {_FREE} has the lowest error')
    lead = (
        f'**On 8x8 digits CT takes {_less(digits)} off the corrupted error of a ResNet-18 with '
        'BN; clean errors do not differ significantly. Standardised weights beside BN, without a '
        'teacher, are not significantly worse, at '
        f'{_points(digits, CLEAN, _TWIN)} points less clean error; without BN they are better. On '
        f'CIFAR-10 the gain over plain BN, {_points(cifar, CORRUPTED, _PLAIN, -1)} points, is not '
        'significant.**'
    )
    rows = []
    for arm, name in _COMPARED.items():
        minus = digits.difference('CT', arm)
        cells = _mean(digits, arm, CLEAN), _mean(digits, arm), points(minus) if minus else ''
        rows.append(Row(name, cells))
    table = Table(['', 'clean error', 'corrupted error', 'CT minus that, corrupted'], rows)
    items = {
        'If your network can do without BN': _without_bn(cifar),
        'If it must have BN': _with_bn(others, cifar),
        'Which parts of CT help': _parts(digits, others, cifar),
        'With AugMix': _with_augmix(digits, cifar),
        'On PACS': _on_pacs(),
    }
    bullets = ''.join(f'- **{name}**{text}\n' for name, text in items.items())
    return (
        f'{lead}\n\n{table.to_markdown()}\nA ResNet-18 of an eighth of the usual width, '
        f'{digits.all_seeds} seeds; each network was trained for as many epochs as the teacher and '
        'the student of CT together. In brackets 95 % intervals over seeds and images '
        f'([more](docs/results.md#digits)).\n\n{bullets}'
    )


def _without_bn(cifar: KeptNetwork) -> str:
    return (
        ', train it without, with standardised weights ([`--method no_bn`](docs/methods.md)). '
        'Its learning rate may have to be lower, as on the digits. Trained as long, and all '
        'without AugMix, that network had the lowest mean corrupted error with all four '
        'architectures on the digits, and with a ResNet-20 in a short study of '
        f'[CIFAR-10](docs/results.md#cifar-10): {_mean(cifar, _FREE)}, CT {_mean(cifar, "CT")}, '
        f'plain BN {_mean(cifar, _PLAIN)}, {cifar.seeds(_PLAIN)} seeds. Clean errors do not differ '
        'significantly there.'
    )


def _with_bn(networks: Mapping[str, KeptNetwork], cifar: KeptNetwork) -> str:
    wide = networks['WRN-16'].difference('CT', _TWIN)
    return (
        ', give it standardised weights first ([`--method standardised_weights`]'
        '(docs/methods.md#standardised-weights)), and use CT where they are not enough. CT was '
        f'better with a WRN-16 ({points(wide)} points) and on CIFAR-10 '
        f'({points(cifar.difference("CT", _TWIN))}), not significantly with the other three '
        'architectures. On CIFAR-10 neither is significantly better than plain BN trained as long: '
        f'standardised weights {points(cifar.difference(_TWIN, _PLAIN))}, CT '
        f'{points(cifar.difference("CT", _PLAIN))}.'
    )


def _parts(
    digits: KeptNetwork, networks: Mapping[str, KeptNetwork], cifar: KeptNetwork
) -> str:
    kinds: dict[str, list[str]] = {'lower': [], 'unclear': [], 'higher': []}
    for kind in KINDS:
        kinds[_word(digits.difference('CT', _PLAIN, kind))].append(kind)
    words = dict(
        lower='CT as a whole gains on plain BN under {}',
        unclear='under {} there is no significant difference',
        higher='it loses under {}',
    )
    of_kinds = '; '.join(words[word].format(_listed(of)) for word, of in kinds.items() if of)
    loss, of_wide, of_cifar = (
        points(network.difference('CT', _BARE)) for network in (digits, networks['WRN-16'], cifar)
    )
    return (
        ': on the digits mostly the standardised weights of the teacher, from which the student '
        f'starts. The consistency loss adds something with the ResNet-18 ({loss}) and the WRN-16 '
        f'({of_wide}), nothing significant with the other two or on CIFAR-10 ({of_cifar}). '
        f'[All parts](docs/results_in_detail.md). With the ResNet-18 {of_kinds}.'
    )


def _with_augmix(digits: KeptNetwork, cifar: KeptNetwork) -> str:
    both = points(digits.difference('CT + AugMix', _AUGMIX))
    without = (cifar.value(arm)['mean'] for arm in ('CT', _FREE))
    counts = dict.fromkeys(str(cifar.seeds(arm)) for arm in (_AUGMIX, 'CT + AugMix'))
    if cifar.value(_AUGMIX)['mean'] >= min(without):
        raise ValueError('the text says that on CIFAR-10 AugMix does more than CT or missing BN')
    return (
        f', on the digits, plain BN has {_mean(digits, _AUGMIX)}, CT '
        f'{_mean(digits, "CT + AugMix")} ({both} points), BN with standardised weights '
        f'{_mean(digits, _TWIN_AUGMIX)}, and without BN {_mean(digits, _FREE_AUGMIX)}. On CIFAR-10 '
        f'plain BN with AugMix has {_mean(cifar, _AUGMIX)}, CT {_mean(cifar, "CT + AugMix")} '
        f'(seeds: {" and ".join(counts)}): AugMix does more there than CT or missing BN.'
    )


def _on_pacs() -> str:
    return (
        ' at 64 px, in '
        f'{_without_gain(BENCHMARKS / "pacs64_table")}, a simpler CT, without standardised '
        'weights, [gained nothing](docs/domain_generalization.md#measured-here). Larger images '
        'have not been tried.'
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
        axes.set_title(f'{name}\n{network.seeds(_PLAIN)} seeds', fontsize=9)
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


def _points(network: KeptNetwork, title: str, other: str, sign: int = 1) -> str:
    mean = sign * network.difference('CT', other, title)['mean']
    if mean < 0:
        raise ValueError(f'the text says otherwise of CT minus {other}: {title}')
    return f'{mean:.1f}'


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
