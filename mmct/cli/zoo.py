"""List the trained networks of the model zoo; describe one, or fetch it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmct.runs.files import write_text

from .options import Parser
from .running import command

if TYPE_CHECKING:
    from mmct.zoo import Entry


def parse_args(parser: Parser, argv: Sequence[str] | None) -> Namespace:
    """Read the options.

    Args:
        parser (Parser): The parser to which they are added.
        argv (Sequence[str], optional): The options. None reads the command line.
    """
    parser.add_argument(
        'name', metavar='NAME', nargs='?', help='a network, to be described; default: list all'
    )
    parser.add_argument(
        '--download',
        type=Path,
        nargs='?',
        const='.',
        metavar='FOLDER',
        help='fetch weights, config and scorecard of NAME into a folder, default the current one',
    )
    args = parser.parse_args(argv)
    if args.download is not None and args.name is None:
        parser.error('--download needs the NAME of a network')
    return args


def _zoo(args: Namespace) -> None:
    from mmct.zoo import find

    if args.name is None:
        _list()
    elif args.download is None:
        _describe(find(args.name))
    else:
        _download(find(args.name), args.download)


def _list() -> None:
    from mmct.report import Number, Row, Table
    from mmct.zoo import ZOO

    rows = []
    for name, entry in ZOO.items():
        metrics, size = entry.metrics, entry.weights.bytes / 1e6
        errors = Number(metrics['clean_error_pct']), Number(metrics['raw_mce_pct'])
        rows.append(Row(name, [entry.data, *errors, f'{size:.1f} MB']))
    Table(['network', 'data', 'clean error', 'raw mCE', 'size'], rows).print()
    print("Errors in %, of one seed each. More: mmct zoo NAME; in Python: mmct.load('NAME')")


def _describe(entry: Entry) -> None:
    from mmct.report import Number
    from mmct.zoo import source

    metrics = entry.metrics
    clean, corrupted = (
        Number(metrics[f'{key}_pct'], interval=metrics[f'{interval}_interval_pct'])
        for key, interval in (('clean_error', 'clean'), ('raw_mce', 'raw_mce'))
    )
    kinds = ', '.join(f'{kind} {Number(v)}' for kind, v in metrics['categories_pct'].items())
    lines = {
        'what': f'arm {entry.arm!r}, seed {entry.seed} of the study {entry.study}',
        'data': entry.data,
        'parameters': f'{entry.parameters:,}',
        'clean error, %': clean,
        'raw mCE, %': corrupted,
        'by category, %': kinds,
        'trained by': entry.trained_by,
        'scored by': entry.scored_by,
        'config': f'mmct::{entry.config}',
        'weights': f'{entry.weights.name}, {entry.weights.bytes:,} bytes',
        'SHA-256': entry.weights.sha256,
        'scorecard': entry.scorecard.name,
        'files in': source(),
        'in Python': f'mmct.load({entry.name!r})',
    }
    print(entry.name)
    for title, value in lines.items():
        print(f'  {title:<16}{value}')


def _download(entry: Entry, folder: Path) -> None:
    from mmct.zoo import fetch

    weights, scorecard = (fetch(file, folder) for file in (entry.weights, entry.scorecard))
    config = folder / f'{entry.name}.py'
    # Do not copy the config itself, which inherits from other files in mmct.
    write_text(config, f'_base_ = [__import__("mmct").config_path({entry.config!r})]\n')
    for path in (weights, config, scorecard):
        print(path)
    print(f'test it with: mmct test {config} {weights}')


main = command(
    'mmct zoo', __doc__, parse_args, _zoo,
    'stopped; run the same command again to continue',
)
