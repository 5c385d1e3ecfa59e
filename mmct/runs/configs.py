"""Read and change configs: their class names, imports, schedule and start."""

import copy
import difflib
import importlib.util
import sys
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.hooks import EMAHook
from mmengine.registry import Registry
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from mmct.messages import of_other_kind, suggestion
from mmct.paths import config_path

from .errors import ConfigError, CTError, one_line
from .identity import FIELDS, UNKNOWN, hooks_of, schedulers_of, start_of


def load_config(path: str) -> Config:
    """Read a config file, or a config that an installed mm package ships.

    Modules that a file names in ``custom_imports`` may lie beside it, or in the current folder.

    Args:
        path (str): A file, or ``package::file`` such as
            ``mmpretrain::resnet/resnet18_8xb16_cifar10.py``, or
            ``mmct::ct_resnet18_digits.py``.

    Returns:
        Config: The config.

    Raises:
        CTError: If the file does not exist (the message suggests similar names), or cannot be
            read.
    """
    file = _config_file(path)
    if '::' not in path:
        _find_modules_in(Path(file).resolve().parent, Path.cwd())
    try:
        return Config.fromfile(file)
    # A config is the user's code and may raise anything.
    except Exception as error:
        text = f'config {path} cannot be read: {one_line(error)} ({type(error).__name__})'
        if 'get_package_and_cfg_path' in text or 'does not support to load mmct' in text:
            text = (
                f'config {path}: mmengine cannot inherit from mmct::NAME.py; write '
                "_base_ = [__import__('mmct').config_path('NAME')]"
            )
        raise ConfigError(text) from error


def _find_modules_in(*folders: Path) -> None:
    # At the end: what is installed must not be hidden by a user's file.
    sys.path += [name for name in dict.fromkeys(map(str, folders)) if name not in sys.path]


def _config_file(path: str) -> Path | str:
    package, separator, name = path.rpartition('::')
    if package == 'mmct':
        return config_path(name)
    root = _package_configs(path, package) if separator else Path(path).parent
    file = root / name if separator else Path(path)
    if not file.is_file():
        others = root.rglob('*.py') if separator else root.glob('*.py')
        names = {other.name: str(other.relative_to(root)) for other in others}
        near = [names[n] for n in difflib.get_close_matches(file.name, names, n=3)]
        with suppress(FileNotFoundError):
            near.append(f'mmct::{Path(config_path(file.name)).name}')
        hint = f'; similar: {", ".join(near)}' if near else ''
        said = of_other_kind(file) if file.exists() else f'{path} does not exist{hint}'
        raise CTError(f'config file {said}')
    return file


def _package_configs(path: str, package: str) -> Path:
    """Find the folder of configs that an installed mm package ships."""
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or not spec.submodule_search_locations:
        raise CTError(f'config {path}: there is no package {package!r}')
    return Path(spec.submodule_search_locations[0]) / '.mim' / 'configs'


def scoped(cfg: Mapping, name: str) -> str:
    """Return the name of a registered class for ``type`` in a config.

    Args:
        cfg (Mapping): The config.
        name (str): Name in mmpretrain's registry.

    Returns:
        str: The bare name, or ``mmpretrain.<name>`` if the config has another
        default scope or none (as pure-Python configs).
    """
    return name if cfg.get('default_scope') == 'mmpretrain' else f'mmpretrain.{name}'


def type_name(cfg: Mapping) -> str:
    """Return the class name in a config's ``type``, without its scope.

    Args:
        cfg (Mapping): A dict with ``type``, which is a string, or a class as in
            pure-Python configs.

    Returns:
        str: The class name, such as 'EMAHook'.
    """
    kind = cfg.get('type', '') if isinstance(cfg, Mapping) else type(cfg)
    return kind.split('.')[-1] if isinstance(kind, str) else kind.__name__


def check_key(cfg: Config, key: str, where: str, read: Collection[str] = FIELDS) -> None:
    """Refuse a setting that nothing reads, which mmengine would silently accept.

    It is misspelt, or a variable of the config, from which parts were made when it was read.

    Args:
        cfg (Config): The config into which the setting will be merged.
        key (str): The dotted key, of which the first part is checked.
        where (str): Origin of the setting, for the message.
        read (Collection[str]): The keys that are read. Defaults to those of a Runner.

    Raises:
        CTError: If the setting would change nothing.
    """
    name = key.split('.')[0]
    if name in read:
        return
    if name in cfg:
        raise CTError(
            f'{where} {key}: {name} is a variable, from which the config has made its parts: '
            'change those'
        )
    raise CTError(f'{where} {key}: the config has no {name}; {suggestion(name, read)}')


def is_kind(cfg: Any, base: type, registry: Registry) -> bool:
    """Check whether a config builds a class or a subclass of it.

    Args:
        cfg (Any): A dict with ``type``, or anything else.
        base (type): The class.
        registry (Registry): The registry that resolves names of classes.

    Returns:
        bool: True if so; False for anything but such a config.
    """
    kind = cfg.get('type') if isinstance(cfg, Mapping) else type(cfg)
    kind = registry.get(kind) if isinstance(kind, str) else kind
    return isinstance(kind, type) and issubclass(kind, base)


