"""Report in tables and sentences why a network fails under corruption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmct.messages import visible

from .tables import Number, Row, Table

if TYPE_CHECKING:
    from rich.console import Console

Diagnosed = Mapping[str, Any]

# The names of the parts that are not categories of corruptions.
_CLEAN, _STATISTICS = 'clean images', 'BN statistics'


def diagnosis_tables(found: Diagnosed) -> dict[str, Table]:
    """Make the tables of a diagnosis.

    Args:
        found (Mapping): The result of :func:`mmct.evaluation.diagnose`.

    Returns:
        dict[str, Table]: The tables by title, without those that were not measured.
    """
    networks = found['networks']
    names = [network['name'] for network in networks]
    tables = {
        'Errors in %, and the parts of the raw mCE': Table(['', *names], _parts(networks)),
        'Confidence, in %': Table(['', *names], _confidence(networks)),
        'Rise of the clean error in points when half of the channels are replaced by their means':
        Table(['', *names], _reliance(networks)),
    }
    others = [network for network in networks if network['against'] is not None]
    if others:
        head = ['', *(network['name'] for network in others)]
        tables[f'Errors minus those of {found["baseline"]}'] = Table(head, _against(others))
    return {title: table for title, table in tables.items() if table.rows}


def diagnosis_sentences(found: Diagnosed) -> dict[str, list[str]]:
    """State the largest part of each network's error, what would help, and a comparison.

    Args:
        found (Mapping): The result of :func:`mmct.evaluation.diagnose`.

    Returns:
        dict[str, list[str]]: Three sentences by name of the network. They claim only what the
        intervals support.
    """
    return {
        visible(network['name']): [
            visible(sentence)
            for sentence in (
                _what_dominates(network, found),
                _what_would_help(network),
                _compared_with(network, found),
            )
        ]
        for network in found['networks']
    }


def print_diagnosis(found: Diagnosed, console: Console | None = None) -> None:
    """Print a diagnosis.

    Args:
        found (Mapping): The result of :func:`mmct.evaluation.diagnose`.
        console (Console, optional): The console to print to. Defaults to stdout.
    """
    from rich.console import Console

    console = console or Console()
    console.print(_heading(found), markup=False)
    for title, table in diagnosis_tables(found).items():
        table.print(title, console)
    for name, sentences in diagnosis_sentences(found).items():
        console.print(f'\n{name}', markup=False)
        for sentence in sentences:
            console.print(f'- {sentence}', markup=False)


def diagnosis_to_markdown(found: Diagnosed) -> str:
    """Write a diagnosis as Markdown, for a README.

    Args:
        found (Mapping): The result of :func:`mmct.evaluation.diagnose`.

    Returns:
        str: The tables and sentences.
    """
    parts = [f'{_heading(found)}\n']
    parts += [f'{title}:\n\n{t.to_markdown()}' for title, t in diagnosis_tables(found).items()]
    for name, sentences in diagnosis_sentences(found).items():
        parts.append('\n'.join([f'**{name}**\n', *(f'- {text}' for text in sentences)]) + '\n')
    return '\n'.join(parts)


def diagnosis_to_html(found: Diagnosed) -> str:
    """Write a diagnosis as HTML, for a notebook.

    Args:
        found (Mapping): The result of :func:`mmct.evaluation.diagnose`.

    Returns:
        str: The tables and sentences.
    """
    from html import escape

    parts = [f'<p>{escape(_heading(found))}</p>']
    for title, table in diagnosis_tables(found).items():
        parts.append(f'<p>{escape(title)}</p>\n{table.to_html()}')
    for name, sentences in diagnosis_sentences(found).items():
        items = ''.join(f'<li>{escape(text)}</li>' for text in sentences)
        parts.append(f'<p><b>{escape(name)}</b></p>\n<ul>{items}</ul>')
    return '\n'.join(parts)


def _heading(found: Diagnosed) -> str:
    data, level = found['data'], 100 * found['level']
    return visible(
        f'{data["set"]}, {data["images"]:,} images, severities '
        f'{", ".join(map(str, found["severities"]))}; [low, high] is the {level:g} % interval of '
        'the paired bootstrap over images.'
    )


def _parts(networks: Sequence[Diagnosed]) -> list[Row]:
    rows = [
        Row(title, [_number(network[key]) for network in networks])
        for title, key in (('clean error', 'clean'), ('raw mCE', 'corrupted'))
    ]
    kinds = dict.fromkeys(name for network in networks for name in network['parts'])
    # Networks without BN have no part for BN statistics.
    first = [name for name in (_STATISTICS, _CLEAN) if name in kinds]
    for name in [*first, *(kind for kind in kinds if kind not in first)]:
        cells = [
            _number(network['parts'][name]) if name in network['parts'] else _why_none(network)
            for network in networks
        ]
        rows.append(Row(_title(name), cells, indented=True))
    return rows


def _title(part: str) -> str:
    if part == _STATISTICS:
        return 'mismatch of BN statistics'
    return 'already on clean images' if part == _CLEAN else f'added by {part}'


def _why_none(network: Diagnosed) -> str:
    return 'no BN' if network['has_bn'] is False else 'not measured'


def _confidence(networks: Sequence[Diagnosed]) -> list[Row]:
    scores = [network['confidence'] for network in networks]
    rows = [
        Row(f'{title}, {on}', [_number(score[key][on], signed) for score in scores])
        for key, title, signed in (
            ('known', 'errors it knows', False),
            ('too_sure', 'confidence minus accuracy', True),
        )
        for on in ('clean', 'corrupted')
    ]
    for on in ('clean', 'corrupted'):
        rows.append(Row(f'ECE, {on}', [Number(score['ece'][on]) for score in scores]))
    return [row for row in rows if not row.empty]


def _reliance(networks: Sequence[Diagnosed]) -> list[Row]:
    layers = [{each['layer']: each for each in network['reliance'] or ()} for network in networks]
    return [
        Row(
            f'{name}, {half}-variance half',
            [_number(own.get(name, {}).get(half), True) for own in layers],
        )
        for name in dict.fromkeys(name for own in layers for name in own)
        for half in ('low', 'high')
    ]


def _against(networks: Sequence[Diagnosed]) -> list[Row]:
    found = [network['against'] for network in networks]
    rows = [
        Row(title, [_number(each[key], True) for each in found])
        for title, key in (('clean error', 'clean'), ('raw mCE', 'corrupted'))
    ]
    rows += [
        Row(kind, [_number(each['categories'][kind], True) for each in found], indented=True)
        for kind in found[0]['categories']
    ]
    return rows


def _number(found: Mapping[str, float] | None, signed: bool = False) -> Number:
    if found is None:
        return Number(None)
    return Number(found['value'], interval=(found['low'], found['high']), signed=signed)


def _what_dominates(network: Diagnosed, found: Diagnosed) -> str:
    total, parts, largest = network['corrupted'], network['parts'], network['largest']
    if not total['value']:
        return 'It makes no errors on the corrupted images.'
    whole = f'its corrupted error of {total["value"]:.1f} %'
    if len(largest) == 1:
        return f'The largest part of {whole} is {_named(largest[0])}: {_points(parts[largest[0]])}.'
    listed = _listing([f'{_named(name)} ({parts[name]["value"]:.1f} points)' for name in largest])
    return (
        f'No part of {whole} stands out: these {found["data"]["images"]:,} images do not show '
        f'which of {listed} is largest.'
    )


def _what_would_help(network: Diagnosed) -> str:
    parts, largest, said = network['parts'], network['largest'], []
    if network['batches'] is not None:
        gain = parts[_STATISTICS]
        batches = network['batches']
        images = 'one unlabelled batch' if batches == 1 else f'up to {batches} unlabelled batches'
        what = f're-estimating BN statistics on {images} of each corruption and severity '
        if gain['low'] > 0:
            said.append(
                f'{what}removes {_points(gain)} (a separate setting, as it uses test images)'
            )
        elif gain['high'] < 0:
            said.append(f'{what}adds {_points(_negative(gain))}')
        else:
            said.append(f'{what}makes no significant difference: {_signed(gain)}')
    elif network['has_bn'] is not False:
        said.append('whether other BN statistics would help was not measured')
    kind = largest[0]
    if len(largest) == 1 and kind not in (_CLEAN, _STATISTICS) and parts[kind]['low'] > 0:
        first = 'with these statistics ' if network['batches'] is not None else ''
        said.append(f'{first}full robustness to {kind} would remove {_points(parts[kind])}')
    elif network['rise']['low'] > 0:
        rise = _points(network['rise'])
        said.append(f'full robustness to all corruptions would remove {rise}')
    else:
        said.append('its error under corruption is not significantly above that on clean images')
    text = '; '.join(said)
    return f'{text[0].upper()}{text[1:]}.'


def _compared_with(network: Diagnosed, found: Diagnosed) -> str:
    images, baseline, against = found['data']['images'], found['baseline'], network['against']
    if against is None:
        clean = _points(network['clean'], '%')
        own = f'its own error on the same {images:,} images without corruption, {clean}'
        if baseline is None:
            return f'It is compared with {own}, and with no other network.'
        return f'It is compared with {own}; the other networks are compared with it.'
    where = [
        f'{direction} in {_listing(against[direction])}'
        for direction in ('lower', 'higher')
        if against[direction]
    ]
    told = {*against['lower'], *against['higher']}
    rest = [kind for kind in against['categories'] if kind not in told]
    if rest:
        where.append(f'no significant difference in {_listing(rest)}')
    difference = against['corrupted']
    verdict = f'does not differ significantly ({_signed(difference)})'
    if difference['low'] > 0:
        verdict = f'is higher by {_points(difference)}'
    elif difference['high'] < 0:
        verdict = f'is lower by {_points(_negative(difference))}'
    return (
        f'Compared with {baseline} on the same {images:,} images, its corrupted error {verdict}: '
        f'{"; ".join(where)}.'
    )


def _named(part: str) -> str:
    if part == _CLEAN:
        return 'its error on clean images'
    return 'a mismatch of BN statistics' if part == _STATISTICS else f'what {part} adds'


def _points(found: Mapping[str, float], unit: str = 'points') -> str:
    return f'{found["value"]:.1f} {unit} [{found["low"]:.1f}, {found["high"]:.1f}]'


def _signed(found: Mapping[str, float]) -> str:
    return f'{found["value"]:+.1f} points [{found["low"]:+.1f}, {found["high"]:+.1f}]'


def _negative(found: Mapping[str, float]) -> dict[str, float]:
    return dict(value=-found['value'], low=-found['high'], high=-found['low'])


def _listing(words: Sequence[str]) -> str:
    return ' and '.join(filter(None, [', '.join(words[:-1]), words[-1]]))
