"""The types that configs name."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner
from mmpretrain.registry import DATASETS

from mmct.datasets import MultiDomain

from .errors import CTError


def scoped(cfg: Mapping, name: str) -> str:
    """A class of ours as this config's ``type`` has to name it.

    Args:
        cfg (Mapping): The config.
        name (str): Name in mmpretrain's registry.

    Returns:
        str: The bare name, or ``mmpretrain.<name>`` where the config has
        another default scope or none (pure-Python configs).
    """
    return name if cfg.get('default_scope') == 'mmpretrain' else f'mmpretrain.{name}'


def type_name(cfg: Mapping) -> str:
    """The class name in a config's ``type``, without its scope.

    Args:
        cfg (Mapping): A dict with ``type``: a string, or a class as in
            pure-Python configs.

    Returns:
        str: For example 'EMAHook'.
    """
    kind = cfg.get('type', '') if isinstance(cfg, Mapping) else type(cfg)
    return kind.split('.')[-1] if isinstance(kind, str) else kind.__name__


def use_resumable_checkpoints(cfg: Config) -> ConfigDict | None:
    """Put :class:`ResumableCheckpointHook` in the place of mmengine's hook.

    Args:
        cfg (Config): A training config, changed in place.

    Returns:
        ConfigDict: The checkpoint hook's settings; None where the config has
        no checkpoints. Another class than ``CheckpointHook`` is left.
    """
    hooks = ConfigDict(cfg.get('default_hooks') or {})
    # mmengine's default, where a config says nothing.
    hooks.setdefault('checkpoint', ConfigDict(type='CheckpointHook', interval=1))
    if type_name(hooks.checkpoint) in ('', 'CheckpointHook'):
        hooks.checkpoint.type = scoped(cfg, 'ResumableCheckpointHook')
        import_mmct(cfg)
    cfg.default_hooks = hooks
    return cfg.default_hooks.checkpoint


def import_mmct(cfg: Config) -> None:
    """Make a config that names our classes load them, also in stock tools.

    Args:
        cfg (Config): Changed in place.
    """
    import_also(cfg, ['mmct'])


def custom_imports(cfg: Config) -> list[str]:
    """The modules that a config imports.

    Args:
        cfg (Config): Its ``custom_imports`` may name one, or several.
    """
    names = (cfg.get('custom_imports') or {}).get('imports') or []
    return [names] if isinstance(names, str) else list(names)


def import_also(cfg: Config, modules: Sequence[str]) -> None:
    """Make a config import further modules.

    Args:
        cfg (Config): Changed in place.
        modules (Sequence[str]): Their names.
    """
    names = custom_imports(cfg)
    more = [name for name in modules if name not in names]
    if more:
        imports = cfg.get('custom_imports') or dict(allow_failed_imports=False)
        cfg.custom_imports = {**imports, 'imports': [*names, *more]}


# Values of a scheduler that are counted in epochs or iterations.
_TIMES = ('begin', 'end', 'T_max', 'milestones', 'step_size', 'total_steps',
          'total_iters', 'periods')  # fmt: skip
# mmengine's "never ends".
_FOREVER = int(1e9)


def length_key(cfg: Config) -> str:
    """What the length of a training is counted in.

    Args:
        cfg (Config): Of the training.

    Returns:
        str: 'max_epochs' or 'max_iters', the key in ``train_cfg``.
    """
    return 'max_epochs' if 'max_epochs' in cfg.train_cfg else 'max_iters'


def set_length(cfg: Config, length: int) -> None:
    """Change the length of a training, and stretch its whole schedule.

    When it is validated does not change.

    Args:
        cfg (Config): Changed in place.
        length (int): In epochs or iterations, as the config counts.
    """
    key = length_key(cfg)
    ratio = length / cfg.train_cfg[key]
    if ratio == 1:
        return
    cfg.train_cfg[key] = length
    schedulers = cfg.get('param_scheduler') or []
    for scheduler in schedulers if isinstance(schedulers, list) else [schedulers]:
        for name in _TIMES:
            if name in scheduler:
                scheduler[name] = _scaled(scheduler[name], ratio)


def stretch(cfg: Config, times: float) -> None:
    """Train for a multiple of the length, by :func:`set_length`.

    Args:
        cfg (Config): Changed in place.
        times (float): > 0; what comes out is rounded, and at least 1.
    """
    set_length(cfg, max(1, round(times * cfg.train_cfg[length_key(cfg)])))


def _scaled(time: Any, ratio: float) -> Any:
    if isinstance(time, (list, tuple)):
        return [_scaled(value, ratio) for value in time]
    if not time or time >= _FOREVER:
        return time
    return max(1, round(time * ratio))


def scale_learning_rate(runner: Runner, factor: float) -> None:
    """Multiply a run's learning rate from its first step to its last.

    Warm-up and decay keep their form. An ``eta_min`` is a rate of its own and stays. The
    checkpoints of the run hold what is changed here: one that goes on must not be
    scaled again.

    Args:
        runner (Runner): Before its first step, with optimizer and schedulers.
        factor (float): Above 0.
    """
    # A schedule goes on from the group's own value; some also look up its first,
    # largest or smallest one.
    for group in runner.optim_wrapper.param_groups:
        for name in ('lr', 'initial_lr', 'max_lr', 'min_lr'):
            if name in group:
                group[name] *= factor
    for scheduler in runner.param_schedulers or []:
        if scheduler.param_name == 'lr':
            scheduler.base_values = [value * factor for value in scheduler.base_values]


_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def set_test_domain(cfg: Config, domain: str) -> None:
    """Train and validate on all domains but one, and test on that.

    Args:
        cfg (Config): Its data sets are :class:`mmct.datasets.MultiDomain` or
            below it, as the benchmarks are. Changed in place.
        domain (str): The test domain.

    Raises:
        CTError: If a data set has no domains.
    """
    for name in _LOADERS:
        if not cfg.get(name):
            continue
        dataset = cfg[name]['dataset']
        if not _has_domains(dataset):
            raise CTError(
                f'--test-domain needs data sets of several domains, such as VLCS or another '
                f'MultiDomain, but {name} has {type_name(dataset)}'
            )
        if name == 'test_dataloader':
            dataset.update(domains=domain, left_out=())
        else:
            dataset.update(domains=None, left_out=domain)


def check_split(cfg: Config) -> None:
    """Refuse domains that are split in one way to train and in another to be held out.

    Args:
        cfg (Config): Any; without :class:`mmct.datasets.MultiDomain` nothing is wrong.

    Raises:
        CTError: Names what differs: images that are trained on would be held out.
    """
    loaders = {name: cfg[name]['dataset'] for name in _LOADERS if cfg.get(name)}
    if not all(_has_domains(dataset) for dataset in loaders.values()):
        return
    defaults = inspect.signature(MultiDomain).parameters
    for key in ('holdout', 'seed'):
        values = {
            name: dataset.get(key, defaults[key].default) for name, dataset in loaders.items()
        }
        if len(set(values.values())) > 1:
            found = ', '.join(f'{name}: {value}' for name, value in values.items())
            raise CTError(
                f'the {key} of the domains must be the same in all data sets, or images that '
                f'are trained on are held out, but is {found}'
            )


def _has_domains(dataset: ConfigDict) -> bool:
    kind = DATASETS.get(type_name(dataset))
    return isinstance(kind, type) and issubclass(kind, MultiDomain)
