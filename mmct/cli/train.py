"""Train a model; with a CT config, its BN-free teacher first."""

from argparse import Namespace
from collections.abc import Sequence

from .options import CONFIG_HELP, Parser, add_common_arguments
from .running import run_tool

# The keys of `mmct.methods.METHODS`, which needs an mm stack.
METHODS = (
    'cutout', 'mixup', 'cutmix', 'autoaugment', 'randaugment', 'augmix', 'augmix_no_jsd',
    'adversarial',
)  # fmt: skip


def main(argv: Sequence[str] | None = None, prog: str = 'train.py') -> int:
    """Train, as the options say.

    Args:
        argv (Sequence[str], optional): The options. Defaults to those of the command line.
        prog (str): The command's name, for messages. Defaults to 'train.py'.

    Returns:
        int: The exit code: 0, 2 after an error of the user's, 130 after Ctrl-C.
    """
    args = parse_args(argv, prog)
    return run_tool(prog, _train, args, stopped='stopped; go on with --resume')


def parse_args(argv: Sequence[str] | None, prog: str) -> Namespace:
    """Read mmpretrain's options and those for CT.

    Args:
        argv (Sequence[str], optional): The options; None for those of the command line.
        prog (str): The command's name.
    """
    parser = Parser(prog=prog, description=__doc__)
    parser.add_argument('config', help=CONFIG_HELP)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='go on with the latest checkpoint in the work dir, or with this one',
    )
    parser.add_argument(
        '--allow-other-config',
        action='store_true',
        help='resume a checkpoint that was saved with other settings',
    )
    parser.add_argument('--no-validate', action='store_true', help='do not validate')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate with the batch size',
    )
    parser.add_argument(
        '--no-persistent-workers',
        action='store_true',
        help='start data loading processes anew each epoch',
    )
    parser.add_argument(
        '--method',
        action='append',
        default=[],
        metavar='NAME',
        help=f'also train with {", ".join(METHODS)}; may be given several times',
    )
    parser.add_argument(
        '--test-domain',
        metavar='NAME',
        help='of a data set of several domains: train on the others, test on this one',
    )
    add_common_arguments(parser)
    ct = parser.add_argument_group('Counterbalancing Teacher')
    ct.add_argument('--ct', action='store_true', help='switch CT on in any config')
    ct.add_argument('--teacher', help='checkpoint of a BN-free teacher to use')
    ct.add_argument(
        '--retrain-teacher',
        action='store_true',
        help='train a new teacher; the one in the work dir is moved aside',
    )
    ct.add_argument(
        '--allow-weak-teacher',
        action='store_true',
        help='go on with a teacher that is not above chance',
    )
    return parser.parse_args(argv)


def _train(args: Namespace) -> None:
    from .training import train

    train(args)
