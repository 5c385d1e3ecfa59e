"""Write the tables of README and docs from the kept results of studies.

Between ``<!-- NAME: what -->`` and ``<!-- end of NAME -->`` stands what this script
makes of ``benchmarks/NAME``: ``all`` (its table.md), ``domains`` (its domains.md),
``short`` (an arm a line, clean and corrupted error of each group, and how CT differs from
its baselines) or ``core`` (of that the lines of CT, its controls and AugMix alone).

    python benchmarks/write_tables.py            # write them
    python benchmarks/write_tables.py --check    # exit code 1 if a file would change
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mmct.studies.live_table import shown

ROOT = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(r'(<!-- (\w+): (\w+) -->\n).*?(<!-- end of \2 -->)', re.DOTALL)
_CLEAN, _CORRUPTED = 'clean error, %', 'mCE, %'
_CORE = ('Standard', 'Standard, equal compute', 'BN teacher', 'CT',
         'AugMix', 'BN teacher + AugMix', 'CT + AugMix')  # fmt: skip


def kept(folder: Path, name: str) -> str:
    """A table that the study's report wrote."""
    return (folder / name).read_text(encoding='utf-8')


def short(folder: Path) -> str:
    """A line for each variant, two columns for each group; then what CT gains."""
    plan, rows = _read(folder)
    said = [line for row in rows for line in _gains(row)]
    told = ' Differences, paired by seed, with 95 % intervals:\n\n' + '\n'.join(said)
    return _lines(plan, rows).rstrip('\n') + f'{told if said else ""}\n'


def core(folder: Path) -> str:
    """The same of a few variants, without differences."""
    plan, rows = _read(folder)
    return _lines(plan, [row for row in rows if row['variant'] in _CORE])


def _read(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    plan, rows = (
        json.loads((folder / f'{name}.json').read_text(encoding='utf-8'))
        for name in ('study', 'table')
    )
    return plan, rows


def _lines(plan: Mapping[str, Any], rows: list[dict[str, Any]]) -> str:
    groups = list(dict.fromkeys(row['group'] for row in rows))
    found = {(row['variant'], row['group']): row for row in rows}
    head = [f'{group}: {title}' for group in groups for title in (_CLEAN, _CORRUPTED)]
    lines = [f'|  | {" | ".join(head)} |', '| --- |' + ' ---: |' * len(head)]
    for variant in dict.fromkeys(row['variant'] for row in rows):
        values = [
            _value(found.get((variant, group)), title, len(plan['seeds']))
            for group in groups
            for title in (_CLEAN, _CORRUPTED)
        ]
        lines.append(f'| {variant} | {" | ".join(values)} |')
    note = f'Mean and standard error over {len(plan["seeds"])} seeds.'
    return '\n'.join(lines) + f'\n\n{note}\n'


def _value(row: Mapping[str, Any] | None, title: str, seeds: int) -> str:
    if row is None or row['values'][title]['count'] < seeds:
        return ''  # not finished
    return shown(row['values'][title])


def _gains(row: Mapping[str, Any]) -> list[str]:
    if not row['variant'].startswith('CT'):
        return []
    clean, corrupted = (row['values'][title]['differences'] for title in (_CLEAN, _CORRUPTED))
    return [
        f'- **{row["arm"]}**, minus {baseline}: clean {_interval(difference)}, mCE '
        f'{_interval(corrupted[baseline])}'
        for baseline, difference in clean.items()
        if difference['interval'] is not None
    ]


def _interval(difference: Mapping[str, Any]) -> str:
    low, high = difference['interval']
    return f'{difference["mean"]:+.2f} [{low:+.2f}, {high:+.2f}]'


KINDS: dict[str, Callable[[Path], str]] = dict(
    all=partial(kept, name='table.md'),
    domains=partial(kept, name='domains.md'),
    short=short,
    core=core,
)


def written(text: str) -> str:
    """A file's text with its tables as the results say.

    Args:
        text (str): Of a Markdown file.
    """

    def block(match: re.Match) -> str:
        begin, name, kind, end = match.groups()
        return f'{begin}\n{KINDS[kind](ROOT / "benchmarks" / name)}\n{end}'

    return _BLOCK.sub(block, text)


def main() -> int:
    """Write or check all files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--check', action='store_true', help='change nothing')
    check = parser.parse_args().check
    changed = []
    for file in (ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))):
        before = file.read_text(encoding='utf-8')
        after = written(before)
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
