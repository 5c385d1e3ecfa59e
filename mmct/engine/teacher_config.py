"""From the student's config to its teacher's."""

import copy
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mmengine.config import Config, ConfigDict

from mmct.models import check_removal

from .errors import CTError

# Values of a scheduler that are counted in epochs or iterations.
_TIMES = ('begin', 'end', 'T_max', 'milestones', 'step_size', 'total_steps',
          'total_iters', 'periods')  # fmt: skip
# mmengine's "never ends".
_FOREVER = int(1e9)
# What the trained weights do not depend on.
_NOT_IN_FINGERPRINT = {
    'backend_args', 'checkpoint', 'collate_fn', 'data_root', 'download',
    'dynamic_intervals', 'file_client_args', 'num_workers', 'persistent_workers',
    'pin_memory', 'prefetch_factor', 'val_begin', 'val_interval', '_scope_',
}  # fmt: skip
_IN_FINGERPRINT = (
    'model', 'data_preprocessor', 'train_dataloader', 'train_cfg', 'optim_wrapper',
    'param_scheduler', 'auto_scale_lr', 'custom_hooks',
)  # fmt: skip


@dataclass(frozen=True)
class TeacherRecipe:
    """How the teacher's training differs from the student's.

    Attributes:
        init (str): 'identity', 'fold' or 'calibrate', see
            :func:`mmct.models.remove_batch_norm`.
        granularity (str): 'layer' or 'channel', for 'calibrate'.
        calibration_batches (int): Training batches to calibrate on.
        max_epochs (int, optional): Length; None is the student's.
        max_iters (int, optional): The same for iteration-based training.
        lr (float, optional): Learning rate; None is the student's.
        clip_grad (dict, optional): Gradient clipping as in mmengine's
            ``OptimWrapper``; None is the student's.

    Raises:
        ValueError: If a value is out of its range.
    """

    init: str = 'calibrate'
    granularity: str = 'layer'
    calibration_batches: int = 1
    max_epochs: int | None = None
    max_iters: int | None = None
    lr: float | None = None
    clip_grad: dict | None = field(default_factory=lambda: dict(max_norm=1.0))

    def __post_init__(self) -> None:
        check_removal('NoBNTeacherHook', self.init, self.granularity)
        for name in ('calibration_batches', 'max_epochs', 'max_iters', 'lr'):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(
                    f'NoBNTeacherHook: {name} must be positive, but got {value!r}'
                )


def teacher_config(cfg: Config, recipe: TeacherRecipe, work_dir: str) -> Config:
    """The config that trains the teacher of a CT config, alone.

    Args:
        cfg (Config): The student's config, with a ``CTClassifier``.
        recipe (TeacherRecipe): What differs.
        work_dir (str): The teacher's work dir.

    Returns:
        Config: A config for a ``Runner``. It has no CT hook, no EMA and no
        test set.

    Raises:
        CTError: If the recipe does not fit the config.
    """
    cfg = copy.deepcopy(cfg)
    load_from, resumed = cfg.get('load_from'), cfg.get('resume')
    cfg.model.type = scoped(cfg, 'NormFreeClassifier')
    cfg.model.pop('consistency', None)
    cfg.work_dir = work_dir
    cfg.load_from, cfg.resume = None, False
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    # An averaged teacher would need averaging in its evaluation too.
    hooks = [
        hook
        for hook in cfg.get('custom_hooks') or []
        if type_name(hook) not in ('NoBNTeacherHook', 'EMAHook')
    ]
    training_hook = dict(
        type=scoped(cfg, 'NoBNTrainingHook'),
        init=recipe.init,
        granularity=recipe.granularity,
        calibration_batches=recipe.calibration_batches,
        # With resume, load_from is the student's own checkpoint.
        checkpoint=None if resumed else load_from,
    )
    cfg.custom_hooks = [*hooks, training_hook]
    if cfg.get('visualizer'):
        # By its name the teacher would share the student's visualizer.
        cfg.visualizer.pop('name', None)
    checkpoints = (cfg.get('default_hooks') or {}).get('checkpoint')
    if checkpoints:
        checkpoints.update(max_keep_ckpts=1, save_best=None, out_dir=None)
    _set_length(cfg, recipe)
    _set_optimizer(cfg, recipe)
    return cfg


def fingerprint(
    cfg: Config, num_images: int, classes: Any, world_size: int
) -> dict[str, Any]:
    """What a trained teacher's weights depend on, by dotted key.

    Model, data, schedule and seed count; paths, workers and logging do not.
    Of an absolute path the last part counts.

    Args:
        cfg (Config): What :func:`teacher_config` returned.
        num_images (int): Size of the training set.
        classes: Its class names.
        world_size (int): Number of processes.

    Returns:
        dict[str, Any]: Values that JSON can hold.
    """
    parts = {key: cfg[key] for key in _IN_FINGERPRINT if cfg.get(key) is not None}
    if not (parts.get('auto_scale_lr') or {}).get('enable'):
        parts.pop('auto_scale_lr', None)
    parts['seed'] = (cfg.get('randomness') or {}).get('seed')
    parts['world_size'] = world_size
    parts['data'] = dict(num_images=num_images, classes=classes)
    return dict(sorted(_flat('', parts)))


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


def _set_length(cfg: Config, recipe: TeacherRecipe) -> None:
    by_epoch = 'max_epochs' in cfg.train_cfg
    key, other = ('max_epochs', 'max_iters') if by_epoch else ('max_iters', 'max_epochs')
    if getattr(recipe, other) is not None:
        raise CTError(
            f'NoBNTeacherHook: {other} does not fit a train_cfg with {key}; set {key}'
        )
    length = getattr(recipe, key)
    if length is None:
        return
    ratio = length / cfg.train_cfg[key]
    cfg.train_cfg[key] = length
    schedulers = cfg.get('param_scheduler') or []
    for scheduler in schedulers if isinstance(schedulers, list) else [schedulers]:
        for name in _TIMES:
            if name in scheduler:
                scheduler[name] = _scaled(scheduler[name], ratio)


def _scaled(time: Any, ratio: float) -> Any:
    if isinstance(time, (list, tuple)):
        return [_scaled(value, ratio) for value in time]
    if not time or time >= _FOREVER:
        return time
    return max(1, round(time * ratio))


def _set_optimizer(cfg: Config, recipe: TeacherRecipe) -> None:
    if recipe.lr is not None:
        if 'optimizer' not in cfg.optim_wrapper:
            raise CTError('NoBNTeacherHook: lr needs a config with a single optimizer')
        cfg.optim_wrapper.optimizer.lr = recipe.lr
    if recipe.clip_grad is not None:
        cfg.optim_wrapper.clip_grad = ConfigDict(recipe.clip_grad)


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in _NOT_IN_FINGERPRINT:
                yield from _flat(f'{prefix}.{key}' if prefix else str(key), item)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _flat(f'{prefix}.{index}', item)
    elif isinstance(value, type):
        yield prefix, value.__name__
    elif isinstance(value, str) and os.path.isabs(value):
        yield prefix, os.path.basename(value.rstrip('/'))
    elif value is None or isinstance(value, (bool, int, float, str)):
        yield prefix, value
    else:
        yield prefix, repr(value)