def use_resumable_checkpoints(cfg: Config) -> ConfigDict | None:
    """Replace mmengine's checkpoint hook by :class:`~mmct.engine.ResumableCheckpointHook`.

    A hook of another class than ``CheckpointHook`` stays unchanged.

    Args:
        cfg (Config): A training config, changed in place.

    Returns:
        ConfigDict: The settings of the checkpoint hook; None if the config
        saves no checkpoints.
    """
    hooks = ConfigDict(cfg.get('default_hooks') or {})
    # mmengine's default for configs without the setting.
    hooks.setdefault('checkpoint', ConfigDict(type='CheckpointHook', interval=1))
    if type_name(hooks.checkpoint) in ('', 'CheckpointHook'):
        hooks.checkpoint.type = scoped(cfg, 'ResumableCheckpointHook')
        import_mmct(cfg)
    cfg.default_hooks = hooks
    return cfg.default_hooks.checkpoint


def import_mmct(cfg: Config) -> None:
    """Make a config with mmct's classes import mmct, in stock tools as well.

    Args:
        cfg (Config): The config, changed in place.
    """
    import_also(cfg, ['mmct'])


def custom_imports(cfg: Config) -> list[str]:
    """List the modules that a config imports.

    Args:
        cfg (Config): A config, whose ``custom_imports`` may name one or more modules.

    Returns:
        list[str]: The names of the modules.
    """
    names = (cfg.get('custom_imports') or {}).get('imports') or []
    return [names] if isinstance(names, str) else list(names)


def import_also(cfg: Config, modules: Sequence[str]) -> None:
    """Make a config import further modules.

    Args:
        cfg (Config): The config, changed in place.
        modules (Sequence[str]): Names of the modules.
    """
    names = custom_imports(cfg)
    more = [name for name in modules if name not in names]
    if more:
        imports = cfg.get('custom_imports') or dict(allow_failed_imports=False)
        cfg.custom_imports = {**imports, 'imports': [*names, *more]}


def resume_from(cfg: Config, checkpoint: str | None) -> None:
    """Make a run resume from a checkpoint, and keep the origin of its initial weights.

    Args:
        cfg (Config): The config, changed in place.
        checkpoint (str, optional): The checkpoint. None stands for a run without any yet, for
            which ``load_from`` still applies.
    """
    if checkpoint is None:
        cfg.resume = False
        return
    cfg.start_from = start_of(cfg)
    cfg.resume, cfg.load_from = True, checkpoint


def start_anew(cfg: Config, path: str) -> None:
    """Make the dumped config of a resumed run start as that run did, in place.

    Args:
        cfg (Config): Any config.
        path (str): Its file, for the message.

    Raises:
        CTError: If it resumes a checkpoint, and does not say with which weights that run began.
    """
    if not cfg.get('resume'):
        if cfg.get('load_from'):
            cfg.pop('start_from', None)
        return
    start = start_of(cfg) if cfg.get('load_from') else None
    if start == UNKNOWN:
        raise CTError(
            f'{path} resumes a run, and does not say with which weights it began: set '
            'resume=False, and load_from to these or to None'
        )
    cfg.load_from, cfg.resume = start, False
    cfg.pop('start_from', None)


# Settings of a scheduler in epochs or iterations.
_TIMES = ('begin', 'end', 'T_max', 'milestones', 'step_size', 'total_steps',
          'total_iters', 'periods')  # fmt: skip
# Schedulers that multiply by `gamma` at each epoch or iteration.
_DECAY_A_STEP = ('ExponentialLR', 'ExponentialMomentum', 'ExponentialParamScheduler')
# Changes augmentation and loss during a training.
_SWITCHES = 'SwitchRecipeHook'
# mmengine's "never ends".
_FOREVER = int(1e9)


def length_key(cfg: Config) -> str:
    """Return the key of the length of a training, which depends on its unit.

    Args:
        cfg (Config): The config of the training.

    Returns:
        str: The key in ``train_cfg``, 'max_epochs' or 'max_iters'.
    """
    return 'max_epochs' if 'max_epochs' in cfg.train_cfg else 'max_iters'


def set_length(cfg: Config, length: int) -> None:
    """Change the length of a training, and stretch its whole schedule.

    An ``EMAHook`` and the recipes of a ``SwitchRecipeHook`` begin at the same part of it. The
    validation interval does not change.

    Args:
        cfg (Config): The config, changed in place.
        length (int): The new length in the unit of the config, epochs or iterations.
    """
    key = length_key(cfg)
    ratio = length / cfg.train_cfg[key]
    if ratio == 1:
        return
    cfg.train_cfg[key] = length
    for scheduler in schedulers_of(cfg):
        for name in _TIMES:
            if name in scheduler:
                scheduler[name] = _scaled(name, scheduler[name], ratio)
        if type_name(scheduler) in _DECAY_A_STEP and 'gamma' in scheduler:
            scheduler.gamma = scheduler.gamma ** (1 / ratio)
    for switch in recipe_switches(cfg):
        if switch.get('action_epoch'):
            # The first epoch, counted from 1, of the new recipe.
            switch.action_epoch = 1 + round((switch.action_epoch - 1) * ratio)
    scale_averages(hooks_of(cfg), ratio)


