"""What the command-line tools share: options, configs, errors."""

import argparse
import copy
import difflib
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn
from urllib.error import URLError

from mmengine.config import Config, ConfigDict, DictAction
from mmengine.device import get_device
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from .errors import CTError
from .switch import teacher_hook
from .teacher_config import type_name

# Errors that a user's config or files cause while a run is being built.
_USER_ERRORS = (
    CTError,
    OSError,
    URLError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    ImportError,
    SyntaxError,
    RuntimeError,
)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line with the nearest option."""

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
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override settings of the config: key=value, key="[a,b]"',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='job launcher',
    )
    # torchrun's predecessor passes it, in either spelling.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def load_config(path: str) -> Config:
    """Read a config file, or one that an installed mm package ships.

    Args:
        path (str): A file, or ``package::file`` such as
            ``mmpretrain::resnet/resnet18_8xb16_cifar10.py``.

    Returns:
        Config: The config.

    Raises:
        CTError: If there is no such file; near names are suggested.
    """
    package, separator, name = path.rpartition('::')
    file = Path(path)
    if separator:
        spec = importlib.util.find_spec(package) if package else None
        if spec is None:
            raise CTError(f'config {path}: there is no package {package!r}')
        file = Path(spec.submodule_search_locations[0]) / '.mim' / 'configs' / name
    if not file.is_file():
        beside = [str(other.name) for other in file.parent.glob('*.py')]
        near = difflib.get_close_matches(file.name, beside, n=3)
        hint = f'; near it: {", ".join(near)}' if near else ''
        raise CTError(f'config {path} does not exist{hint}')
    return Config.fromfile(file)


def merge_common_arguments(cfg: Config, args: argparse.Namespace) -> None:
    """Put the common options into a config.

    Args:
        cfg (Config): Changed in place.
        args (argparse.Namespace): What the parser gave.
    """
    # Launchers that predate torchrun pass the rank as an option.
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config.split('::')[-1]).stem)


def set_loader_defaults(cfg: Config, field: str, **defaults: object) -> None:
    """Fill in what mmpretrain's own tools add to a data loader.

    Without the collate function images would be normalised one by one.

    Args:
        cfg (Config): Changed in place.
        field (str): Such as 'train_dataloader'.
        **defaults: Settings for where the config has none.
    """
    if cfg.get(field) is None:
        return
    loader = ConfigDict(collate_fn=dict(type='default_collate'), **defaults)
    loader.update(copy.deepcopy(cfg[field]))
    # Workers cannot persist where there are none.
    if not loader.get('num_workers'):
        loader.pop('persistent_workers', None)
    cfg[field] = loader


def check_amp(cfg: Config) -> None:
    """Refuse mixed precision where it cannot be had.

    Args:
        cfg (Config): The training config.

    Raises:
        CTError: If the optimizer wrapper is of another kind, or there is no
            accelerator.
    """
    kind = type_name(cfg.optim_wrapper) or 'OptimWrapper'
    if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise CTError(
            f'--amp cannot be used with optim_wrapper.type={kind}: only OptimWrapper '
            'has a mixed-precision twin'
        )
    if get_device() == 'cpu':
        raise CTError(
            '--amp needs an accelerator (mmengine runs AmpOptimWrapper on CUDA and '
            'the like), but this machine has only a CPU: leave --amp out'
        )


def build_runner(cfg: Config) -> Runner:
    """Build a Runner of the config's kind.

    Args:
        cfg (Config): A complete config.

    Returns:
        Runner: Of ``runner_type`` where the config names one.
    """
    return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)


def check_classes(loader: DataLoader, runner: Runner) -> None:
    """Refuse a head that has not as many outputs as the data has classes.

    Args:
        loader (DataLoader): Loader of the data.
        runner (Runner): Holds the model.

    Raises:
        CTError: Names both numbers.
    """
    classes = getattr(loader.dataset, 'metainfo', {}).get('classes')
    head = getattr(getattr(runner.model, 'module', runner.model), 'head', None)
    expected = getattr(head, 'num_classes', None)
    if classes is not None and expected is not None and len(classes) != expected:
        raise CTError(
            f'the data has {len(classes)} classes but the head has {expected}: set '
            f'model.head.num_classes={len(classes)}, or check the data folder'
        )


def set_teacher_options(cfg: Config, **options: object) -> None:
    """Put options of the command line into the teacher hook.

    Args:
        cfg (Config): Changed in place.
        **options: Arguments of ``NoBNTeacherHook``; None and False are left
            out.

    Raises:
        CTError: If an option is given but the config has no such hook.
    """
    given = {name: value for name, value in options.items() if value}
    hook = teacher_hook(cfg)
    if given and hook is None:
        raise CTError(
            'options for the teacher need a CT config: add --ct, or '
            "dict(type='NoBNTeacherHook') to custom_hooks"
        )
    for name, value in given.items():
        hook[name] = value


def run_tool(name: str, build: Callable[[], Callable[[], object]]) -> int:
    """Run a tool and turn a user's errors into one line.

    Set ``MMCT_TRACEBACK=1`` to see where an error comes from.

    Args:
        name (str): The tool's name, for the message.
        build (Callable): Reads the options, builds all there is to build, and
            returns what is then to run. While it builds, any usual error is
            taken for the config's; later only those that name a remedy.

    Returns:
        int: The exit code: 0, 2 after an error, 130 after Ctrl-C.
    """
    show = bool(os.environ.get('MMCT_TRACEBACK'))
    try:
        try:
            run = build()
        except _USER_ERRORS as error:
            if show:
                raise
            return _fail(name, error)
        try:
            run()
        except (CTError, OSError) as error:
            if show:
                raise
            return _fail(name, error)
    except KeyboardInterrupt:
        print(f'{name}: stopped; go on with --resume', file=sys.stderr)
        return 130
    return 0


def _fail(name: str, error: BaseException) -> int:
    # A KeyError's text is the repr of its message.
    text = str(error.args[0]) if isinstance(error, KeyError) else str(error)
    line = ' '.join(text.split()) or type(error).__name__
    print(f'{name}: error: {line}', file=sys.stderr)
    return 2
