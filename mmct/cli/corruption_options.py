"""Define the options that turn a test into a corruption scorecard."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmct.corruptions.names import TABLES
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
    imagenet3dcc='ImageNet3DCC',
    arrays='ArrayCorruptionSet',
    folders='FolderCorruptionSet',
)
"""The data set class of each value of ``--corruptions``."""

# Sets whose files have known digests.
_RELEASED = ('cifar10c', 'cifar100c')
# Sets that can be downloaded from a public record.
_RECORDED = (*_RELEASED, 'imagenetc', 'tinyimagenetc')
# Options that need --corruptions, by the kind of set to which they apply.
_FOR_FILES = ('data_root', 'download', 'check_md5')
_FOR_GENERATED = ('seed', 'table')
_FOR_ANY = (
    'only', 'severities', 'no_clean', 'reference', 'name', 'classes_by_position', 'subset',
    'no_report',
)  # fmt: skip


def add_corruption_arguments(parser: Parser) -> None:
    """Add the options for scoring on corrupted images.

    Args:
        parser (Parser): The parser to which the options are added.
    """
    group = parser.add_argument_group('corruption scorecard')
    group.add_argument(
        '--corruptions',
        type=known_set,
        metavar='SET',
        help='score on all cells (corruptions at a severity) of a corruption set: '
        f'{", ".join(SETS)}; generated: made from the test set of the config',
    )
    add_cell_arguments(group)
    add_flag(
        group,
        '--download',
        'download the files of the released set that the folder lacks (gigabytes); resumes an '
        f'interrupted download; for {", ".join(_RECORDED)}',
    )
    add_flag(group, '--check-md5', 'compare the files with the released ones')
    add_flag(group, '--no-clean', 'leave out the clean images of the config')
    group.add_argument(
        '--reference',
        help="normalise by 'alexnet' (ImageNet-C only) or by an earlier result file",
    )
    group.add_argument(
        '--name',
        help="name of the run in tables; default that in the result file, or the config's",
    )
    add_flag(group, '--no-report', 'do not write the page beside the result file')


def add_cell_arguments(group: argparse._ArgumentGroup) -> None:
    """Add the options that choose the images of a corruption set, and how classes are compared.

    Args:
        group (argparse._ArgumentGroup): The group to which the options are added.
    """
    group.add_argument('--data-root', metavar='FOLDER', help='folder of the set')
    group.add_argument(
        '--only',
        nargs='+',
        metavar='NAME',
        help="these corruptions, or categories such as 'weather'; for generated also cifar10cbar "
        'and imagenetcbar, the ten of each C-Bar set; default: all of a stored set, or the 19',
    )
    group.add_argument(
        '--severities',
        nargs='+',
        type=severity_argument,
        metavar='N',
        help='severities, default all, 1 to 5',
    )
    # No default: one that is given is refused where nothing is generated.
    group.add_argument(
        '--seed', type=seed_argument, help='seed of generated corruptions, default 0'
    )
    group.add_argument(
        '--table',
        choices=TABLES,
        help='severity table of generated corruptions, default by image size',
    )
    add_flag(
        group,
        '--classes-by-position',
        'take output N as class N of the images, whatever their names',
    )
    group.add_argument(
        '--subset',
        nargs='+',
        metavar='N',
        help='N images, evenly spaced and always the same; or the images of the named classes, '
        'or of those in a .txt file with one name per line',
    )


def subset_of(args: argparse.Namespace) -> int | list[str] | None:
    """Read the value of ``--subset``.

    Args:
        args (argparse.Namespace): The parsed options.

    Returns:
        int | list[str] | None: The subset for :func:`mmct.scoring.cell_sources.select`.

    Raises:
        OSError: If its file cannot be read.
    """
    words = args.subset
    if words is None or len(words) > 1:
        return words
    if words[0].isdecimal():
        return int(words[0])
    if words[0].endswith('.txt'):
        # Notepad begins a file with a byte order mark.
        lines = Path(words[0]).read_text(encoding='utf-8-sig').splitlines()
        return [line.strip() for line in lines if line.strip()]
    return words


def known_set(word: str) -> str:
    """Read the name of a corruption set.

    Args:
        word (str): The word on the command line.

    Raises:
        ArgumentTypeError: If there is no such set. The message suggests the most similar name.
    """
    if word in SETS:
        return word
    hint = suggestion(word.lower().replace('-', ''), SETS)
    raise argparse.ArgumentTypeError(f'there is no set {word!r}: {hint}')


def check_corruption_arguments(parser: Parser, args: argparse.Namespace) -> None:
    """Refuse options that would have no effect.

    Args:
        parser (Parser): The parser that exits with an error naming the option.
        args (argparse.Namespace): The parsed options.
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
        if args.download and args.corruptions not in _RECORDED:
            parser.error(f'--download is for {", ".join(_RECORDED)} alone')
        if args.check_md5 and args.corruptions not in _RELEASED:
            parser.error(f'--check-md5 is for {" and ".join(_RELEASED)} alone')
    if idle:
        parser.error(f'--{min(idle).replace("_", "-")} {remedy}')


def _classes_of(checkpoint: str) -> list[str] | None:
    """Read the names of a network's training classes from its checkpoint, if it has them."""
    from mmct.runs.weights import load

    found = load(checkpoint)
    meta = found.get('meta') if isinstance(found, dict) else None
    data = meta.get('dataset_meta') if isinstance(meta, dict) else None
    names = data.get('classes') if isinstance(data, dict) else None
    return [str(name) for name in names] if isinstance(names, (list, tuple)) else None


def set_corruptions(cfg: 'Config', args: argparse.Namespace) -> None:
    """Change the test of a config to one on a corruption set.

    Args:
        cfg (Config): A config with ``test_dataloader``. It is changed in place.
        args (argparse.Namespace): The parsed options.
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
        dataset |= {name: True for name in ('download', 'check_md5') if getattr(args, name)}
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
        classes=_classes_of(args.checkpoint),
        classes_by_position=args.classes_by_position,
        subset=subset_of(args),
        report=not args.no_report,
    )
    import_mmct(cfg)
