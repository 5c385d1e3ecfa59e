"""Write the tables of README and docs from the kept results of studies.

Between ``<!-- NAME: what -->`` and ``<!-- end of NAME -->`` stands what this script
makes of ``benchmarks/NAME``: ``domains`` (its domains.md), ``short`` (the main arms of a
study by category, and how CT differs from its baselines) or ``conclusion`` (when CT helps;
benchmarks/conclusion.py draws its picture). Each kept
study is a CSV file as well, ``docs/tables/NAME.csv``, which docs/evidence_tables.md shows.
``<!-- zoo: leaderboard -->`` is made of the scorecards in ``zoo/``.

    python benchmarks/write_tables.py            # write them
    python benchmarks/write_tables.py --check    # exit code 1 if a file would change
"""

import argparse
import csv
import io
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from conclusion import KINDS as CATEGORIES
from conclusion import conclusion, read_study

from mmct.evaluation import mean_estimate, read_result
from mmct.report import Number, Row, Table, data_line, errors_note
from mmct.studies.image_errors import NAME, errors_of_images
from mmct.studies.tables import ended_of
from mmct.zoo import ZOO, Entry

ROOT = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(r'(<!-- (\w+): (\w+) -->\n).*?(<!-- end of \2 -->)', re.DOTALL)
_CLEAN, _CORRUPTED = 'clean error, %', 'mCE, %'
# The arms that docs/results.md shows, of those that a study has; docs/evidence_tables.md has all.
_MAIN = (
    'Standard', 'Standard, equal compute (3x)', 'AugMix, equal compute',
    'BN, standardised weights, equal compute (3x)', 'no BN (the teacher)',
    'no BN, equal compute (3x)', 'CT', 'BN teacher', "BN teacher, trained as CT's",
    'start alone (no term)', 'CT + standardised weights', 'CT + AugMix',
)  # fmt: skip
# Differences of these from others in the table, but for Standard, a third as long in training.
_GAINS = (
    'BN, standardised weights, equal compute (3x)', 'no BN, equal compute (3x)', 'CT',
    'CT + standardised weights', 'CT + AugMix',
)  # fmt: skip
_FURTHER = 'with these, '


def domains(folder: Path) -> str:
    """Read the table of domains that the study's report wrote."""
    return (folder / 'domains.md').read_text(encoding='utf-8')


def short(folder: Path) -> str:
    """Write the errors of the main arms, and what CT gains over its controls, by category."""
    plan, rows = read_study(folder)
    by_variant = {row['variant']: row for row in rows}
    shown = [by_variant[name] for name in _MAIN if name in by_variant]
    columns = [title for title in plan['table'] if not title.startswith(_FURTHER)]
    seeds = len(plan['seeds'])
    name = 'variant' if len({row['group'] for row in rows}) == 1 else 'arm'

    def number(value: Mapping[str, Any] | None) -> Number:
        # An arm without all seeds is not finished.
        finished = value and value['count'] == seeds
        return Number.over_seeds(value) if finished else Number(None)

    errors = [
        Row(row[name], [number(row['values'].get(each)) for each in columns]) for row in shown
    ]
    counted = 'One seed.' if seeds == 1 else f'Means over {seeds} seeds.'
    note = f'{counted} {errors_note((_CLEAN, _CORRUPTED), rows)}'.rstrip()
    titles = (_CLEAN, _CORRUPTED, *CATEGORIES)
    gains = [
        Row(
            f'{row[name]}, minus {plan["arms"][other]["variant"]}',
            [_interval(_difference(folder, plan, row, other, title)) for title in titles],
        )
        for row in shown
        if row['variant'] in _GAINS
        for other in plan['arms'][row['arm']]['baselines']
        if plan['arms'][other]['variant'] in _MAIN[1:]
    ]
    told = 'over images alone: another training may differ by more' if seeds == 1 else (
        'paired by seed, over seeds and images'
    )  # fmt: skip
    return (
        f'{Table(["", *columns], errors).to_markdown()}\n{note}\n\n'
        f'{Table(["", *titles], gains).to_markdown()}\n'
        f'Differences in points, with 95 % intervals {told}.\n'
    )


def _difference(
    folder: Path, plan: Mapping[str, Any], row: Mapping[str, Any], other: str, title: str
) -> Mapping[str, Any]:
    """Look up a difference; that of a single seed gets an interval over images."""
    found = row['values'][title]['differences'][other]
    if len(plan['seeds']) > 1:
        return found
    keys = plan['table'][title].split('.')
    errors = (_of_images(folder, plan, arm, keys) for arm in (row['arm'], other))
    found = mean_estimate(np.subtract(*errors))
    return dict(mean=found['value'], interval=[found['low'], found['high']])


def _of_images(folder: Path, plan: Mapping[str, Any], arm: str, keys: list[str]) -> np.ndarray:
    (key,) = (
        cell['key'] for cell in plan['cells'] if (cell['arm'], cell['role']) == (arm, 'training')
    )
    scores = json.loads((folder / 'results' / f'{key}.json').read_text(encoding='utf-8'))['scores']
    return errors_of_images(scores[keys[0]]['value'][NAME], keys[1:])


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


def _interval(difference: Mapping[str, Any]) -> Number:
    return Number(difference['mean'], interval=difference['interval'], signed=True)


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
    return int(check and bool(changed))


if __name__ == '__main__':
    sys.exit(main())
