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

Prose is written by hand. The differences in it are looked up in the results, where a section shows
a study or links to its table.
"""

import argparse
import csv
import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
from conclusion import conclusion
from kept import (
    BENCHMARKS,
    CLEAN,
    CORRUPTED,
    KeptNetwork,
    points,
    read_network,
    read_networks,
    read_study,
)

from mmct.evaluation import read_result
from mmct.report import Number, Row, Table, data_line, errors_note
from mmct.studies.summary import mean_and_error
from mmct.studies.tables import ended_of
from mmct.zoo import ZOO, Entry

ROOT = BENCHMARKS.parent
# A difference in prose, such as '1.5 points [0.8, 2.1]'.
_CLAIM = re.compile(r'([-+]?\d+\.\d)[^\d\[\]().]*\[([-+]?\d+\.\d), ([-+]?\d+\.\d)\]')
_LINK = re.compile(r'evidence_tables\.md#(\w+)')
_BLOCK = re.compile(r'(<!-- (\w+): (\w+) -->\n).*?(<!-- end of \2 -->)', re.DOTALL)
# The arms that pages show, of those that a study has; docs/evidence_tables.md has all.
_MAIN = (
    'Standard, equal compute (3x)', 'BN, standardised weights, equal compute (3x)',
    'no BN (the teacher)', 'no BN, equal compute (3x)', 'no BN, clipped',
    'no BN, clipped, equal compute (3x)', 'CT', 'BN teacher',
    "BN teacher, trained as CT's", 'start alone (no term)', 'AugMix, equal compute',
    'BN, standardised weights, equal compute (3x) + AugMix', 'no BN, equal compute (3x) + AugMix',
    'CT + AugMix',
)  # fmt: skip
_FURTHER = 'with these, '


def domains(folder: Path) -> str:
    """Read the table of domains that the study's report wrote."""
    return (folder / 'domains.md').read_text(encoding='utf-8')


def _main_arms(network: KeptNetwork) -> list[str]:
    return [name for name in _MAIN if name in network.rows and network.seeds(name)]


def _error(network: KeptNetwork, arm: str, title: str, spread: bool = True) -> str:
    """Write the mean over seeds, and its standard error."""
    value = network.value(arm, title)
    if not value:
        return ''
    error = value['standard_error'] if spread else None
    return f'{value["mean"]:.1f}' + ('' if error is None else f' ± {error:.1f}')


def _ct_minus(network: KeptNetwork, arm: str, title: str = CORRUPTED) -> str:
    found = network.difference('CT', arm, title)
    return points(found) if found else ''


def _note(networks: Iterable[KeptNetwork]) -> str:
    networks = list(networks)
    rows = [row for network in networks for row in network.rows.values()]
    (seeds,) = {network.all_seeds for network in networks}
    if seeds == '1':
        return 'One seed: by how much other seeds would differ is not known.'
    return (
        f'Means over {seeds} seeds. {errors_note((CLEAN, CORRUPTED), rows)} In '
        'brackets 95 % intervals of the differences, in points, paired by seed.'
    )


def short(folder: Path) -> str:
    """Write the errors of the main arms, by category, and how CT differs from each of them."""
    network, main = read_network(folder), (CLEAN, CORRUPTED)
    mixed = not network.all_seeds.isdigit()
    further = [
        title
        for title in network.titles
        if title not in main and not title.startswith(_FURTHER)
    ]
    # A difference of single seeds has no interval, and is not shown.
    known = any(_ct_minus(network, arm) for arm in _main_arms(network))
    minus = dict(zip(main, ('clean', 'mCE'), strict=True)) if known else {}
    lines = [
        Row(
            arm,
            [
                *([network.seeds(arm)] if mixed else []),
                *(_error(network, arm, title) for title in main),
                *(_ct_minus(network, arm, title) for title in minus),
                *(_error(network, arm, title, spread=False) for title in further),
            ],
        )
        for arm in _main_arms(network)
    ]
    differences = (f'CT minus that, {title}' for title in minus.values())
    head = ['', *(['seeds'] if mixed else []), *main, *differences, *further]
    return f'{Table(head, lines).to_markdown()}\n{_note([network])}\n'


