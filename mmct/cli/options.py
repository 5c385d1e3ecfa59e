"""Finding the config that a user names."""

import argparse
import copy
import difflib
import importlib.util
import inspect
import os
from pathlib import Path
from typing import NoReturn

from mmengine.config import Config, ConfigDict, DictAction
from mmengine.device import get_device
from mmengine.runner import Runner

from mmct.paths import config_path
from mmct.runs.configs import type_name, use_resumable_checkpoints
from mmct.runs.errors import CTError
from mmct.runs.ranks import check_launcher
from mmct.teacher.config import teacher_hook


def load_config(path: str) -> Config:
    """Read a config file, or one that an installed mm package ships.

    Args:
        path (str): A file, or ``package::file`` such as
            ``mmpretrain::resnet/resnet18_8xb16_cifar10.py``, or
            ``mmct::ct_resnet18_digits.py``.

    Returns:
        Config: The config.

    Raises:
        CTError: If there is no such file; near names are suggested.
    """
    package, separator, name = path.rpartition('::')
    if package == 'mmct':
        return Config.fromfile(config_path(name))
    file = Path(path)
    beside = file.parent.glob('*.py')
    if separator:
        root = _package_configs(path, package)
        file, beside = root / name, root.rglob('*.py')
    if not file.is_file():
        root = root if separator else file.parent
        names = {other.name: str(other.relative_to(root)) for other in beside}
        near = difflib.get_close_matches(file.name, names, n=3)
        hint = f'; near it: {", ".join(names[n] for n in near)}' if near else ''
        raise CTError(f'there is no config file {path}{hint}')
    return Config.fromfile(file)


def _package_configs(path: str, package: str) -> Path:
    """The folder of configs that an installed mm package ships."""
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or not spec.submodule_search_locations:
        raise CTError(f'config {path}: there is no package {package!r}')
    return Path(spec.submodule_search_locations[0]) / '.mim' / 'configs'


CONFIG_HELP = 'config file, or mmpretrain::folder/file.py, or mmct::file.py'


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line with the nearest option."""

    def __init__(self, *args, **kwargs) -> None:
        # A misspelt option must not pass for another one's abbreviation.
        super().__init__(*args, allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Exit with code 2.

        Args:
            message (str): What argparse has to say.
        """
        known = [name for action in self._actions for name in action.option_strings]
        unknown = [word for word in message.split() if word.startswith('--')]
        hint = 'see --help'
        if message.startswith('unrecognized') and unknown:
            near = difflib.get_close_matches(unknown[0].split('=')[0], known, n=1)
            hint = f'did you mean {near[0]}?' if near else hint
        self.exit(2, f'{self.prog}: error: {message}; {hint}\n')


class _CfgOptions(DictAction):
    """mmengine's KEY=VALUE options, with an error that names the word."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        for word in values:
            if '=' not in word:
                raise argparse.ArgumentError(self, f'{word!r} is not KEY=VALUE')
        super().__call__(parser, namespace, values, option_string)


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that training and testing have in common.

    Args:
        parser (argparse.ArgumentParser): Gets the options.
    """
    parser.add_argument(
        '--work-dir', help='folder for logs, checkpoints and results'
    )
    parser.add_argument(
        '--amp', action='store_true', help='automatic mixed precision'
    )
    parser.add_argument(
        '--no-pin-memory', action='store_true', help='do not pin memory for transfers'
    )
    add_cfg_options(parser)
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='job launcher',
    )
    # torchrun's predecessor passes it, in either spelling.
    parser.add_argument(
        '--local_rank',
        '--local-rank',
        type=int,
        default=0,
        help='given by the launcher',
    )


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """The option that changes single settings of the config.

    Args:
        parser (argparse.ArgumentParser): Gets the option.
    """
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=_CfgOptions,
        help='override settings of the config: key=value, key="[a,b]"',
    )


