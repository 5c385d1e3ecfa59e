"""Make a report from result files: an HTML page with tables and figures."""

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from mmct.cli import Parser, run_tool
from mmct.evaluation import compare, find_run, read_result
from mmct.report import cells_to_csv, print_scorecards, to_latex, to_markdown
from mmct.runs import CTError
from mmct.runs.files import write_text
from mmct.scoring.report_files import write_report


def parse_args() -> Namespace:
    """Read the command line."""
    parser = Parser(prog='report.py', description=__doc__)
    parser.add_argument('results', nargs='+', metavar='RESULT', help='result files (.json)')
    parser.add_argument('-o', '--out', type=Path, help='the page, .html; figures go beside it')
    parser.add_argument(
        '--baseline', metavar='RUN', help='what to compare with: a result file, or a name'
    )
    parser.add_argument(
        '--common', action='store_true', help='compare on the cells that all runs have'
    )
    parser.add_argument('--markdown', metavar='FILE', help='the table as Markdown; - prints it')
    parser.add_argument('--latex', metavar='FILE', help='the table as LaTeX; - prints it')
    parser.add_argument('--csv', metavar='FILE', help='all cells of all runs as CSV; - prints it')
    args = parser.parse_args()
    if args.out is not None and args.out.suffix != '.html':
        parser.error('-o must end in .html')
    return args


def baseline_number(
    args: Namespace, results: Sequence[dict[str, Any]]
) -> int | None:
    """Which run the others are compared with: a file's, or one of that name."""
    if args.baseline is None:
        return None
    files = [Path(file).resolve() for file in args.results]
    if Path(args.baseline).resolve() in files:
        return files.index(Path(args.baseline).resolve())
    return find_run(results, args.baseline)


def write_or_print(target: str, text: str) -> None:
    """Write a text into a file, or print it for '-'."""
    if target == '-':
        print(text, end='')
    else:
        write_text(Path(target), text)


def build() -> Callable[[], object]:
    """Read and compare: what is wrong shows before anything is written."""
    args = parse_args()
    files = [Path(file).resolve() for file in args.results]
    twice = [file for number, file in enumerate(files) if file in files[:number]]
    if twice:
        raise CTError(f'{twice[0]} is given twice')
    results = [read_result(file) for file in args.results]
    comparison = compare(results, baseline_number(args, results), args.common)

    def run() -> None:
        results = comparison.results
        texts = ((args.markdown, to_markdown), (args.latex, to_latex), (args.csv, cells_to_csv))
        print_scorecards(results, Console(stderr='-' in [target for target, _ in texts]))
        if args.out is not None:
            print(f'report: {write_report(comparison, args.out)}', file=sys.stderr)
        for target, text in texts:
            if target is not None:
                write_or_print(target, text(results))

    return run


if __name__ == '__main__':
    sys.exit(run_tool('report.py', build))