def scale_averages(hooks: Iterable[Any], ratio: float) -> None:
    """Let the ``EMAHook`` of a longer training begin at the same part of it, in place.

    Args:
        hooks (Iterable): Hooks of any kind, or their settings.
        ratio (float): The new length as a multiple of the old one, > 0.
    """
    for hook in hooks:
        if isinstance(hook, Mapping) and is_kind(hook, EMAHook, HOOKS):
            for name in ('begin_epoch', 'begin_iter'):
                if hook.get(name):
                    hook[name] = _scaled(name, hook[name], ratio)


def recipe_switches(cfg: Config) -> list[ConfigDict]:
    """List the switches of mmpretrain's ``SwitchRecipeHook``, each with its epoch and pipeline.

    Args:
        cfg (Config): Any config.
    """
    hooks = [hook for hook in hooks_of(cfg) if isinstance(hook, Mapping)]
    found = [hook.get('schedule') or [] for hook in hooks if type_name(hook) == _SWITCHES]
    return [switch for schedule in found for switch in schedule]


def stretch(cfg: Config, times: float) -> None:
    """Multiply the length of a training with :func:`set_length`.

    Args:
        cfg (Config): The config, changed in place.
        times (float): The factor, > 0; the new length is rounded and at least 1.
    """
    set_length(cfg, max(1, round(times * cfg.train_cfg[length_key(cfg)])))


def _scaled(name: str, time: Any, ratio: float) -> Any:
    if isinstance(time, (list, tuple)):
        return [_scaled(name, value, ratio) for value in time]
    if not isinstance(time, (int, float, type(None))):
        raise CTError(f'{name} of the schedule must be a number, got {time!r}')
    if not time or time >= _FOREVER:
        return time
    return max(1, round(time * ratio))


def scale_learning_rate(runner: Runner, factor: float) -> None:
    """Multiply the learning rate of a run from its first step to its last.

    Warm-up and decay keep their form. An ``eta_min`` is an absolute rate and stays
    unchanged. Checkpoints of the run contain the scaled rate, so a resumed run must not be
    scaled again.

    Args:
        runner (Runner): A runner with optimizer and schedulers before its first step.
        factor (float): The factor, above 0.
    """
    # A schedule continues from the current value of the group; some also use its initial,
    # largest or smallest value.
    for group in runner.optim_wrapper.param_groups:
        for name in ('lr', 'initial_lr', 'max_lr', 'min_lr'):
            if name in group:
                group[name] *= factor
    for scheduler in runner.param_schedulers or []:
        # A plateau schedule has no base values, and continues from the value of the group.
        if scheduler.param_name == 'lr' and hasattr(scheduler, 'base_values'):
            scheduler.base_values = [value * factor for value in scheduler.base_values]


def reschedule(runner: Runner) -> None:
    """Bring the schedules of a resumed run to its epoch, as if each had had this run's length.

    They are left as they are with several optimizers, and where one of them goes on from a value of
    its own (``ReduceOnPlateauLR``, ``OneCycleLR``).

    Args:
        runner (Runner): A runner that has resumed a checkpoint, before its next step.
    """
    several = isinstance(runner.param_schedulers, dict)
    if several or any(_has_values_of_its_own(each) for each in runner.param_schedulers or []):
        runner.logger.warning('The schedules go on with the number of steps of the checkpoint')
        return
    settings = copy.deepcopy(runner.cfg.get('param_scheduler'))
    if not runner.param_schedulers or settings is None:
        return
    for group in runner.optim_wrapper.param_groups:
        group.update({
            name.removeprefix('initial_'): value
            for name, value in group.items()
            if name.startswith('initial_')
        })
        if 'betas' in group and 'initial_momentum' in group:
            group['betas'] = (group['initial_momentum'], *group['betas'][1:])
    with warnings.catch_warnings():
        # The optimizer makes no steps between.
        warnings.simplefilter('ignore')
        schedulers = runner.build_param_scheduler(settings)
        counts = {False: len(runner.train_dataloader), True: 1}
        for _, (by_epoch, steps) in product(range(runner.epoch), counts.items()):
            for _ in range(steps):
                for scheduler in schedulers:
                    if scheduler.by_epoch == by_epoch:
                        scheduler.step()
    runner.param_schedulers = schedulers


def _has_values_of_its_own(scheduler: Any) -> bool:
    return getattr(scheduler, 'need_val_args', False) or 'OneCycle' in type(scheduler).__name__
