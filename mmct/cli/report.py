"""Make a report from result files: an HTML page with tables and figures."""

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmct.runs.errors import CTError, config_errors
from mmct.runs.files import write_bytes, write_text

from .options import Parser
from .running import run_tool


def main(argv: Sequence[str] | None = None, prog: str = 'report.py') -> int:
    """Report, as the options say.

    Args:
        argv (Sequence[str], optional): The options. Defaults to those of the command line.
        prog (str): The command's name, for messages. Defaults to 'report.py'.

    Returns:
        int: The exit code: 0, 2 after an error of the user's, 130 after Ctrl-C.
    """
    return run_tool(prog, _report, parse_args(argv, prog))


def parse_args(argv: Sequence[str] | None, prog: str) -> Namespace:
    """Read the options.

    Args:
        argv (Sequence[str], optional): The options; None for those of the command line.
        prog (str): The command's name.
    """
    parser = Parser(prog=prog, description=__doc__)
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
    args = parser.parse_args(argv)
    if args.out is not None and args.out.suffix != '.html':
        parser.error('-o must end in .html')
    return args


def _report(args: Namespace) -> None:
    from rich.console import Console

    from mmct.evaluation import compare, read_result
    from mmct.report import cells_to_csv, print_scorecards, render, to_latex, to_markdown

    files = [Path(file).resolve() for file in args.results]
    twice = [file for number, file in enumerate(files) if file in files[:number]]
    if twice:
        raise CTError(f'{twice[0]} is given twice')
    with config_errors():  # the user's files
        results = [read_result(file) for file in args.results]
        comparison = compare(results, _baseline(args, files, results), args.common)
    texts = ((args.markdown, to_markdown), (args.latex, to_latex), (args.csv, cells_to_csv))
    print_scorecards(
        comparison.results, Console(stderr='-' in [target for target, _ in texts])
    )
    if args.out is not None:
        for name, content in render(comparison, args.out.stem).items():
            write_bytes(args.out.with_name(name), content)
        print(f'report: {args.out}', file=sys.stderr)
    for target, text in texts:
        if target is not None:
            _write_or_print(target, text(comparison.results))


def _baseline(
    args: Namespace, files: Sequence[Path], results: Sequence[Mapping[str, Any]]
) -> int | None:
    """Find the run that the others are compared with: a file's, or one of that name."""
    from mmct.evaluation import find_run

    if args.baseline is None:
        return None
    file = Path(args.baseline).resolve()
    return files.index(file) if file in files else find_run(results, args.baseline)


def _write_or_print(target: str, text: str) -> None:
    if target == '-':
        print(text, end='')
    else:
        write_text(Path(target), text)