def merge_cfg_options(cfg: Config, args: argparse.Namespace) -> None:
    """Put ``--cfg-options`` into a config.

    Args:
        cfg (Config): Changed in place.
        args (argparse.Namespace): What the parser gave.

    Raises:
        CTError: If an option looks like a misspelt one: mmengine would take
            it and nothing would read it.
    """
    options = args.cfg_options or {}
    known = {*cfg, *inspect.signature(Runner).parameters}
    for key in options:
        name = key.split('.')[0]
        near = difflib.get_close_matches(name, known - {name}, n=1, cutoff=0.8)
        if name not in known and near:
            raise CTError(
                f'--cfg-options {key}: the config has no {name}; did you mean '
                f'{near[0]}?'
            )
    cfg.merge_from_dict(options)


def merge_common_arguments(
    cfg: Config, args: argparse.Namespace, suffix: str = ''
) -> None:
    """Put the common options into a config.

    Args:
        cfg (Config): Changed in place.
        args (argparse.Namespace): What the parser gave.
        suffix (str): Added to the name of the work dir where neither the
            options nor the config name one. Defaults to ''.

    Raises:
        CTError: If the launcher is named but did not start this process.
    """
    # Launchers that predate torchrun pass the rank as an option.
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    check_launcher(args.launcher)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        stem = Path(args.config.split('::')[-1]).stem
        cfg.work_dir = str(Path('work_dirs') / f'{stem}{suffix}')


def set_loader_defaults(
    cfg: Config, field: str, args: argparse.Namespace, **defaults: object
) -> None:
    """Fill in what mmpretrain's own tools add to a data loader.

    Without the collate function images would be normalised one by one.

    Args:
        cfg (Config): Changed in place.
        field (str): Such as 'train_dataloader'.
        args (argparse.Namespace): What the parser gave.
        **defaults: More settings for where the config has none.
    """
    if cfg.get(field) is None:
        return
    loader = ConfigDict(
        collate_fn=dict(type='default_collate'),
        # On a CPU alone torch would warn at every epoch.
        pin_memory=get_device() != 'cpu',
        **defaults,
    )
    loader.update(copy.deepcopy(cfg[field]))
    if args.no_pin_memory:
        loader.pin_memory = False
    if getattr(args, 'no_persistent_workers', False):
        loader.persistent_workers = False
    # Workers cannot persist where there are none. Said, as mmpretrain's tool
    # has another default for a dumped config.
    if not loader.get('num_workers'):
        loader.persistent_workers = False
    cfg[field] = loader


def set_teacher_options(cfg: Config, **options: object) -> None:
    """Put options of the command line into the teacher hook.

    Args:
        cfg (Config): Changed in place.
        **options: Arguments of ``NoBNTeacherHook``; None and False are left
            out.

    Raises:
        CTError: If an option is given but the config has no such hook, or
            it has half of CT.
    """
    given = {name: value for name, value in options.items() if value}
    hook = teacher_hook(cfg)
    if hook is None and type_name(cfg.get('model')) == 'CTClassifier':
        raise CTError(
            'the model is a CTClassifier, but custom_hooks has no '
            "NoBNTeacherHook: add --ct, or dict(type='NoBNTeacherHook')"
        )
    if given and hook is None:
        raise CTError(
            'options for the teacher need a CT config: add --ct, or '
            "dict(type='NoBNTeacherHook') to custom_hooks"
        )
    for name, value in given.items():
        hook[name] = value


def set_checkpoints(cfg: Config, allow_other_config: bool) -> None:
    """Make the run's checkpoints such that it can be resumed unchanged.

    Args:
        cfg (Config): Changed in place.
        allow_other_config (bool): Whether to resume a checkpoint that was
            saved with other settings.

    Raises:
        CTError: If that is asked of a checkpoint hook that does not check.
    """
    hook = use_resumable_checkpoints(cfg)
    if not allow_other_config:
        return
    if type_name(hook) != 'ResumableCheckpointHook':
        raise CTError('--allow-other-config needs default_hooks.checkpoint to be a CheckpointHook')
    hook.on_other_config = 'warn'
