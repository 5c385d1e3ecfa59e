"""Try every stage of a run on one batch, to find errors before hours are spent on training."""

import copy
from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any

from mmengine.config import Config
from mmengine.dataset import InfiniteSampler
from mmengine.hooks import EMAHook
from mmengine.optim import OptimWrapperDict, build_optim_wrapper
from mmengine.registry import MODELS, PARAM_SCHEDULERS
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import HOOKS

from mmct.messages import suggestion
from mmct.models import build_classifier, calibrate, fold_weights
from mmct.runs.building import build_hook, check_finite
from mmct.runs.configs import is_kind, type_name
from mmct.runs.errors import CTError, trial_of
from mmct.runs.identity import SCORE_READERS, hooks_of, schedulers_of
from mmct.runs.isolation import isolated
from mmct.runs.ranks import unwrapped
from mmct.runs.weights import safe_loading
from mmct.scoring.rehearsal import rehearse_scoring

from .config import TeacherRecipe
from .start import take_over


def rehearse(runner: Runner, cfg: Config, recipe: TeacherRecipe, student_start: str) -> None:
    """Build teacher and student with their optimizers and schedules, and train each for one step.

    The rehearsal has no effect on the run: it uses networks and optimizers of its own, and
    restores the random generators.

    Args:
        runner (Runner): The student's runner, before the teacher is trained.
        cfg (Config): The teacher's config, see :func:`mmct.teacher.teacher_config`.
        recipe (TeacherRecipe): The recipe of the teacher's training.
        student_start (str): 'scratch' or 'teacher', see
            :func:`mmct.teacher.start.start_student`.

    Raises:
        CTError: If anything cannot be built or run; the message names the stage.
    """
    with isolated(), safe_loading():
        batch = _one_batch(runner)
        with trial_of('the teacher'):
            teacher = _teacher(runner, cfg, recipe, batch)
        with trial_of('the student'):
            _student(runner, teacher, recipe, student_start, batch)
        _validation(runner, teacher)


def rehearse_alone(runner: Runner) -> None:
    """Train a network without a teacher for one step, as :func:`rehearse` does.

    Args:
        runner (Runner): The runner before training. Its model is tried only if it is an
            ``ImageClassifier``; others may depend on their hooks.

    Raises:
        CTError: If anything cannot be built or run.
    """
    original = unwrapped(runner)
    if not isinstance(original, ImageClassifier):
        return
    with isolated(), safe_loading():
        batch = _one_batch(runner)
        with trial_of('the training'):
            model = build_classifier(runner.cfg).to(next(original.parameters()).device)
            _average(model, runner.cfg, len(runner.train_dataloader))
            _step(model, runner.cfg, batch, len(runner.train_dataloader))
            _last_step(model, runner)
        _validation(runner, model)


def _one_batch(runner: Runner) -> Mapping[str, Any]:
    """Read one batch without advancing the loader of the training."""
    loader = runner.train_dataloader
    size = min(getattr(loader.batch_sampler, 'batch_size', None) or 1, len(loader.dataset))
    # An infinite sampler is one long iterator. A new one begins with the same images, so its
    # first batch has images of each domain.
    infinite = isinstance(loader.sampler, InfiniteSampler)
    indices = islice(loader.sampler._indices_of_rank(), size) if infinite else range(size)
    return loader.collate_fn([loader.dataset[index] for index in indices])


def _teacher(
    runner: Runner, cfg: Config, recipe: TeacherRecipe, batch: Mapping[str, Any]
) -> ImageClassifier:
    teacher = build_classifier(cfg)
    teacher.init_weights()
    teacher.to(next(runner.model.parameters()).device)
    if recipe.remove_bn and recipe.init == 'calibrate':
        calibrate(teacher, _inputs(teacher, batch), recipe.granularity)
    _average(teacher, cfg, len(runner.train_dataloader))
    _step(teacher, cfg, batch, len(runner.train_dataloader))
    return fold_weights(teacher)


def _average(model: ImageClassifier, cfg: Config, num_batches: int) -> None:
    """Try the settings of EMAHooks, most of which they read only when training starts."""
    for settings in hooks_of(cfg):
        if not (isinstance(settings, Mapping) and is_kind(settings, EMAHook, HOOKS)):
            continue
        hook = build_hook(settings)
        MODELS.build(hook.ema_cfg, default_args=dict(model=model))
        epochs = cfg.train_cfg.get('max_epochs', 1)
        iters = cfg.train_cfg.get('max_iters', epochs * num_batches)
        for name, end in dict(begin_epoch=epochs, begin_iter=iters).items():
            if getattr(hook, name) > end:
                raise ValueError(
                    f'EMAHook: {name} must be at most {end}, the length of the training, but got '
                    f'{getattr(hook, name)}'
                )


