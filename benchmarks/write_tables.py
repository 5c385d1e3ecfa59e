"""Write the tables of README and docs from the kept results of studies.

Between ``<!-- NAME: what -->`` and ``<!-- end of NAME -->`` stands what this script
makes of ``benchmarks/NAME``: ``domains`` (its domains.md), ``short`` (the main arms of a
study by category, and how CT differs from each), ``networks`` (those of a study of several
networks), ``conclusion`` (when CT helps; benchmarks/conclusion.py draws its picture) or ``seeds``
(of README's demo, see benchmarks/demo.py). Each kept study is a CSV file as well,
``docs/tables/NAME.csv``, which docs/evidence_tables.md shows. ``<!-- zoo: leaderboard -->`` is
made of the scorecards in ``zoo/``.

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
from mmct.studies.summary import mean_and_error
from mmct.studies.tables import ended_of
from mmct.zoo import ZOO, Entry

ROOT = Path(__file__).resolve().parents[1]
# A difference in prose, such as '1.5 points [0.8, 2.1]'.
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


class Kept:
    """The table of a kept study, with its differences.

    Args:
        folder (Path): With ``study.json``, ``table.json`` and ``results/``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, (self.plan, self.rows) = folder, read_study(folder)
        self.seeds = len(self.plan['seeds'])

    def main_arms(self, group: str) -> dict[str, dict[str, Any]]:
        """Find the rows of a network that docs/results.md shows, by variant."""
        found = {row['variant']: row for row in self.rows if row['group'] == group}
        return {name: found[name] for name in _MAIN if name in found}

    def error(self, row: Mapping[str, Any], title: str, spread: bool = True) -> str:
        """Write the mean over seeds, and its standard error; nothing if a seed is missing."""
        value = row['values'].get(title)
        if not value or value['count'] < self.seeds:
            return ''
        error = value['standard_error'] if spread else None
        return f'{value["mean"]:.1f}' + ('' if error is None else f' ± {error:.1f}')

    def ct_minus(self, row: Mapping[str, Any], title: str) -> str:
        """Write how CT differs from another arm of the same network."""
        # Not from itself, nor from the plain network that was trained a third as long.
        if row['variant'] in ('CT', 'Standard'):
            return ''
        found = self.difference(self.main_arms(row['group'])['CT'], row, title)
        return points(found) if found else ''

    def difference(
        self, one: Mapping[str, Any], other: Mapping[str, Any], title: str
    ) -> Mapping[str, Any] | None:
        """Look up how two arms differ; for a single seed, with an interval over images."""
        if self.seeds == 1:
            errors = (
                _of_images(self.folder, self._only_cell(each['arm']), self.plan['table'][title])
                for each in (one, other)
            )
            found = mean_estimate(np.subtract(*errors))
            return dict(mean=found['value'], interval=[found['low'], found['high']])
        found = one['values'][title]['differences'].get(other['arm'])
        if found is None and (found := other['values'][title]['differences'].get(one['arm'])):
            # The study compares the two the other way round.
            return dict(mean=-found['mean'], interval=[-end for end in reversed(found['interval'])])
        return found

    def _only_cell(self, arm: str) -> str:
        (key,) = (
            cell['key']
            for cell in self.plan['cells']
            if (cell['arm'], cell['role']) == (arm, 'training')
        )
        return key

    @property
    def note(self) -> str:
        """Return what the numbers of a table are."""
        if self.seeds == 1:
            return (
                'One seed. In brackets 95 % intervals of the differences, in points, over images '
                'alone: another training may differ by more.'
            )
        return (
            f'Means over {self.seeds} seeds. {errors_note((_CLEAN, _CORRUPTED), self.rows)} In '
            'brackets 95 % intervals of the differences, in points, paired by seed.'
        )


