"""Explain why networks fail under corruption, by splitting their error into parts."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmct.runs.errors import CTError, config_errors
from mmct.runs.files import write_json, write_text

from .networks import is_config, load_network
from .options import Parser, add_flag, keep_inputs, positive_integer
from .running import command
from .score import add_scoring_arguments, check_scoring_arguments, what_to_score

# Options that apply to result files too; the others are for networks only.
_FOR_ANY = {'what', 'images', 'baseline', 'markdown', 'out'}


def parse_args(parser: Parser, argv: Sequence[str] | None) -> Namespace:
    """Define and parse the options.

    Args:
        parser (Parser): The parser to which the options are added.
        argv (Sequence[str], optional): The words to parse. None means those of the command line.
    """
    parser.add_argument(
        'what',
        nargs='+',
        metavar='RESULT ... | NETWORK ... IMAGES',
        help='result files (.json) on the same images, for a network with BN also that of the same '
        'weights scored with --recalibrate-bn; or networks and clean images as for mmct score, '
        'to score both ways and diagnose',
    )
    add_flag(
        parser,
        '--common',
        'for result files: compare on the cells (corruptions at a severity) that all have',
    )
    parser.add_argument(
        '--baseline',
        metavar='RUN',
        help='run to compare the others with: a result file, or a name; default the first',
    )
    parser.add_argument(
        '--markdown', metavar='FILE', help='write the diagnosis as Markdown; - prints it'
    )
    parser.add_argument('--out', type=Path, metavar='FILE', help='write the numbers as JSON')
    group = parser.add_argument_group('diagnosis of networks')
    group.add_argument(
        '--results',
        type=Path,
        metavar='FOLDER',
        help='folder that keeps result files, to continue an interrupted command',
    )
    group.add_argument(
        '--recalibrate-bn',
        type=positive_integer,
        default=10,
        metavar='N',
        help='at most N batches of each cell for the statistics of BatchNorm, default 10',
    )
    group.add_argument(
        '--layers',
        type=positive_integer,
        default=5,
        help='number of layers at which to measure the reliance on low variance, default 5',
    )
    add_scoring_arguments(parser)
    args = parser.parse_args(argv)
    if args.out is not None and args.out.suffix != '.json':
        parser.error(f'--out must end in .json, got {args.out}')
    keep_inputs(parser, args.what, (args.markdown, args.out))
    args.images = None
    if _are_results(args):
        for name, value in vars(args).items():
            if name not in {*_FOR_ANY, 'common'} and value != parser.get_default(name):
                parser.error(f'--{name.replace("_", "-")} is for networks, not for result files')
        return args
    if args.common:
        parser.error('--common is for result files')
    if any(map(is_config, args.what)):
        parser.error(
            'for a config, score its checkpoint with mmct score, with and without '
            '--recalibrate-bn, and give the two result files'
        )
    *args.what, args.images = args.what  # of a set on disk, too: a diagnosis needs clean images
    if not args.what:
        parser.error('give a network and IMAGES, or result files')
    check_scoring_arguments(parser, args)
    return args


def _are_results(args: Namespace) -> bool:
    return all(word.endswith('.json') for word in args.what)


def _diagnose(args: Namespace) -> None:
    from mmct.report import diagnosis_to_markdown, print_diagnosis

    found = _of_results(args) if _are_results(args) else _of_networks(args)
    if args.markdown == '-':
        print(diagnosis_to_markdown(found), end='')
    else:
        print_diagnosis(found)
    if args.markdown not in (None, '-'):
        write_text(Path(args.markdown), diagnosis_to_markdown(found))
    if args.out is not None:
        write_json(args.out, found)


def _of_networks(args: Namespace) -> Mapping[str, Any]:
    from mmct.scoring import diagnose

    networks, sizes = {}, {}
    for name in args.what:
        if name in networks:
            raise CTError(f'{name} is given twice')
        network, size = load_network(Namespace(**{**vars(args), 'network': name}))
        networks[name], sizes[size] = network, name
    if len(sizes) > 1:
        wanted = ', '.join(f'{name} {size or "any"}' for size, name in sizes.items())
        raise CTError(f'the networks need images of different sizes ({wanted} px): give --size')
    with config_errors():
        images, labels, options = what_to_score(args, args.what[0], next(iter(sizes)))
        return diagnose(
            networks,
            images,
            labels,
            baseline=args.baseline,
            recalibrate_bn=args.recalibrate_bn,
            layers=args.layers,
            out=args.results,
            **options,
        ).found


def _of_results(args: Namespace) -> Mapping[str, Any]:
    from mmct.evaluation import diagnose, read_result

    files = [Path(file).resolve() for file in args.what]
    twice = [file for number, file in enumerate(files) if file in files[:number]]
    if twice:
        raise CTError(f'{twice[0]} is given twice')
    with config_errors():  # the user's files
        results = [read_result(file) for file in files]
        return diagnose(results, baseline=_baseline(args, files, results), common=args.common)


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
            raise ValueError(f'{args.baseline} has re-estimated BN statistics: name another run')
        return plain.index(number)
    return find_run([results[number] for number in plain], args.baseline)


main = command(
    'mmct diagnose', __doc__, parse_args, _diagnose,
    'stopped; with --results the same command continues',
)