def _student(
    runner: Runner,
    teacher: ImageClassifier,
    recipe: TeacherRecipe,
    start: str,
    batch: Mapping[str, Any],
) -> None:
    # Not a deep copy, whose compiled methods would still be bound to the original.
    original = unwrapped(runner)
    student = build_classifier(runner.cfg).to(next(original.parameters()).device)
    student.load_state_dict(original.state_dict())
    _average(student, runner.cfg, len(runner.train_dataloader))
    student.attach_teacher(teacher, 'float32', with_bn=not recipe.remove_bn)
    if start == 'teacher':
        take_over(student, _inputs(student, batch))
    _step(student, runner.cfg, batch, len(runner.train_dataloader))
    _last_step(student, runner)


def _last_step(model: ImageClassifier, runner: Runner) -> None:
    """Try the last batch of an epoch if it has a single image, which BN may not bear."""
    loader = runner.train_dataloader
    size = getattr(loader.batch_sampler, 'batch_size', None) or 1
    drops = getattr(loader.batch_sampler, 'drop_last', False)
    # With the last, a process may have no such batch where others have one.
    if drops or isinstance(loader.sampler, InfiniteSampler) or runner.cfg.get('sync_bn'):
        return
    if not getattr(loader.sampler, 'round_up', True):
        return
    if runner.cfg.train_cfg.get('max_iters', len(loader)) < len(loader):
        return
    if size > 1 and len(loader.sampler) % size == 1:
        batch = loader.collate_fn([loader.dataset[0]])
        with trial_of(
            'the last batch of an epoch, which has one image (train_dataloader.drop_last=True '
            'leaves it out),'
        ):
            _step(model, runner.cfg, batch, len(loader))


def _validation(runner: Runner, model: ImageClassifier) -> None:
    """Score a few images in the way the validation will."""
    cfg = runner.cfg
    if cfg.get('val_evaluator') is not None and cfg.get('val_dataloader') is not None:
        with trial_of('the validation (val_dataloader, val_evaluator)'):
            metrics = rehearse_scoring(model, runner.val_dataloader, cfg.val_evaluator)
            _check_monitors(cfg, metrics)


def _check_monitors(cfg: Config, metrics: Collection[str]) -> None:
    """Refuse the name of a score that the validation does not have."""
    # Another loop may add scores of its own.
    if not metrics or (cfg.get('val_cfg') or {}).get('type', 'ValLoop') != 'ValLoop':
        return
    best = ((cfg.get('default_hooks') or {}).get('checkpoint') or {}).get('save_best')
    best = best if isinstance(best, (list, tuple)) else [best]
    asked = [('default_hooks.checkpoint.save_best', name) for name in best if name != 'auto']
    hooks = [hook for hook in hooks_of(cfg) if isinstance(hook, Mapping)]
    strict = [hook for hook in hooks if hook.get('strict')]
    for part in (*schedulers_of(cfg), *strict):
        if type_name(part) in SCORE_READERS:
            asked.append((f'monitor of {type_name(part)}', part.get('monitor', 'loss')))
    # A few images need not be of each domain, which has a score; mmengine adds losses as val_*.
    families = {each.rpartition('/')[0] for each in metrics if '/' in each}
    for what, name in asked:
        known = name in (None, *metrics) or name.rpartition('/')[0] in families
        if not (known or name.startswith('val_')):
            raise CTError(f'{what} is {name}: {suggestion(name, metrics)}')


def _inputs(model: ImageClassifier, batch: Mapping[str, Any]) -> Any:
    return model.data_preprocessor(copy.deepcopy(batch), False)['inputs']


def _step(model: ImageClassifier, cfg: Config, batch: Mapping[str, Any], epoch: int) -> None:
    """Train on one batch with the optimizer and the schedulers of a config."""
    wrapper = build_optim_wrapper(model, copy.deepcopy(cfg.optim_wrapper))
    check_finite(wrapper)
    built = []
    # With several optimizers, schedules are given by the optimizers' names and are not tried.
    if not isinstance(wrapper, OptimWrapperDict):
        for scheduler in schedulers_of(cfg):
            settings = dict(optimizer=wrapper, epoch_length=epoch)
            built.append(PARAM_SCHEDULERS.build(copy.deepcopy(scheduler), default_args=settings))
    model.train()
    model.train_step(copy.deepcopy(batch), wrapper)
    for scheduler in built:
        # Start at its first step, because a scheduler does not read its settings before.
        scheduler._global_step = getattr(scheduler, 'begin', 0)
        with trial_of(f'the param_scheduler {type(scheduler).__name__}'):
            for _ in range(0 if getattr(scheduler, 'need_val_args', False) else 2):
                scheduler.step()
