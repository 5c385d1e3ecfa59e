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
    ('CT, from scratch', CORRUPTED, 'unclear', _PLAIN),
    (_FREE, CORRUPTED, 'lower', _TWIN),
)
_CIFAR = BENCHMARKS / 'cifar10_resnet20'
_OTHERS = BENCHMARKS / 'digits_architectures'
# The same on CIFAR-10.
_SAID_OF_CIFAR = (
    *((_FREE, CORRUPTED, 'lower', other) for other in (_PLAIN, _TWIN, 'CT')),
    ('CT', CORRUPTED, 'unclear', _PLAIN),
    ('CT', CORRUPTED, 'lower', _TWIN),
    ('CT', CORRUPTED, 'lower', _TAUGHT_BY_TWIN),
    ('CT', CORRUPTED, 'unclear', _BARE),
    *(
        ('CT', CLEAN, 'unclear', other)
        for other in (_PLAIN, _TWIN, _FREE, _TAUGHT_BY_TWIN, _BARE)
    ),
)
# The same of the three networks of digits_architectures.
_IN_ALL = (
    ('CT', CORRUPTED, 'lower', _PLAIN),
    ('CT', CLEAN, 'unclear', _TWIN),
    (_TWIN, CORRUPTED, 'lower', _PLAIN),
    (_FREE, CORRUPTED, 'lower', _PLAIN),
)
_SAID_OF = {
    network: (
        *_IN_ALL,
        ('CT', CLEAN, clean, _PLAIN),
        *(('CT', CORRUPTED, corrupted, other) for other in (_TWIN, _TAUGHT_BY_TWIN, _BARE)),
    )
    for network, clean, corrupted in (
        ('WRN-16', 'unclear', 'lower'),
        ('ResNet-14', 'higher', 'unclear'),
        ('DenseNet-22', 'unclear', 'unclear'),
    )
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
    digits, others, cifar = read_network(folder), read_networks(_OTHERS), read_network(_CIFAR)
    _check(digits, _SAID)
    _check(cifar, _SAID_OF_CIFAR)
    for group, said in _SAID_OF.items():
        _check(others[group], said)
    for network in *others.values(), cifar:
        if min(network.rows, key=lambda arm: network.value(arm)['mean']) != _FREE:
            raise ValueError(f'the text says that {_FREE} has the lowest error')
    lead = (
        f'**On 8x8 digits CT takes {_less(digits)} off the corrupted error of a ResNet-18 with '
        'BN; clean errors do not differ significantly. But with standardised weights beside its '
        f'BN, and no teacher, that network does about as well, at {_points(digits, CLEAN, _TWIN)} '
        'points less clean error; with standardised weights and no BN it does better than CT. With '
        'one of three other '
        'architectures CT beats both networks with BN. On larger images it has not been shown to '
        'gain more than a little.**'
    )
    rows = []
    for arm, name in _COMPARED.items():
        minus = digits.difference('CT', arm)
        cells = _mean(digits, arm, CLEAN), _mean(digits, arm), points(minus) if minus else ''
        rows.append(Row(name, cells))
    table = Table(['', 'clean error', 'corrupted error', 'CT minus that, points'], rows)
    items = {
        'When': _when(digits),
        'Why': _why(digits),
        'Other networks': _other_networks(others),
        'Instead, or as well': _instead(digits),
        'Larger images': _larger_images(cifar),
    }
    bullets = ''.join(f'- **{name}**{text}\n' for name, text in items.items())
    return (
        f'{lead}\n\n{table.to_markdown()}\nA narrow ResNet-18, {digits.all_seeds} seeds, each '
        'network trained as long as the two of CT together; in brackets 95 % intervals over seeds '
        f'and images ([more](docs/results.md#digits)).\n\n{bullets}'
    )


def _when(digits: KeptNetwork) -> str:
    kinds: dict[str, list[str]] = {'lower': [], 'unclear': [], 'higher': []}
    for kind in KINDS:
        kinds[_word(digits.difference('CT', _PLAIN, kind))].append(kind)
    words = dict(
        lower='it helps under {} corruptions',
        unclear='under {} there is no significant difference',
        higher='it hurts under {} corruptions',
    )
    of_kinds = '; '.join(words[word].format(_listed(of)) for word, of in kinds.items() if of)
    return (
        f': compared with plain BN {of_kinds}. It needs the start from its teacher: from scratch '
        'it gains nothing significant.'
    )


def _why(digits: KeptNetwork) -> str:
    return (
        ': most of the gain comes from the standardised weights of its teacher. With a teacher '
        'that has them beside its BN, the student is not significantly worse. A network without '
        f'BN is itself more robust: {points(digits.difference(_FREE, _TWIN))} points compared with '
        'BN and standardised weights. How much of that its student, which has BN, inherits is '
        'uncertain.'
    )


def _other_networks(networks: Mapping[str, KeptNetwork]) -> str:
    wide, plain, dense = (networks[name] for name in _SAID_OF)
    return (
        f', {wide.all_seeds} seeds each: with a WRN-16 CT takes {_less(wide)} off and is the best '
        f'of the networks with BN: {points(wide.difference("CT", _TWIN))} points next to BN with '
        f'standardised weights, {points(wide.difference("CT", _BARE))} next to CT without the '
        'loss; clean errors do not differ significantly. With a DenseNet-22 it takes '
        f'{_less(dense)} off, with a ResNet-14 {_less(plain)}, there for '
        f'{points(plain.difference("CT", _PLAIN, CLEAN))} points of clean error; with neither does '
        'it differ significantly from those two. With all three the network without BN has the '
        'lowest mean error ([more](docs/results.md#other-architectures)).'
    )


def _instead(digits: KeptNetwork) -> str:
    return (
        ': if your network need not have BN, train it [without](docs/methods.md#the-controls), '
        'with standardised weights. AugMix adds to CT: together they have '
        f'{_mean(digits, "CT + AugMix")}, for '
        f'{points(digits.difference("CT + AugMix", _AUGMIX, CLEAN))} points of clean error next '
        'to AugMix alone. If you can collect unlabelled test images, re-estimate '
        f"BN's statistics on them: plain BN then has {_mean(digits, _PLAIN, _ADAPTED)} and CT "
        f'{_mean(digits, "CT", _ADAPTED)}, not a significant difference; BN with standardised '
        f'weights has {_mean(digits, _TWIN, _ADAPTED)}, significantly less.'
    )


def _larger_images(cifar: KeptNetwork) -> str:
    def minus(other: str) -> str:
        return points(cifar.difference('CT', other))

    return (
        f': in a short study of [CIFAR-10](docs/results.md#cifar-10), {cifar.all_seeds} seeds, the '
        f'network without BN has {_mean(cifar, _FREE)} corrupted error, significantly less than CT '
        f'({_mean(cifar, "CT")}) and both networks with BN, all trained as long. CT '
        f'minus BN with standardised weights is {minus(_TWIN)} points, minus plain BN '
        f'{minus(_PLAIN)}, minus CT with a teacher that has BN and standardised weights '
        f'{minus(_TAUGHT_BY_TWIN)}, and minus CT without the loss {minus(_BARE)}; its clean error '
        'differs significantly from none of theirs. On '
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
    panels = {'ResNet-18': read_network(folder), **read_networks(_OTHERS)}
    titles = {CLEAN: 'clean', **{kind: kind for kind in KINDS}, CORRUPTED: 'all corrupted'}
    figure = blank(9.0, 3.4)
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
        axes.set_title(f'{name}, {network.all_seeds} seeds', fontsize=9)
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