def networks(folder: Path) -> str:
    """Write the errors of the main arms with each network, and how CT differs from them in mCE."""
    of = read_networks(folder)
    head = ['', *(
        f'{group}: {title}'
        for group in of
        for title in (CLEAN, CORRUPTED, 'CT minus that, mCE')
    )]  # fmt: skip
    lines = [
        Row(arm, [
            cell
            for network in of.values()
            for cell in (
                _error(network, arm, CLEAN),
                _error(network, arm, CORRUPTED),
                _ct_minus(network, arm),
            )
        ])
        for arm in _main_arms(next(iter(of.values())))
    ]  # fmt: skip
    return f'{Table(head, lines).to_markdown()}\n{_note(of.values())}\n'


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
    _, rows = read_study(BENCHMARKS / entry.study)
    (arm,) = (row for row in rows if row['arm'] == entry.arm)
    over_seeds = Number.over_seeds(arm['values'][CORRUPTED])
    config = f'[{entry.config}](../configs/{entry.config})'
    cells = [f'{entry.arm}, seed {entry.seed}', *errors, *means, over_seeds,
             f'{entry.parameters:,}', config]  # fmt: skip
    return Row(f'`{entry.name}`', cells)


KINDS: dict[str, Callable[[Path], str]] = dict(
    conclusion=conclusion, domains=domains, leaderboard=leaderboard, networks=networks,
    seeds=demo, short=short,
)  # fmt: skip

_OF_ARMS = 'networks', 'short'


def written(text: str) -> str:
    """A file's text with its tables as the results say.

    Args:
        text (str): Of a Markdown file.
    """

    def block(match: re.Match) -> str:
        begin, name, kind, end = match.groups()
        folder = ROOT / name if kind == 'leaderboard' else BENCHMARKS / name
        return f'{begin}\n{KINDS[kind](folder)}\n{end}'

    return _BLOCK.sub(block, text)


def files() -> dict[Path, str]:
    """Make the text of each file that has tables of kept results."""
    pages = ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))
    studies = sorted(file.parent for file in BENCHMARKS.glob('*/table.json'))
    return {
        **{page: written(page.read_text(encoding='utf-8')) for page in pages},
        **{ROOT / 'docs' / 'tables' / f'{study.name}.csv': to_csv(study) for study in studies},
    }


def unfounded(text: str) -> list[str]:
    """List the differences in a page's prose that its results do not have.

    Args:
        text (str): Of a Markdown file. A section that shows a study's arms, or links to them on
            the page of all tables, is about that study: each ``1.5 points [0.8, 2.1]`` in it is
            to be a difference of two of its arms, either way round. Which two, and in which
            column, is not checked; nor are numbers without an interval.
    """
    found = []
    for section in re.split(r'^##+ ', text, flags=re.MULTILINE):
        shown = (name for _, name, kind, _ in _BLOCK.findall(section) if kind in _OF_ARMS)
        folders = (BENCHMARKS / name for name in {*shown, *_LINK.findall(section)})
        studies = (folder for folder in folders if (folder / 'table.json').exists())
        kept = [network for study in studies for network in read_networks(study).values()]
        claims = _CLAIM.finditer(' '.join(_BLOCK.sub('', section).split())) if kept else ()
        found += [each[0] for each in claims if not _is_kept(each.groups(), kept)]
    return found


def _is_kept(claim: tuple[str, ...], kept: Iterable[KeptNetwork]) -> bool:
    """Tell whether two arms of a network differ by this mean and interval, in any column."""
    said = np.array(claim, float)
    for network in kept:
        for (one, other), title in product(permutations(network.rows, 2), network.titles):
            found = network.difference(one, other, title)
            # Half a unit of the last digit that is written, and a little for numbers between two.
            if found and np.all(np.abs(said - [found['mean'], *found['interval']]) < 0.0501):
                return True
    return False


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
    wrong = {}
    for page in (ROOT / 'docs').glob('*.md'):
        if claims := unfounded(page.read_text(encoding='utf-8')):
            wrong[page.name] = claims
            print(f'docs/{page.name}: in no kept result: {"; ".join(claims)}')
    return int(bool(wrong) or check and bool(changed))


if __name__ == '__main__':
    sys.exit(main())
