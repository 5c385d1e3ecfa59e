"""Train a model; with a CT config, its BN-free teacher first."""

from argparse import Namespace
from collections.abc import Sequence

from .options import CONFIG_HELP, Parser, add_common_arguments, add_flag
from .running import command

# The keys of `mmct.methods.METHODS`, which needs an mm stack.
METHODS = (
    'cutout', 'mixup', 'cutmix', 'autoaugment', 'randaugment', 'augmix', 'augmix_no_jsd',
    'adversarial', 'standardised_weights', 'no_bn',
)  # fmt: skip


def parse_args(parser: Parser, argv: Sequence[str] | None) -> Namespace:
    """Read mmpretrain's options and those for CT.

    Args:
        parser (Parser): The parser to which they are added.
        argv (Sequence[str], optional): The options. None reads the command line.
    """
    parser.add_argument('config', help=CONFIG_HELP)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from the latest checkpoint in the work dir, or from this one',
    )
    add_flag(
        parser, '--allow-other-config', 'resume a checkpoint that was saved with other settings'
    )
    add_flag(parser, '--no-validate', 'do not validate')
    add_flag(parser, '--auto-scale-lr', 'scale the learning rate with the batch size')
    add_flag(parser, '--channels-last', 'train in the memory layout that convolutions prefer')
    add_flag(parser, '--no-persistent-workers', 'start data loading processes anew each epoch')
    parser.add_argument(
        '--method',
        action='append',
        default=[],
        metavar='NAME',
        help=f'also train with {", ".join(METHODS)}, or a method of your own; may be given several '
        'times',
    )
    parser.add_argument(
        '--test-domain',
        metavar='NAME',
        help='of a data set of several domains: train on the others, test on this one',
    )
    add_common_arguments(parser)
    ct = parser.add_argument_group('Counterbalancing Teacher')
    add_flag(ct, '--ct', 'switch CT on in the config of an ImageClassifier with BN')
    ct.add_argument('--teacher', help='checkpoint of a BN-free teacher to use')
    add_flag(ct, '--retrain-teacher', 'train a new teacher; the one in the work dir is moved aside')
    add_flag(ct, '--allow-weak-teacher', 'continue with a teacher that is not above chance')
    return parser.parse_args(argv)


def _train(args: Namespace) -> None:
    from .console import run_console
    from .training import train

    with run_console(args.verbose) as console:
        train(args, console)


main = command('train.py', __doc__, parse_args, _train, 'stopped; continue with --resume')
