"""Write the tables of README and docs from the kept results of studies.

Between ``<!-- NAME: what -->`` and ``<!-- end of NAME -->`` stands what this script
makes of ``benchmarks/NAME``: ``domains`` (its domains.md), ``short`` (the main arms of a
study by category, and how CT differs from each) or ``conclusion`` (when CT helps;
benchmarks/conclusion.py draws its picture). Each kept
study is a CSV file as well, ``docs/tables/NAME.csv``, which docs/evidence_tables.md shows.
``<!-- zoo: leaderboard -->`` is made of the scorecards in ``zoo/``.

    python benchmarks/write_tables.py            # write them
    python benchmarks/write_tables.py --check    # exit code 1 if a file would change

Prose is written by hand. The differences in docs/results.md are looked up in the results.
"""

import argparse
import csv
import io
import json
import re
import sys
from collections.abc import Callable, Mapping
from functools import cache
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
from conclusion import conclusion, points, read_study

from mmct.evaluation import mean_estimate, read_result
from mmct.report import Number, Row, Table, data_line, errors_note
from mmct.studies.image_errors import NAME, errors_of_images
from mmct.studies.tables import ended_of
from mmct.zoo import ZOO, Entry

ROOT = Path(__file__).resolve().parents[1]
_CLAIM = re.compile(r'([-+]?\d+\.\d)[^\d\[\]().]*\[([-+]?\d+\.\d), ([-+]?\d+\.\d)\]')
_BLOCK = re.compile(r'(<!-- (\w+): (\w+) -->\n).*?(<!-- end of \2 -->)', re.DOTALL)
_CLEAN, _CORRUPTED = 'clean error, %', 'mCE, %'
# The arms that docs/results.md shows, of those that a study has; docs/evidence_tables.md has all.
_MAIN = (
    'Standard', 'Standard, equal compute (3x)', 'AugMix, equal compute',
    'BN, standardised weights, equal compute (3x)', 'no BN (the teacher)',
    'no BN, equal compute (3x)', 'CT', 'BN teacher', "BN teacher, trained as CT's",
    'start alone (no term)', 'CT + standardised weights', 'CT + AugMix',
)  # fmt: skip
_FURTHER = 'with these, '


def domains(folder: Path) -> str:
    """Read the table of domains that the study's report wrote."""
    return (folder / 'domains.md').read_text(encoding='utf-8')


def short(folder: Path) -> str:
    """Write the errors of the main arms, by category, and how CT differs from each of them."""
    plan, rows = read_study(folder)
    shown = [row for name in _MAIN for row in rows if row['variant'] == name]
    (of_ct,) = (row for row in shown if row['variant'] == 'CT')
    main = (_CLEAN, _CORRUPTED)
    further = [
        title for title in plan['table'] if title not in main and not title.startswith(_FURTHER)
    ]
    seeds = len(plan['seeds'])

    def error(row: Mapping[str, Any], title: str) -> str:
        value = row['values'].get(title)
        # An arm without all seeds is not finished.
        if not value or value['count'] < seeds:
            return ''
        spread = value['standard_error'] if title in main else None
        return f'{value["mean"]:.1f}' + ('' if spread is None else f' ± {spread:.1f}')

    def minus(row: Mapping[str, Any], title: str) -> str:
        # Not from itself, nor from the plain network that was trained a third as long.
        if row['variant'] in ('CT', 'Standard'):
            return ''
        found = _difference(folder, plan, of_ct, row, title)
        return points(found) if found else ''

    lines = [
        Row(
            row['variant'],
            [
                *(error(row, title) for title in main),
                *(minus(row, title) for title in main),
                *(error(row, title) for title in further),
            ],
        )
        for row in shown
    ]
    head = ['', *main, 'CT minus that, clean', 'CT minus that, mCE', *further]
    if seeds == 1:
        note = (
            'One seed. In brackets 95 % intervals of the differences, in points, over images '
            'alone: another training may differ by more.'
        )
    else:
        note = (
            f'Means over {seeds} seeds. {errors_note(main, rows)} In brackets 95 % '
            'intervals of the differences, in points, paired by seed.'
        )
    return f'{Table(head, lines).to_markdown()}\n{note}\n'