def short(folder: Path) -> str:
    """Write the errors of the main arms, by category, and how CT differs from each of them."""
    kept = Kept(folder)
    (group,) = {row['group'] for row in kept.rows}
    main = (_CLEAN, _CORRUPTED)
    further = [
        title
        for title in kept.plan['table']
        if title not in main and not title.startswith(_FURTHER)
    ]
    lines = [
        Row(
            name,
            [
                *(kept.error(row, title) for title in main),
                *(kept.ct_minus(row, title) for title in main),
                *(kept.error(row, title, spread=False) for title in further),
            ],
        )
        for name, row in kept.main_arms(group).items()
    ]
    head = ['', *main, 'CT minus that, clean', 'CT minus that, mCE', *further]
    return f'{Table(head, lines).to_markdown()}\n{kept.note}\n'


def networks(folder: Path) -> str:
    """Write the errors of the main arms with each network, and how CT differs from them in mCE."""
    kept = Kept(folder)
    groups = list(dict.fromkeys(row['group'] for row in kept.rows))
    of = {group: kept.main_arms(group) for group in groups}
    head = ['', *(
        f'{group}: {title}'
        for group in groups
        for title in (_CLEAN, _CORRUPTED, 'CT minus that, mCE')
    )]  # fmt: skip
    lines = [
        Row(name, [
            cell
            for rows in of.values()
            for cell in (
                kept.error(rows[name], _CLEAN),
                kept.error(rows[name], _CORRUPTED),
                kept.ct_minus(rows[name], _CORRUPTED),
            )
        ])
        for name in of[groups[0]]
    ]  # fmt: skip
    return f'{Table(head, lines).to_markdown()}\n{kept.note}\n'


def demo(folder: Path) -> str:
    """Write the errors of README's demo with each seed, and their means."""
    kept = json.loads(folder.with_suffix('.json').read_text(encoding='utf-8'))
    head = ['seed', 'plain BN, clean', 'CT, clean', 'CT minus plain BN, clean',
            'plain BN, corrupted', 'CT, corrupted', 'CT minus plain BN, corrupted']  # fmt: skip
    rows = []
    for seed, errors in kept.items():
        cells = []
        for kind in errors.values():
            found = kind['ct_minus_plain']
            ends = found['low'], found['high']
            cells += [Number(kind['baseline']), Number(kind['student'])]
            cells.append(Number(found['value'], interval=ends, signed=True))
        rows.append(Row(seed, cells))
    means = []
    for cells in zip(*(row.cells for row in rows), strict=True):
        found = mean_and_error(cell.value for cell in cells)
        interval = found['interval'] if cells[0].signed else None
        means.append(Number(found['mean'], interval=interval, signed=cells[0].signed))
    return Table(head, [*rows, Row('mean', means)]).to_markdown()


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
    conclusion=conclusion, domains=domains, leaderboard=leaderboard, networks=networks,
    seeds=demo, short=short,
)  # fmt: skip


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
        text (str): Of a Markdown file. A section with a ``short`` or ``networks`` table is about
            its study: each ``1.5 points [0.8, 2.1]`` in it is to be a difference of two arms,
            either way round.
    """
    found = []
    for section in re.split(r'^##+ ', text, flags=re.MULTILINE):
        for _, name, kind, _ in _BLOCK.findall(section):
            if kind in ('short', 'networks'):
                claims = _CLAIM.finditer(' '.join(_BLOCK.sub('', section).split()))
                kept = Kept(ROOT / 'benchmarks' / name)
                found += [each[0] for each in claims if not _is_kept(each.groups(), kept)]
    return found


def _is_kept(claim: tuple[str, ...], kept: Kept) -> bool:
    """Tell whether two arms of a study differ by this mean and interval, in any column."""
    said = np.array(claim, float)
    for (one, other), title in product(permutations(kept.rows, 2), kept.plan['table']):
        means = [row['values'][title]['mean'] for row in (one, other)]
        # An interval over images takes a while.
        if None not in means and _is_rounded(means[0] - means[1], said[0]):
            found = kept.difference(one, other, title)
            if found and _is_rounded([found['mean'], *found['interval']], said):
                return True
    return False


def _is_rounded(number: Any, said: Any) -> bool:
    # Half a unit of the last digit that is written, and a little for numbers between two.
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
