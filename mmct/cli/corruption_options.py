"""The options that turn a test into a corruption scorecard."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmct.messages import suggestion

from .options import Parser, add_flag, seed_argument, severity_argument

if TYPE_CHECKING:
    from mmengine.config import Config

SETS = dict(
    generated='GeneratedCorruptionSet',
    cifar10c='CIFAR10C',
    cifar100c='CIFAR100C',
    imagenetc='ImageNetC',
    tinyimagenetc='TinyImageNetC',
    cifar10cbar='CIFAR10CBar',
    imagenetcbar='ImageNetCBar',
    arrays='ArrayCorruptionSet',
    folders='FolderCorruptionSet',
)
"""The data set of each word that ``--corruptions`` takes."""

# Those of which the files' digests are known.
_RELEASED = ('cifar10c', 'cifar100c')
# Options that mean something with --corruptions alone, and where they go.
_FOR_FILES = ('data_root', 'check_md5')
_FOR_GENERATED = ('seed', 'table')
_FOR_ANY = ('only', 'severities', 'no_clean', 'reference', 'name', 'no_report')


def add_corruption_arguments(parser: Parser) -> None:
    """The options for scoring on corrupted images.

    Args:
        parser (Parser): Gets the options.
    """
    group = parser.add_argument_group('corruption scorecard')
    group.add_argument(
        '--corruptions',
        type=_known_set,
        metavar='SET',
        help=f'score on all cells of a corruption set: {", ".join(SETS)}; generated: made '
        "from the config's own test set",
    )
    group.add_argument('--data-root', help='folder of the set')
    group.add_argument(
        '--only', nargs='+', metavar='NAME', help='these corruptions, default all of the set'
    )
    group.add_argument(
        '--severities', nargs='+', type=severity_argument, metavar='N', help='default all, 1 to 5'
    )
    group.add_argument('--seed', type=seed_argument, help='of generated corruptions, default 0')
    group.add_argument(
        '--table', choices=['cifar', 'imagenet'], help='of generated ones, default by size'
    )
    add_flag(group, '--check-md5', 'compare the files with the released ones')
    add_flag(group, '--no-clean', 'without the clean images of the config')
    group.add_argument(
        '--reference',
        help="normalise by 'alexnet' (ImageNet-C alone) or by an earlier result file",
    )
    group.add_argument('--name', help="of the run, in tables; default the config's")
    add_flag(group, '--no-report', 'without the page beside the result file')


def _known_set(word: str) -> str:
    if word in SETS:
        return word
    hint = suggestion(word.lower().replace('-', ''), SETS)
    raise argparse.ArgumentTypeError(f'there is no set {word!r}: {hint}')


def check_corruption_arguments(parser: Parser, args: argparse.Namespace) -> None:
    """Refuse options that would have no effect.

    Args:
        parser (Parser): Ends the command, and names the option.
        args (argparse.Namespace): What it gave.
    """
    given = {name for name in (*_FOR_FILES, *_FOR_GENERATED, *_FOR_ANY) if getattr(args, name)}
    if args.seed is not None:
        given.add('seed')
    if args.corruptions is None:
        idle, remedy = given, 'needs --corruptions SET'
    elif args.corruptions == 'generated':
        idle, remedy = given & set(_FOR_FILES), 'is for a set on disk, not for generated'
    else:
        idle, remedy = given & set(_FOR_GENERATED), 'is for --corruptions generated alone'
        if args.data_root is None:
            parser.error(f'--corruptions {args.corruptions} needs --data-root FOLDER')
        if args.check_md5 and args.corruptions not in _RELEASED:
            parser.error(f'--check-md5 is for {" and ".join(_RELEASED)} alone')
    if idle:
        parser.error(f'--{min(idle).replace("_", "-")} {remedy}')


def set_corruptions(cfg: 'Config', args: argparse.Namespace) -> None:
    """Make a config's test one on a corruption set.

    Args:
        cfg (Config): Changed in place; with ``test_dataloader``.
        args (argparse.Namespace): What the parser gave.
    """
    from mmengine.config import ConfigDict

    from mmct.datasets.images import order_of_dataset
    from mmct.runs.configs import import_mmct, scoped

    own = cfg.test_dataloader.dataset
    dataset = dict(
        type=scoped(cfg, SETS[args.corruptions]),
        corruptions=args.only,
        severities=args.severities,
    )
    generated = args.corruptions == 'generated'
    if generated:
        dataset |= dict(dataset=own, seed=args.seed or 0, table=args.table)
    else:
        dataset |= dict(data_root=args.data_root, channel_order=order_of_dataset(own))
        if args.check_md5:
            dataset['check_md5'] = True
    adapted = f'_bn{args.recalibrate_bn}' if args.recalibrate_bn else ''
    stem = f'scorecard_{args.corruptions}_{Path(args.checkpoint).stem}{adapted}'
    cfg.test_dataloader.dataset = ConfigDict(dataset)
    cfg.test_evaluator = ConfigDict(type=scoped(cfg, 'CorruptionError'), reference=args.reference)
    cfg.test_cfg = ConfigDict(
        type=scoped(cfg, 'CorruptionTestLoop'),
        clean=None if generated or args.no_clean else own,
        with_clean=not args.no_clean,
        out=args.out or str(Path(cfg.work_dir) / f'{stem}.json'),
        name=args.name,
        fp16=bool((cfg.get('test_cfg') or {}).get('fp16')),
        recalibrate_bn=args.recalibrate_bn,
        report=not args.no_report,
    )
    import_mmct(cfg)
