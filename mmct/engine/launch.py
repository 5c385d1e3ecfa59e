"""What the command-line tools share: options, configs, errors."""

import argparse
import copy
import difflib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn
from urllib.error import URLError

from mmengine.config import Config, ConfigDict, DictAction
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmct.paths import config_path

from .checkpoint import load_state_dict
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

CONFIG_HELP = 'config file, or mmpretrain::folder/file.py, or mmct::file.py'


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
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=_CfgOptions,
        help='override settings of the config: key=value, key="[a,b]"',
    )
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
        raise CTError(f'config {path} does not exist{hint}')
    return Config.fromfile(file)


def _package_configs(path: str, package: str) -> Path:
    """The folder of configs that an installed mm package ships."""
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or not spec.submodule_search_locations:
        raise CTError(f'config {path}: there is no package {package!r}')
    return Path(spec.submodule_search_locations[0]) / '.mim' / 'configs'


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


def merge_common_arguments(cfg: Config, args: argparse.Namespace) -> None:
    """Put the common options into a config.

    Args:
        cfg (Config): Changed in place.
        args (argparse.Namespace): What the parser gave.

    Raises:
        CTError: If the launcher is named but did not start this process.
    """
    # Launchers that predate torchrun pass the rank as an option.
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if args.launcher == 'pytorch' and 'RANK' not in os.environ:
        raise CTError('--launcher pytorch needs torchrun: torchrun --nproc-per-node N tools/...')
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config.split('::')[-1]).stem)


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


class _DumpConfig(Hook):
    """Dumps the config when the teacher is there and training begins."""

    priority = 'VERY_LOW'

    def before_train(self, runner: Runner) -> None:
        dump_config(runner)


def build_runner(cfg: Config) -> Runner:
    """Build a Runner of the config's kind that dumps its config late.

    A Runner of mmengine does it when it is built. Then a start that is
    refused, or a test, would replace the config of the run in the work dir.

    Args:
        cfg (Config): A complete config.

    Returns:
        Runner: Of ``runner_type`` where the config names one.

    Raises:
        CTError: If there is no such type, or no model.
    """
    if not cfg.get('model'):
        raise CTError(f'config {cfg.filename} has no model')
    name = cfg.get('runner_type', 'Runner')
    kind = RUNNERS.get(name)
    if kind is None:
        raise CTError(f'runner_type={name}: there is no such Runner')
    late = type(kind.__name__, (kind,), dict(dump_config=_keep_config))
    runner = late.from_cfg(cfg)
    runner.register_hook(_DumpConfig())
    return runner


def _keep_config(runner: Runner) -> None:
    # A copy: what is built from the config later may change it.
    runner.config_to_dump = copy.deepcopy(runner.cfg)


def dump_config(runner: Runner, replace: bool = True) -> None:
    """Write the config into the work dir, under the name of its file.

    Args:
        runner (Runner): Built by :func:`build_runner`.
        replace (bool): Whether to replace an earlier run's.
            Defaults to True.
    """
    name = Path(runner.cfg.filename or f'{runner.timestamp}.py').name
    file = Path(runner.work_dir) / name
    if is_main_process() and (replace or not file.exists()):
        runner.config_to_dump.dump(str(file))


def data_loader(runner: Runner, split: str) -> DataLoader:
    """Build the loader of a split, and check its classes.

    Args:
        runner (Runner): Of which the loader is.
        split (str): 'train', 'val' or 'test'.

    Returns:
        DataLoader: The runner's own.

    Raises:
        CTError: If there is no data, or the head does not fit.
    """
    field = f'{split}_dataloader'
    try:
        loader = getattr(runner, field)
    except (OSError, RuntimeError) as error:
        where = getattr(error, 'filename', None)
        cause = f'{where} does not exist' if where else str(error).rstrip('.')
        raise CTError(
            f'no data for {field}: {cause}; put the data there, or name its '
            f'folder with --cfg-options {field}.dataset.data_root=FOLDER'
        ) from error
    check_classes(loader, runner)
    return loader


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


def check_checkpoint(path: str, runner: Runner) -> None:
    """Refuse a checkpoint that lacks weights of the model.

    mmengine would only log what is missing and test with random weights.

    Args:
        path (str): The file.
        runner (Runner): Holds the model.

    Raises:
        CTError: Names the first parameter.
    """
    model = getattr(runner.model, 'module', runner.model)
    found = load_state_dict(path)
    found = {name.removeprefix('module.'): w for name, w in found.items()}
    wrong = [
        name
        for name, value in model.state_dict().items()
        if not name.endswith('num_batches_tracked')
        and (name not in found or found[name].shape != value.shape)
    ]
    if wrong:
        raise CTError(
            f'checkpoint {path} does not fit the model: {len(wrong)} weights are '
            f'missing or of another shape, the first is {wrong[0]}; give the '
            'config that it was trained with'
        )


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


def run_tool(
    name: str, build: Callable[[], Callable[[], object]], stopped: str = 'stopped'
) -> int:
    """Run a tool and turn a user's errors into one line.

    Set ``MMCT_TRACEBACK=1`` to see where an error comes from.

    Args:
        name (str): The tool's name, for the message.
        build (Callable): Reads the options, builds all there is to build, and
            returns what is then to run. While it builds, any usual error is
            taken for the config's; later only those that name a remedy.
        stopped (str): What to say after Ctrl-C. Defaults to 'stopped'.

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
        print(f'{name}: {stopped}', file=sys.stderr)
        return 130
    return 0


def _fail(name: str, error: BaseException) -> int:
    # A KeyError's text is the repr of its message.
    text = str(error.args[0]) if isinstance(error, KeyError) else str(error)
    line = ' '.join(text.split()) or type(error).__name__
    if not isinstance(error, (CTError, OSError)):
        line += f' ({type(error).__name__}; MMCT_TRACEBACK=1 shows where)'
    print(f'{name}: error: {line}', file=sys.stderr)
    return 2
