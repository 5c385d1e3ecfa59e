"""The sections of a report."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Protocol

from . import markup
from .drawn import Drawn
from .scores import score_rows

_MAIN = ('clean error', 'raw mCE')
_TERMS = {
    'clean error': 'errors on the images before they are corrupted.',
    'raw mCE': 'mean error over all corruptions but the extra ones, and all severities. Not '
    'normalised; as reported for CIFAR-10-C and CIFAR-100-C.',
    'mCE normalised': 'mean over corruptions of the error divided by that of a reference, times '
    '100; by AlexNet as reported for ImageNet-C. 100 is as good as the reference.',
    'relative mCE': 'the same for the increase over the clean error.',
    'extra corruptions': 'speckle noise, Gaussian blur, spatter and saturate, which the '
    'benchmark keeps apart; they are in no other mean.',
    'ECE': 'expected calibration error: the mean gap of confidence and accuracy over 15 bins of '
    'equal width.',
    'RMS calibration error': 'the root of the mean squared gap over bins of 100 images.',
    '[low, high]': 'an interval of the bootstrap over images: how much the number depends on '
    'which images were taken. It does not contain what another seed of the training would change.',
}


class Comparison(Protocol):
    """What a report is drawn from: ``mmct.evaluation.Comparison``."""

    results: Sequence[Mapping[str, Any]]
    baseline: int | None
    differences: Sequence[Mapping[str, Any] | None]
    examples: Sequence[Mapping[str, Any]]


def scores(comparison: Comparison) -> list[str]:
    """The table of all runs.

    Args:
        comparison (Comparison): The runs.

    Returns:
        list[str]: HTML; nothing where there is nothing to show.
    """
    results = comparison.results
    rows = score_rows([result['summary'] for result in results])
    broken = [[row[0], *(cell.replace(' [', '\n[') for cell in row[1:])] for row in rows]
    terms = ''.join(f'<dt>{escape(t)}</dt><dd>{escape(s)}</dd>' for t, s in _TERMS.items())
    return [
        markup.table('Errors of all runs, in %', ['', *_names(results)], broken, main=_MAIN),
        f'<details><summary>What the numbers mean</summary>\n<dl>{terms}</dl></details>',
    ]


def differences(comparison: Comparison) -> list[str]:
    """Each run minus the baseline, with intervals.

    Args:
        comparison (Comparison): The runs.

    Returns:
        list[str]: HTML; nothing where there is nothing to show.
    """
    if comparison.baseline is None or len(comparison.results) < 2:
        return []
    base = comparison.results[comparison.baseline]
    found = [
        (result['name'], difference)
        for result, difference in zip(comparison.results, comparison.differences, strict=True)
        if difference is not None
    ]
    level = f'{100 * base["summary"]["bootstrap"]["level"]:g} %'
    head = ['', *(name for name, _ in found)]
    means = [('clean error', 'clean_error_pct'), ('raw mCE', 'raw_mce_pct')]
    rows = [
        (name, *(_difference(difference[key]) for _, difference in found)) for name, key in means
    ]
    kinds = base['summary']['categories_pct'], found[0][1]['categories_pct']
    rows += [
        (f'mean of {kind}', *(_difference(d['categories_pct'][kind]) for _, d in found))
        for kind in kinds[1]
    ]
    single = [
        (_spoken(name), *(_difference(d['corruption_error_pct'][name]) for _, d in found))
        for name in base['summary']['corruption_error_pct']
    ]
    rows = [row for row in rows if any(row[1:])]
    return [
        f'<p>Each run minus <strong>{escape(base["name"])}</strong>, in points of error, with the '
        f'{level} interval of the paired bootstrap over images. Below zero is better. Where the '
        'interval contains zero, the images do not tell the two apart.</p>',
        markup.table(f'Differences to {base["name"]}', head, rows, main=_MAIN),
        '<details><summary>Of each corruption</summary>',
        markup.table(f'Differences to {base["name"]}, each corruption', head, single),
        '</details>',
    ]


def _difference(found: Mapping[str, float] | None) -> str:
    if found is None:
        return ''
    if found['high'] < 0:
        word = 'better'
    elif found['low'] > 0:
        word = 'worse'
    else:
        word = 'not told apart'
    return f'{found["value"]:+.2f} {word}\n[{found["low"]:+.2f}, {found["high"]:+.2f}]'


def heat_map(drawn: Drawn, comparison: Comparison) -> list[str]:
    """The error of each corruption and run.

    Args:
        drawn (Drawn): The figure.
        comparison (Comparison): The runs.

    Returns:
        list[str]: HTML; nothing where there is nothing to show.
    """
    results = comparison.results
    alt = (
        'Heat map of the error of each corruption and run. The numbers are in the table '
        'after it.'
    )
    caption = 'Mean error over severities, in %. Darker is worse.'
    names = list(results[0]['summary']['corruption_error_pct'])
    rows = [
        (_spoken(n), *(f'{r["summary"]["corruption_error_pct"][n]:.2f}' for r in results))
        for n in names
    ]
    return [
        markup.picture(alt, drawn.versions, drawn.width, caption),
        '<details><summary>The numbers</summary>',
        markup.table('Mean error over severities, in %', ['', *_names(results)], rows),
        '</details>',
    ]


def severities(drawn: Drawn, comparison: Comparison) -> list[str]:
    """Curves of error against severity.

    Args:
        drawn (Drawn): The figure.
        comparison (Comparison): The runs.

    Returns:
        list[str]: HTML; nothing where there is nothing to show.
    """
    results = comparison.results
    alt = 'A curve of error against severity for each run, in a panel for each corruption.'
    caption = 'Error in %, from weak (1) to strong (5). Runs differ by marker and line.'
    columns = zip(*(result['cells'] for result in results), strict=True)
    rows = [
        (
            f'{_spoken(cells[0]["corruption"])} {cells[0]["severity"]}',
            *(f'{cell["error_pct"]:.2f}' for cell in cells),
        )
        for cells in columns
    ]
    return [
        markup.picture(alt, drawn.versions, drawn.width, caption),
        '<details><summary>The numbers</summary>',
        markup.table('Error of each cell, in %', ['', *_names(results)], rows),
        '</details>',
    ]


def examples(comparison: Comparison) -> list[str]:
    """An image under each corruption, and who was right.

    Args:
        comparison (Comparison): The runs.

    Returns:
        list[str]: HTML; nothing where there is nothing to show.
    """
    if not comparison.examples:
        return []
    names = _names(comparison.results)
    items = []
    for example in comparison.examples:
        name = _spoken(example['corruption']) if example['corruption'] else 'clean'
        what = f'{name}, severity {example["severity"]}' if example['corruption'] else name
        runs = ''.join(
            f'<li>{"✓ right" if right else "✗ wrong"}: {escape(run)}</li>'
            for run, right in zip(names, example['right'], strict=True)
        )
        alt = escape(f'{example["label_name"]}, {what}', quote=True)
        items.append(
            f'<li><img src="data:image/png;base64,{escape(example["png"], quote=True)}" '
            f'alt="{alt}"><br>{escape(what)}<ul>{runs}</ul></li>'
        )
    label = escape(str(comparison.examples[0]['label_name']))
    return [
        f'<p>Image {comparison.examples[0]["image"]} of the set, of class <em>{label}</em>: one '
        'image, taken for its position and not for what it shows.</p>',
        f'<ul class="examples">{"".join(items)}</ul>',
    ]


def settings(comparison: Comparison) -> list[str]:
    """What was scored, and how.

    Args:
        comparison (Comparison): The runs.

    Returns:
        list[str]: HTML; nothing where there is nothing to show.
    """
    results = comparison.results
    rows = [
        (
            result['name'],
            result['model'].get('config', ''),
            result['model'].get('checkpoint', ''),
            str(result['model'].get('weights_sha256', ''))[:12],
            'mixed' if result['model'].get('fp16') else 'full',
            result['mmct_version'],
        )
        for result in results
    ]
    head = ['run', 'config', 'checkpoint', 'SHA-256 of the weights', 'precision', 'mmct']
    data, draws = results[0]['data'], results[0]['summary']['bootstrap']
    said = {key: value for key, value in data.items() if key != 'categories'}
    about = [(key.replace('_', ' '), str(value)) for key, value in said.items()]
    about += [(f'bootstrap: {key}', str(value)) for key, value in draws.items()]
    return [
        markup.table('The networks', head, rows, kind='text'),
        markup.table('Data and intervals', ['', ''], about, kind='text'),
    ]


def _names(results: Sequence[Mapping[str, Any]]) -> list[str]:
    return [result['name'] for result in results]


def _spoken(name: str) -> str:
    return name.replace('_', ' ')