def _difference(
    folder: Path,
    plan: Mapping[str, Any],
    one: Mapping[str, Any],
    other: Mapping[str, Any],
    title: str,
) -> Mapping[str, Any] | None:
    """Look up how two arms differ in a column; for a single seed, with an interval over images."""
    if len(plan['seeds']) == 1:
        keys = (_only_cell(plan, each['arm']) for each in (one, other))
        errors = (_of_images(folder, key, plan['table'][title]) for key in keys)
        found = mean_estimate(np.subtract(*errors))
        return dict(mean=found['value'], interval=[found['low'], found['high']])
    found = one['values'][title]['differences'].get(other['arm'])
    if found is None and (found := other['values'][title]['differences'].get(one['arm'])):
        # The study compares the two the other way round.
        return dict(mean=-found['mean'], interval=[-end for end in reversed(found['interval'])])
    return found


def _only_cell(plan: Mapping[str, Any], arm: str) -> str:
    (key,) = (
        cell['key'] for cell in plan['cells'] if (cell['arm'], cell['role']) == (arm, 'training')
    )
    return key


@cache
def _of_images(folder: Path, key: str, path: str) -> np.ndarray:
    scores = json.loads((folder / 'results' / f'{key}.json').read_text(encoding='utf-8'))['scores']
    name, *keys = path.split('.')
    return errors_of_images(scores[name]['value'][NAME], keys)


def to_csv(folder: Path) -> str:
    """Write a row for each arm of a study, and below it one for each difference to a baseline.

    Args:
        folder (Path): With ``study.json`` and ``table.json``.

    Returns:
        str: CSV. A column of the study's table is four here: ``T``, the mean over seeds, ``T ±``,
        its standard error, ``T from`` and ``T to``, the ends of its 95 % interval.
    """
    plan, rows = read_study(folder)
    titles = [f'{title}{part}' for title in plan['table'] for part in ('', ' ±', ' from', ' to')]
    lines = [['arm', 'minus', 'seeds', *titles]]
    for row in rows:
        values = [row['values'][title] for title in plan['table']]
        seeds = ended_of(len(row['seeds']), len(plan['seeds']), len(row['diverged']))
        lines.append([row['arm'], '', seeds, *_csv_cells(values)])
        for baseline in plan['arms'][row['arm']]['baselines']:
            cells = _csv_cells([value['differences'].get(baseline) for value in values])
            if any(cells):
                lines.append([row['arm'], baseline, '', *cells])
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows(lines)
    return text.getvalue()


def _csv_cells(values: list[Mapping[str, Any] | None]) -> list[str]:
    numbers: list[float | None] = []
    for value in values:
        found = value or dict(mean=None, standard_error=None, interval=None)
        numbers += [found['mean'], found['standard_error'], *(found['interval'] or (None, None))]
    return ['' if number is None else f'{number:.4f}' for number in numbers]


def leaderboard(folder: Path) -> str:
    """Write a table for each data set of the model zoo, the least corrupted error first."""
    cards = {name: read_result(folder / entry.scorecard.name) for name, entry in ZOO.items()}
    tables = []
    for data in dict.fromkeys(entry.data for entry in ZOO.values()):
        names = [name for name, entry in ZOO.items() if entry.data == data]
        names.sort(key=lambda name: cards[name]['summary']['raw_mce_pct'])
        kinds = list(cards[names[0]]['summary']['categories_pct'])
        head = ['network', 'arm of the study', 'clean error, %', 'raw mCE, %',
                *(f'{kind}, %' for kind in kinds), 'mCE of the arm, all seeds, %',
                'parameters', 'config']  # fmt: skip
        rows = [_entry(ZOO[name], cards[name]['summary'], kinds) for name in names]
        line = data_line(cards[names[0]])
        tables.append(f'**{data}** ({line})\n\n{Table(head, rows).to_markdown()}')
    return '\n'.join(tables)


