"""Make a report from result files: an HTML page with tables and figures."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmct.report import FIGURES, FORMATS
from mmct.runs.errors import CTError, config_errors
from mmct.runs.files import write_bytes, write_text

from .options import Parser, add_flag, keep_inputs
from .running import command

if TYPE_CHECKING:
    from mmct.evaluation import Comparison

ENDINGS = tuple(f'.{kind}' for kind in FORMATS)
_DPI = 300  # the resolution that journals ask for


def parse_args(parser: Parser, argv: Sequence[str] | None) -> Namespace:
    """Define and parse the options.

    Args:
        parser (Parser): The parser to which the options are added.
        argv (Sequence[str], optional): The words to parse. None means those of the command line.
    """
    parser.add_argument('results', nargs='+', metavar='RESULT', help='result files (.json)')
    parser.add_argument('-o', '--out', type=Path, help='page to write, .html; figures go beside it')
    parser.add_argument(
        '--figure',
        choices=FIGURES,
        help=f'write only this figure, to the file that -o names: {", ".join(ENDINGS)}',
    )
    parser.add_argument(
        '--baseline',
        metavar='RUN',
        help='run to compare with: a result file, or a name; default the one run whose name or '
        'config begins with bn_, if there is one',
    )
    add_flag(parser, '--common', 'compare on the cells (corruptions at a severity) of all runs')
    parser.add_argument(
        '--markdown', metavar='FILE', help='write the table as Markdown; - prints it'
    )
    parser.add_argument('--latex', metavar='FILE', help='write the table as LaTeX; - prints it')
    parser.add_argument(
        '--csv', metavar='FILE', help='write all cells of all runs as CSV; - prints them'
    )
    args = parser.parse_args(argv)
    if args.figure is not None and args.out is None:
        parser.error('--figure needs -o FILE')
    keep_inputs(parser, args.results, (args.markdown, args.latex, args.csv))
    endings = ('.html',) if args.figure is None else ENDINGS
    if args.out is not None and args.out.suffix not in endings:
        what = '-o' if args.figure is None else '-o of --figure'
        parser.error(f'{what} must end in {" or ".join(endings)}, got {args.out}')
    return args


def _report(args: Namespace) -> None:
    from rich.console import Console

    from mmct.evaluation import compare, find_run, plain_bn, read_result
    from mmct.report import cells_to_csv, print_scorecards, to_latex, to_markdown

    files = [Path(file).resolve() for file in args.results]
    twice = [file for number, file in enumerate(files) if file in files[:number]]
    if twice:
        raise CTError(f'{twice[0]} is given twice')
    with config_errors():  # the user's files
        results = [read_result(file) for file in args.results]
        if args.baseline is None:
            baseline = plain_bn(results)
        else:
            file = Path(args.baseline).resolve()
            known = file in files
            baseline = files.index(file) if known else find_run(results, args.baseline)
        comparison = compare(results, baseline, args.common)
    piped = '-' in (args.markdown, args.latex, args.csv)
    print_scorecards(comparison, Console(stderr=piped))
    if args.out is not None:
        for name, content in _drawn(comparison, args).items():
            write_bytes(args.out.with_name(name), content)
        print(f'{args.figure or "report"}: {args.out}', file=sys.stderr)
    texts = (
        (args.markdown, to_markdown, comparison),
        (args.latex, to_latex, comparison),
        (args.csv, cells_to_csv, comparison.results),
    )
    for target, text, source in texts:
        if target == '-':
            print(text(source), end='')
        elif target is not None:
            write_text(Path(target), text(source))


def _drawn(comparison: 'Comparison', args: Namespace) -> dict[str, bytes]:
    """Make the page and its figures, or one figure."""
    from mmct.report import drawn, render

    if args.figure is None:
        return render(comparison, args.out.stem)
    figure = FIGURES[args.figure](comparison)
    return {args.out.name: drawn(figure, args.out.suffix[1:], _DPI)}


main = command('report.py', __doc__, parse_args, _report)
