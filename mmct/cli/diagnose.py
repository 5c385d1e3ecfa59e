"""Say why networks fail under corruption: the error of result files, taken apart."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from mmct.runs.errors import CTError, config_errors
from mmct.runs.files import write_json, write_text

from .options import Parser, add_flag
from .running import run_tool


def main(argv: Sequence[str] | None = None, prog: str = 'mmct diagnose') -> int:
    """Run the command, as :func:`mmct.cli.running.run_tool` says.

    Args:
        argv (Sequence[str], optional): The options. Defaults to those of the command line.
        prog (str): The command's name, for messages. Defaults to 'mmct diagnose'.

    Returns:
        int: The exit code.
    """
    args = parse_args(Parser(prog=prog, description=__doc__), argv)
    return run_tool(prog, _diagnose, args)


def parse_args(parser: Parser, argv: Sequence[str] | None) -> Namespace:
    """Read the options.

    Args:
        parser (Parser): Gets them.
        argv (Sequence[str], optional): What was given; None: the command line.
    """
    parser.add_argument(
        'results',
        nargs='+',
        metavar='RESULT',
        help='result files (.json) on the same images; of a network with BN also the one of the '
        'same weights that was scored with --recalibrate-bn',
    )
    parser.add_argument(
        '--baseline',
        metavar='RUN',
        help='what the others are compared with: a result file, or a name; default the first',
    )
    add_flag(parser, '--common', 'compare on the cells that all runs have')
    parser.add_argument('--markdown', metavar='FILE', help='all of it as Markdown; - prints it')
    parser.add_argument('--out', type=Path, metavar='FILE', help='the numbers as JSON')
    args = parser.parse_args(argv)
    if args.out is not None and args.out.suffix != '.json':
        parser.error(f'--out must end in .json, got {args.out}')
    return args


def _diagnose(args: Namespace) -> None:
    from mmct.evaluation import diagnose, read_result
    from mmct.report import diagnosis_to_markdown, print_diagnosis

    files = [Path(file).resolve() for file in args.results]
    twice = [file for number, file in enumerate(files) if file in files[:number]]
    if twice:
        raise CTError(f'{twice[0]} is given twice')
    with config_errors():  # the user's files
        results = [read_result(file) for file in files]
        found = diagnose(results, baseline=_baseline(args, files, results), common=args.common)
    if args.markdown == '-':
        print(diagnosis_to_markdown(found), end='')
    else:
        print_diagnosis(found)
    if args.markdown not in (None, '-'):
        write_text(Path(args.markdown), diagnosis_to_markdown(found))
    if args.out is not None:
        write_json(args.out, found)


def _baseline(args: Namespace, files: list[Path], results: list[dict]) -> int:
    """Find the baseline among the results without re-estimated statistics."""
    from mmct.evaluation import find_run

    plain = [n for n, result in enumerate(results) if not result['model'].get('recalibrate_bn')]
    if args.baseline is None:
        return 0
    file = Path(args.baseline).resolve()
    if file in files:
        number = files.index(file)
        if number not in plain:
            raise ValueError(f'{args.baseline} has re-estimated BN statistics: name another one')
        return plain.index(number)
    return find_run([results[number] for number in plain], args.baseline)