def _entry(entry: Entry, summary: Mapping[str, Any], kinds: list[str]) -> Row:
    errors = (
        Number(summary[f'{key}_pct'], interval=summary[f'{interval}_interval_pct'])
        for key, interval in (('clean_error', 'clean'), ('raw_mce', 'raw_mce'))
    )
    means = (Number(summary['categories_pct'][kind]) for kind in kinds)
    _, rows = read_study(ROOT / 'benchmarks' / entry.study)
    (arm,) = (row for row in rows if row['arm'] == entry.arm)
    over_seeds = Number.over_seeds(arm['values'][_CORRUPTED])
    config = f'[{entry.config}](../configs/{entry.config})'
    cells = [f'{entry.arm}, seed {entry.seed}', *errors, *means, over_seeds,
             f'{entry.parameters:,}', config]  # fmt: skip
    return Row(f'`{entry.name}`', cells)


KINDS: dict[str, Callable[[Path], str]] = dict(
    conclusion=conclusion, domains=domains, leaderboard=leaderboard, short=short
)


def written(text: str) -> str:
    """A file's text with its tables as the results say.

    Args:
        text (str): Of a Markdown file.
    """

    def block(match: re.Match) -> str:
        begin, name, kind, end = match.groups()
        folder = ROOT / name if kind == 'leaderboard' else ROOT / 'benchmarks' / name
        return f'{begin}\n{KINDS[kind](folder)}\n{end}'

    return _BLOCK.sub(block, text)


def files() -> dict[Path, str]:
    """Make the text of each file that has tables of kept results."""
    pages = ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))
    studies = sorted(file.parent for file in (ROOT / 'benchmarks').glob('*/table.json'))
    return {
        **{page: written(page.read_text(encoding='utf-8')) for page in pages},
        **{ROOT / 'docs' / 'tables' / f'{study.name}.csv': to_csv(study) for study in studies},
    }


def unfounded(text: str) -> list[str]:
    """List the differences in a page's prose that its results do not have.

    Args:
        text (str): Of a Markdown file. A section with a ``short`` table is about its study: each
            ``1.5 points [0.8, 2.1]`` in it is to be a difference of two arms, either way round.
    """
    found = []
    for section in re.split(r'^## ', text, flags=re.MULTILINE):
        for _, name, kind, _ in _BLOCK.findall(section):
            if kind == 'short':
                claims = _CLAIM.finditer(' '.join(_BLOCK.sub('', section).split()))
                folder = ROOT / 'benchmarks' / name
                found += [each[0] for each in claims if not _is_kept(each.groups(), folder)]
    return found


def _is_kept(claim: tuple[str, ...], folder: Path) -> bool:
    """Tell whether two arms of a study differ by this mean and interval, in any column."""
    plan, rows = read_study(folder)
    said = np.array(claim, float)
    for (one, other), title in product(permutations(rows, 2), plan['table']):
        means = [row['values'][title]['mean'] for row in (one, other)]
        # An interval over images takes a while.
        if None not in means and _is_rounded(means[0] - means[1], said[0]):
            found = _difference(folder, plan, one, other, title)
            if found and _is_rounded([found['mean'], *found['interval']], said):
                return True
    return False


def _is_rounded(number: Any, said: Any) -> bool:
    return bool(np.all(np.abs(np.subtract(number, said)) < 0.0501))


def main() -> int:
    """Write or check all files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--check', action='store_true', help='change nothing')
    check = parser.parse_args().check
    changed = []
    for file, after in files().items():
        before = file.read_text(encoding='utf-8') if file.exists() else None
        if after != before:
            changed.append(str(file.relative_to(ROOT)))
            if not check:
                file.write_text(after, encoding='utf-8')
    if changed:
        verb = 'differ from the results of benchmarks/' if check else 'written'
        print(f'{", ".join(changed)}: {verb}')
    wrong = unfounded((ROOT / 'docs' / 'results.md').read_text(encoding='utf-8'))
    if wrong:
        print(f'docs/results.md: in no kept result: {"; ".join(wrong)}')
    return int(bool(wrong) or check and bool(changed))


if __name__ == '__main__':
    sys.exit(main())
