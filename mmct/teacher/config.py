"""Make the config of a teacher from a recipe, and switch CT on in any config."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.hooks import EMAHook
from mmpretrain.registry import HOOKS

from mmct.messages import is_positive, require
from mmct.models import check_removal
from mmct.runs.building import build_hook
from mmct.runs.configs import (
    import_mmct,
    is_kind,
    length_key,
    scale_averages,
    schedulers_of,
    scoped,
    set_length,
    stretch,
    type_name,
    use_resumable_checkpoints,
)
from mmct.runs.errors import CTError
from mmct.runs.identity import UNKNOWN, hooks_of, start_of

from .trackers import local_backends, teachers_backends

RECIPE = dict(
    length=2, weight_standardisation=True, student_start='teacher', student_lr_mult=0.1
)
"""Settings of ``NoBNTeacherHook`` that docs/recipe.md derives."""

CONSISTENCY = dict(distance='cosine', stage='pre_logits', loss_weight=10.0)
"""Settings of ``CTConsistencyLoss`` that docs/recipe.md derives."""


# Settings beside `init_cfg` that name weights, of TIMMBackbone and of older configs.
_WEIGHTS = ('pretrained', 'checkpoint_path')

HOOKS_AT_THE_END = ('BaselineHook', 'ScorecardHook')
"""Hooks that train and score after the student, which a training inside another one leaves out."""


@dataclass(frozen=True)
class TeacherRecipe:
    """Differences between the teacher's training and the student's.

    Each attribute is also a setting of :class:`mmct.engine.NoBNTeacherHook`.

    Attributes:
        init (str): How the teacher starts: 'identity', 'fold' or 'calibrate',
            see :func:`mmct.models.remove_batch_norm`. Defaults to 'calibrate'.
        granularity (str): 'layer' or 'channel', see
            :func:`mmct.models.calibrate`. Defaults to 'layer'.
        calibration_batches (int): Number of training batches to calibrate on.
            Defaults to 1.
        length (float): Length of the teacher's training, in multiples of the student's. The
            begin, end, T_max and milestones of every scheduler scale with it. Defaults to 1.0.
        max_epochs (int, optional): Length of the teacher's training in epochs; it replaces
            ``length``. Defaults to None.
        max_iters (int, optional): Length of the teacher's training in iterations, if the config
            counts iterations; it replaces ``length``. Defaults to None.
        weight_standardisation (bool): Whether the weights of the teacher's convolutions are
            standardised during training, see :func:`mmct.models.standardise_weights`. The trained
            teacher is stored with plain convolutions. Defaults to False.
        from_scratch (bool): Whether the teacher starts from random weights even if the config
            names weights to start from. Defaults to False.
        optimizer (dict, optional): The teacher's optimizer, such as
            ``dict(type='AdamW', lr=2e-3, weight_decay=0.05)``. Defaults to None, the student's.
        lr (float, optional): The teacher's learning rate. Defaults to None,
            the optimizer's.
        clip_grad (dict | str, optional): The teacher's gradient clipping, as in mmengine's
            ``OptimWrapper``. None uses the student's. 'auto' uses ``dict(max_norm=1.0)`` for a
            teacher with neither BN nor standardised weights, which tends to diverge at the lr of
            a BN network unless gradients are clipped, and the student's for others.
            Defaults to 'auto'.
        adaptive_clipping (float, optional): Largest norm of a unit's gradient, as a fraction
            of the norm of its weights, see :class:`mmct.engine.AdaptiveClippingHook`.
            Defaults to None, no limit.
        ema (dict, optional): Settings of an ``EMAHook``, such as ``dict(momentum=1e-3)``. The
            teacher is then the moving average of its weights. Defaults to None.
        remove_bn (bool): Whether to remove the teacher's BN. False is the control that shows the
            gain of distillation alone: the teacher keeps its BN, so ``init`` and ``granularity``
            do not count. The other settings do: a plain teacher needs
            ``weight_standardisation=False`` as well. Defaults to True.

    Raises:
        ValueError: If a value is out of its range.
    """

    init: str = 'calibrate'
    granularity: str = 'layer'
    calibration_batches: int = 1
    length: float = 1.0
    max_epochs: int | None = None
    max_iters: int | None = None
    weight_standardisation: bool = False
    from_scratch: bool = False
    optimizer: dict | None = None
    lr: float | None = None
    clip_grad: dict | str | None = 'auto'
    adaptive_clipping: float | None = None
    ema: dict | None = None
    remove_bn: bool = True

    @property
    def model_type(self) -> str:
        """Name of the class that the kept teacher has: its convolutions are plain by then."""
        return 'NormFreeClassifier' if self.remove_bn else 'ImageClassifier'

    def __post_init__(self) -> None:
        check_removal('NoBNTeacherHook', self.init, self.granularity)
        positive = 'calibration_batches', 'length', 'max_epochs', 'max_iters', 'lr'
        for name in (*positive, 'adaptive_clipping'):
            value = getattr(self, name)
            rule = f'NoBNTeacherHook: {name} must be positive'
            require(value is None or is_positive(value), rule, value)
        for name in ('calibration_batches', 'max_epochs', 'max_iters'):
            value = getattr(self, name)
            whole = value is None or isinstance(value, int)
            require(whole, f'NoBNTeacherHook: {name} must be an integer', value)
        for name in ('optimizer', 'ema'):
            value = getattr(self, name)
            fits = value is None or isinstance(value, dict)
            require(fits, f'NoBNTeacherHook: {name} must be a dict or None', value)
        fits = isinstance(self.clip_grad, (dict, type(None))) or self.clip_grad == 'auto'
        rule = "NoBNTeacherHook: clip_grad must be a dict, None or 'auto'"
        require(fits, rule, self.clip_grad)
        if self.remove_bn and self.weight_standardisation and self.init == 'fold':
            raise ValueError(
                "NoBNTeacherHook: weight_standardisation does not go with init='fold', whose "
                "weights it would change: use init='calibrate'"
            )


def teacher_config(cfg: Config, recipe: TeacherRecipe, work_dir: str) -> Config:
    """Make the config that trains only the teacher of a CT config.

    Args:
        cfg (Config): The student's config, with a ``CTClassifier``.
        recipe (TeacherRecipe): Differences from the student's training.
        work_dir (str): The teacher's work dir.

    Returns:
        Config: A config for a ``Runner``, with the student's test set. It has no CT hook, and an
        EMA only if the recipe has one.

    Raises:
        CTError: If the recipe does not fit the config.
    """
    cfg = copy.deepcopy(cfg)
    start = None if recipe.from_scratch else start_of(cfg)
    if recipe.from_scratch:
        _forget_pretrained(cfg.model)
    cfg.model.type = scoped(cfg, recipe.model_type)
    for name in ('consistency', 'weight_standardisation'):
        cfg.model.pop(name, None)
    if recipe.weight_standardisation:
        cfg.model.weight_standardisation = True
        if not recipe.remove_bn:
            cfg.model.type = scoped(cfg, 'StandardisedClassifier')
    if recipe.remove_bn or recipe.weight_standardisation:
        # It speeds up BN that is frozen, and would trace what the teacher's layers compute.
        cfg.efficient_conv_bn_eval = None
    cfg.work_dir = work_dir
    cfg.load_from, cfg.resume = None, False
    # The recipe decides whether the teacher's weights are averaged.
    students = EMAHook, 'NoBNTeacherHook', 'FreezeBNStatisticsHook', *HOOKS_AT_THE_END
    drop_hooks(cfg, *students)
    hooks = list(cfg.get('custom_hooks') or [])
    cfg.start_from = start
    start = None if start == UNKNOWN else start
    if recipe.remove_bn:
        training_hook = dict(
            type=scoped(cfg, 'NoBNTrainingHook'),
            init=recipe.init,
            granularity=recipe.granularity,
            calibration_batches=recipe.calibration_batches,
            checkpoint=start,
        )
        hooks.append(training_hook)
    else:
        cfg.load_from = start
    if recipe.adaptive_clipping is not None:
        clipping = dict(clipping=recipe.adaptive_clipping)
        hooks.append(dict(type=scoped(cfg, 'AdaptiveClippingHook'), **clipping))
    cfg.custom_hooks = hooks
    if cfg.get('visualizer'):
        # With the same name, the teacher would share the student's visualizer.
        cfg.visualizer.pop('name', None)
        cfg.visualizer.vis_backends = teachers_backends(cfg.visualizer.get('vis_backends'))
    checkpoints = use_resumable_checkpoints(cfg)
    if checkpoints:
        # A teacher that was interrupted goes on from them, whatever the student keeps.
        checkpoints.update(max_keep_ckpts=1, save_best=None, out_dir=None)
        checkpoints.update(save_optimizer=True, save_param_scheduler=True)
    _set_length(cfg, recipe)
    _set_optimizer(cfg, recipe)
    if recipe.ema is not None:
        # Its settings are those of the teacher's own length.
        cfg.custom_hooks.append({'type': 'EMAHook', **recipe.ema})
    return cfg


def _forget_pretrained(part: ConfigDict) -> None:
    """Remove all that loads weights from the settings of a model, in place."""
    for key in _WEIGHTS:
        part.pop(key, None)
    for key, value in list(part.items()):
        several = isinstance(value, (list, tuple))
        parts = [each for each in (value if several else [value]) if isinstance(each, Mapping)]
        if key == 'init_cfg':
            kept = [each for each in parts if type_name(each) != 'Pretrained']
            if parts and not kept:
                part.pop(key)
            elif several:
                part[key] = kept
            continue
        for each in parts:
            _forget_pretrained(each)


def drop_hooks(cfg: Config, *kinds: str | type) -> None:
    """Remove hooks from a config, in place.

    Args:
        cfg (Config): Any config.
        *kinds (str | type): Classes of the hooks to remove, or their names in the registry; their
            subclasses are removed, too.
    """
    if cfg.get('custom_hooks'):
        cfg.custom_hooks = [hook for hook in cfg.custom_hooks if not _is_any(hook, kinds)]
    for name, hook in list((cfg.get('default_hooks') or {}).items()):
        if _is_any(hook, kinds):
            del cfg.default_hooks[name]


def _is_any(hook: Any, kinds: Iterable[str | type]) -> bool:
    classes = (HOOKS.get(kind) if isinstance(kind, str) else kind for kind in kinds)
    return hook is not None and any(is_kind(hook, kind, HOOKS) for kind in classes)


def baseline_config(cfg: Config, length: float | None, work_dir: str) -> Config:
    """Make the config that trains the network of a CT config with BN and without CT.

    Args:
        cfg (Config): The student's config, with a ``CTClassifier`` and its teacher's hook.
        length (float, optional): Length of the training, in multiples of the student's.
            Defaults to None: that of teacher and student together.
        work_dir (str): The baseline's work dir.

    Returns:
        Config: A config for a ``Runner``, with all hooks of the student but those of CT and scores.
    """
    if length is None:
        length = 1 + _length(cfg, build_hook(teacher_hook(cfg)).recipe)
    recipe = TeacherRecipe(
        remove_bn=False,
        length=length,
        weight_standardisation=cfg.model.get('weight_standardisation', False),
    )
    own = teacher_config(cfg, recipe, work_dir)
    of_students = EMAHook, 'FreezeBNStatisticsHook'
    hooks = [copy.deepcopy(h) for h in hooks_of(cfg) if _is_any(h, of_students)]
    key = length_key(cfg)
    scale_averages(hooks, own.train_cfg[key] / cfg.train_cfg[key])
    own.custom_hooks += hooks
    if own.get('visualizer'):
        own.visualizer.vis_backends = local_backends(own.visualizer.vis_backends)
    return own


def _length(cfg: Config, recipe: TeacherRecipe) -> float:
    """Return the length of the teacher's training, in multiples of the student's."""
    key = length_key(cfg)
    counted = getattr(recipe, key)
    return recipe.length if counted is None else counted / cfg.train_cfg[key]


def _set_length(cfg: Config, recipe: TeacherRecipe) -> None:
    key = length_key(cfg)
    other = 'max_iters' if key == 'max_epochs' else 'max_epochs'
    if getattr(recipe, other) is not None:
        raise CTError(
            f'NoBNTeacherHook: {other} does not fit a train_cfg with {key}; set {key}'
        )
    if getattr(recipe, key) is None:
        stretch(cfg, recipe.length)
    else:
        set_length(cfg, getattr(recipe, key))


def _set_optimizer(cfg: Config, recipe: TeacherRecipe) -> None:
    for name in ('optimizer', 'lr'):
        if getattr(recipe, name) is not None and 'optimizer' not in cfg.optim_wrapper:
            raise CTError(f'NoBNTeacherHook: {name} needs a config with a single optimizer')
    if recipe.optimizer is not None:
        cfg.optim_wrapper.optimizer = ConfigDict(recipe.optimizer)
    if recipe.lr is not None:
        cfg.optim_wrapper.optimizer.lr = recipe.lr
    if recipe.lr is not None or (recipe.optimizer or {}).get('lr') is not None:
        for scheduler in schedulers_of(cfg):
            if type_name(scheduler) == 'OneCycleLR':
                # Its highest rate is its own, whatever the optimizer's.
                scheduler.eta_max = cfg.optim_wrapper.optimizer.lr
    clip_grad = recipe.clip_grad
    if clip_grad == 'auto':
        tame = recipe.weight_standardisation or not recipe.remove_bn
        clip_grad = None if tame else dict(max_norm=1.0)
    if clip_grad is not None:
        cfg.optim_wrapper.clip_grad = ConfigDict(clip_grad)


def switch_on_ct(cfg: Config, pretrained: bool | None = None) -> Config:
    """Turn the config of an ``ImageClassifier`` into a CT config, in place.

    The switch has the effect of three lines in a config: ``custom_imports``, a ``model`` with the
    ``consistency`` settings of :data:`CONSISTENCY`, and an entry in ``custom_hooks`` with the
    settings of :data:`RECIPE`; where the config names weights to start from, its teacher folds
    their BN (``init='fold'``), without standardised weights. Parts of CT that the config already
    has are not changed.

    Args:
        cfg (Config): A text or pure-Python config.
        pretrained (bool, optional): Whether the training starts from weights. Defaults to None:
            if the config names some.

    Returns:
        Config: The same ``cfg``. Once dumped to a file, it needs no switch.

    Raises:
        CTError: If the model is not an ``ImageClassifier``.
    """
    if not cfg.get('model'):
        raise CTError('--ct: the config has no model')
    kind = type_name(cfg.model)
    if kind not in ('ImageClassifier', 'StandardisedClassifier', 'CTClassifier'):
        raise CTError(
            f'--ct needs a config whose model is an ImageClassifier, but it is {kind}'
        )
    if kind == 'StandardisedClassifier':
        cfg.model.setdefault('weight_standardisation', True)
    cfg.model.type = scoped(cfg, 'CTClassifier')
    if kind != 'CTClassifier' and not cfg.model.get('consistency'):
        cfg.model.consistency = ConfigDict(CONSISTENCY)
    hooks = list(cfg.get('custom_hooks') or [])
    if teacher_hook(cfg) is None:
        recipe = dict(RECIPE)
        if pretrained is None:
            pretrained = is_pretrained(cfg)
        if pretrained and not cfg.model.get('weight_standardisation'):
            # Anything else would undo what the weights have learned.
            recipe.update(init='fold', weight_standardisation=False)
        hooks.append(ConfigDict(type=scoped(cfg, 'NoBNTeacherHook'), **recipe))
    cfg.custom_hooks = hooks
    import_mmct(cfg)
    return cfg


def is_pretrained(cfg: Config) -> bool:
    """Check whether a config names weights to start from.

    Args:
        cfg (Config): The config of a training.

    Returns:
        bool: True if ``load_from`` or the model does; False where a resumed run does not say.
    """
    return start_of(cfg) not in (None, UNKNOWN) or _loads_weights(cfg.get('model'))


def _loads_weights(part: Any) -> bool:
    if isinstance(part, (list, tuple)):
        return any(map(_loads_weights, part))
    if not isinstance(part, Mapping):
        return False
    named = any(map(part.get, _WEIGHTS)) or type_name(part) == 'Pretrained'
    return named or any(map(_loads_weights, part.values()))


def teacher_hook(cfg: Config) -> ConfigDict | None:
    """Find the config of the teacher hook.

    Args:
        cfg (Config): Any config.

    Returns:
        ConfigDict: The entry of ``custom_hooks`` or ``default_hooks``; None if CT is off.
    """
    for hook in hooks_of(cfg):
        if is_kind(hook, HOOKS.get('NoBNTeacherHook'), HOOKS):
            return hook
    return None
