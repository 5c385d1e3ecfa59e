"""The teacher's recipe and config, and the switch that puts CT into a config."""

import copy
from dataclasses import dataclass, field

from mmengine.config import Config, ConfigDict
from mmengine.hooks import EMAHook
from mmpretrain.registry import HOOKS

from mmct.messages import is_positive, require
from mmct.models import check_removal
from mmct.runs.configs import (
    import_mmct,
    is_kind,
    length_key,
    scoped,
    set_length,
    stretch,
    type_name,
    use_resumable_checkpoints,
)
from mmct.runs.errors import CTError
from mmct.runs.identity import UNKNOWN, start_of

from .trackers import teachers_backends

RECIPE = dict(length=2, student_start='teacher', student_lr_mult=0.1)
"""Settings of ``NoBNTeacherHook`` that the ablation of docs/recipe.md chose."""


@dataclass(frozen=True)
class TeacherRecipe:
    """Differences of the teacher's training from the student's.

    Each is a setting of :class:`mmct.engine.NoBNTeacherHook`.

    Attributes:
        init (str): How the teacher starts: 'identity', 'fold' or 'calibrate',
            see :func:`mmct.models.remove_batch_norm`. Defaults to 'calibrate'.
        granularity (str): 'layer' or 'channel', see
            :func:`mmct.models.calibrate`. Defaults to 'layer'.
        calibration_batches (int): Training batches to calibrate on.
            Defaults to 1.
        length (float): The teacher's training, in multiples of the student's;
            begin, end, T_max and milestones of every scheduler are scaled
            with it. Defaults to 1.0.
        max_epochs (int, optional): The same in epochs, in place of ``length``.
            Defaults to None.
        max_iters (int, optional): The same for iteration-based training.
            Defaults to None.
        lr (float, optional): The teacher's learning rate. Defaults to None,
            the student's.
        clip_grad (dict, optional): The teacher's gradient clipping, as in
            mmengine's ``OptimWrapper``; None is the student's. Defaults to
            ``dict(max_norm=1.0)``: at the lr of a BN network, BN-free ones
            tend to diverge without.
        remove_bn (bool): False keeps the teacher's BN (and its training the
            student's: no calibration, no clipping of its own): the control
            that shows what distillation alone gains. Defaults to True.

    Raises:
        ValueError: If a value is out of its range.
    """

    init: str = 'calibrate'
    granularity: str = 'layer'
    calibration_batches: int = 1
    length: float = 1.0
    max_epochs: int | None = None
    max_iters: int | None = None
    lr: float | None = None
    clip_grad: dict | None = field(default_factory=lambda: dict(max_norm=1.0))
    remove_bn: bool = True

    @property
    def model_type(self) -> str:
        """The teacher's class."""
        return 'NormFreeClassifier' if self.remove_bn else 'ImageClassifier'

    def __post_init__(self) -> None:
        check_removal('NoBNTeacherHook', self.init, self.granularity)
        for name in ('calibration_batches', 'length', 'max_epochs', 'max_iters', 'lr'):
            value = getattr(self, name)
            rule = f'NoBNTeacherHook: {name} must be positive'
            require(value is None or is_positive(value), rule, value)
        for name in ('calibration_batches', 'max_epochs', 'max_iters'):
            value = getattr(self, name)
            whole = value is None or isinstance(value, int)
            require(whole, f'NoBNTeacherHook: {name} must be an integer', value)


def teacher_config(cfg: Config, recipe: TeacherRecipe, work_dir: str) -> Config:
    """Make the config that trains the teacher of a CT config, alone.

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
    start = start_of(cfg)
    cfg.model.type = scoped(cfg, recipe.model_type)
    cfg.model.pop('consistency', None)
    cfg.work_dir = work_dir
    cfg.load_from, cfg.resume = None, False
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    # An averaged teacher would need averaging in its evaluation too.
    students = EMAHook, HOOKS.get('NoBNTeacherHook'), HOOKS.get('ScorecardHook')
    hooks = [
        hook
        for hook in cfg.get('custom_hooks') or []
        if not any(is_kind(hook, kind, HOOKS) for kind in students)
    ]
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
    cfg.custom_hooks = hooks
    if cfg.get('visualizer'):
        # By its name the teacher would share the student's visualizer.
        cfg.visualizer.pop('name', None)
        cfg.visualizer.vis_backends = teachers_backends(cfg.visualizer.get('vis_backends'))
    checkpoints = use_resumable_checkpoints(cfg)
    if checkpoints:
        checkpoints.update(max_keep_ckpts=1, save_best=None, out_dir=None)
    _set_length(cfg, recipe)
    _set_optimizer(cfg, recipe)
    return cfg


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
    if recipe.lr is not None:
        if 'optimizer' not in cfg.optim_wrapper:
            raise CTError('NoBNTeacherHook: lr needs a config with a single optimizer')
        cfg.optim_wrapper.optimizer.lr = recipe.lr
    if recipe.remove_bn and recipe.clip_grad is not None:
        cfg.optim_wrapper.clip_grad = ConfigDict(recipe.clip_grad)


def switch_on_ct(cfg: Config) -> Config:
    """Turn the config of an ``ImageClassifier`` into a CT config, in place.

    The same as three lines in a config of one's own: ``custom_imports``,
    ``model.type`` and one more entry in ``custom_hooks``, with :data:`RECIPE`. A
    config that has CT already is left as it is.

    Args:
        cfg (Config): A text or pure-Python config.

    Returns:
        Config: The same ``cfg``. Dumped, it is a config that needs no switch.

    Raises:
        CTError: If the model is not an ``ImageClassifier``.
    """
    if not cfg.get('model'):
        raise CTError('--ct: the config has no model')
    kind = type_name(cfg.model)
    if kind not in ('ImageClassifier', 'CTClassifier'):
        raise CTError(
            f'--ct needs a config whose model is an ImageClassifier, but it is {kind}'
        )
    cfg.model.type = scoped(cfg, 'CTClassifier')
    hooks = list(cfg.get('custom_hooks') or [])
    if teacher_hook(cfg) is None:
        hooks.append(ConfigDict(type=scoped(cfg, 'NoBNTeacherHook'), **RECIPE))
    cfg.custom_hooks = hooks
    import_mmct(cfg)
    return cfg


def teacher_hook(cfg: Config) -> ConfigDict | None:
    """Find the config of the teacher hook.

    Args:
        cfg (Config): Any config.

    Returns:
        ConfigDict: The entry of ``custom_hooks``; None if CT is not on.
    """
    for hook in cfg.get('custom_hooks') or []:
        if is_kind(hook, HOOKS.get('NoBNTeacherHook'), HOOKS):
            return hook
    return None
