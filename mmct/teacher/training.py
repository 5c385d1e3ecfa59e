"""Load a teacher from a file or from the work dir, or train it; train a baseline."""

import gc
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import HOOKS
from torch import Tensor

from mmct.models import (
    are_standardised,
    build_classifier,
    fold_weights,
    standardise_weights,
)
from mmct.runs.averages import averages
from mmct.runs.checkpoint import forget_last_checkpoint, last_checkpoint
from mmct.runs.configs import resume_from
from mmct.runs.data_content import data_cache, data_mark
from mmct.runs.divergence import DivergenceHook
from mmct.runs.errors import CTError
from mmct.runs.identity import UNKNOWN, differences, fingerprint, in_short
from mmct.runs.isolation import isolated, stop_workers
from mmct.runs.progress_hook import show_stage
from mmct.runs.quiet_logging import ON_CONSOLE
from mmct.runs.ranks import on_main_rank, unwrapped
from mmct.runs.training_time import trained_seconds
from mmct.runs.weights import load, load_state_dict, safe_loading

from .config import TeacherRecipe, baseline_config, teacher_config
from .evaluation import is_above_chance, teacher_record
from .rehearsal import rehearse
from .store import TeacherStore
from .trackers import write_into


def get_teacher(
    runner: Runner,
    recipe: TeacherRecipe,
    checkpoint: str | None = None,
    retrain: bool | str = False,
    student_start: str = 'scratch',
) -> tuple[ImageClassifier, dict[str, Any]]:
    """Load a teacher, or train it in ``<work_dir>/teacher`` if there is none.

    Args:
        runner (Runner): The student's runner.
        recipe (TeacherRecipe): The recipe of the teacher's training.
        checkpoint (str, optional): A file to load the teacher from instead. Defaults to None.
        retrain (bool | str): Whether to train a new teacher even if there is a finished one, which
            is then moved aside; 'unless_trained' keeps one of this config. Defaults to False.
        student_start (str): How the student will start, 'scratch' or 'teacher'. This is tried
            before a teacher is trained. Defaults to 'scratch'.

    Returns:
        tuple[ImageClassifier, dict]: The teacher and its record, see
        :func:`mmct.teacher.evaluation.teacher_record`.

    Raises:
        CTError: If no teacher can be loaded or trained; the message says why.
    """
    with isolated():
        if checkpoint:
            return _loaded(runner, recipe, checkpoint, student_start)
        store = _store(runner)
        was_there = _train_unless_there(runner, recipe, store, retrain, student_start)
        teacher, record = _built(runner, recipe, store.load(), store.weights), store.read()
        if was_there and not is_above_chance(record):
            # The validation set, which is no part of the fingerprint, may have been mended.
            teacher.to(next(unwrapped(runner).parameters()).device)
            record = {**record, **teacher_record(runner, teacher, record['source'])}
            if store.folder.parent == Path(runner.work_dir):  # not another run's
                on_main_rank(lambda: store.update(**record))
        return teacher, record


def check_baseline(runner: Runner, length: float | None) -> None:
    """Refuse a baseline that could not be trained, before the run trains anything.

    Args:
        runner (Runner): The student's runner.
        length (float, optional): See :func:`get_baseline`.

    Raises:
        CTError: The message says why.
    """
    cfg, store = _baseline(runner, length)
    finished = on_main_rank(store.is_finished)  # reads its record, which may be damaged
    if cfg.start_from == UNKNOWN and not finished:
        raise CTError(
            'the config of a resumed run does not say which weights it had started from, as '
            'the baseline has to: resume with `mmct train --resume`'
        )


def get_baseline(runner: Runner, length: float | None = None) -> ImageClassifier:
    """Train the plain network with BN in ``<work_dir>/baseline``, or load it from there.

    A baseline that was trained with other settings is moved aside.

    Args:
        runner (Runner): The student's runner.
        length (float, optional): Length of the baseline's training, in multiples of the student's.
            Defaults to None: that of teacher and student together.

    Returns:
        ImageClassifier: The trained network.

    Raises:
        CTError: If the baseline cannot be trained; the message says why.
    """
    with isolated():
        cfg, store = _baseline(runner, length)
        marks, resumed = _marks(runner, cfg), runner._resume
        # A resumed run may have another number of processes, as its teacher may.
        ignored = ('world_size',) if resumed else ()

        def begun() -> str:
            record = store.read()
            other = record is not None and differences(record['fingerprint'], marks, ignored)
            return _begun(store, marks, retrain=bool(other), any_processes=resumed)[0]

        _finish(runner, cfg, store, on_main_rank(begun), 'the plain network with BN')
        recipe = TeacherRecipe(remove_bn=False)
        return _built(runner, recipe, store.load(), store.weights)


def _baseline(runner: Runner, length: float | None) -> tuple[Config, TeacherStore]:
    store = TeacherStore(Path(runner.work_dir) / 'baseline', 'baseline')
    return baseline_config(runner.cfg, length, str(store.folder)), store


def stage(runner: Runner, name: str) -> str:
    """Number a training within its run.

    Args:
        runner (Runner): The student's runner.
        name (str): 'teacher', 'student' or 'baseline'.

    Returns:
        str: A text such as ``Stage 1 of 2``. With a ``BaselineHook`` there are three stages.
    """
    stages = ['teacher', 'student']
    if any(isinstance(hook, HOOKS.get('BaselineHook')) for hook in runner.hooks):
        stages.append('baseline')
    return f'Stage {stages.index(name) + 1} of {len(stages)}'


def _store(runner: Runner) -> TeacherStore:
    """Find the teacher's folder in the work dir, or next to a resumed student's checkpoint."""
    own = TeacherStore(Path(runner.work_dir) / 'teacher')
    if runner.iter == 0 or own.is_finished() or not runner._load_from:
        return own
    beside = TeacherStore(Path(runner._load_from).parent / 'teacher')
    return beside if beside.is_finished() else own


def _loaded(
    runner: Runner, recipe: TeacherRecipe, checkpoint: str, student_start: str
) -> tuple[ImageClassifier, dict[str, Any]]:
    teacher = _built(runner, recipe, load_state_dict(checkpoint), checkpoint)
    rehearse(runner, teacher_config(runner.cfg, recipe, ''), recipe, student_start)
    teacher.to(next(unwrapped(runner).parameters()).device)
    record = teacher_record(runner, teacher, checkpoint)
    runner.logger.info(
        f'Teacher {checkpoint}: accuracy {record["accuracy_pct"]:.2f} % '
        f'({record["measured_on"]}, {record["num_images"]} images)',
        extra=ON_CONSOLE,
    )
    return teacher, record


def _train_unless_there(
    runner: Runner,
    recipe: TeacherRecipe,
    store: TeacherStore,
    retrain: bool | str,
    student_start: str,
) -> bool:
    """Return whether there was a finished teacher."""
    cfg = teacher_config(runner.cfg, recipe, str(store.folder))
    if retrain and runner.iter > 0:
        retrain = False
        runner.logger.warning(
            '--retrain-teacher is ignored: a resumed student keeps the teacher that it began with'
        )
    if runner.iter > 0 and not on_main_rank(store.is_finished):
        raise CTError(
            f'the checkpoint to resume is of a student whose teacher is not in {store.folder}: '
            'put it there, or give it with --teacher'
        )
    rehearse(runner, cfg, recipe, student_start)
    checkpoints = (runner.cfg.get('default_hooks') or {}).get('checkpoint') or {}
    allow_other = checkpoints.get('on_other_config') == 'warn'
    state, differing = on_main_rank(
        lambda: _begun(store, _marks(runner, cfg), retrain, allow_other, runner.iter > 0)
    )
    if state != 'finished' and runner.iter == 0:
        # Until the student has one of its own, there is none to resume.
        forget_last_checkpoint(runner.work_dir)
    if differing:
        runner.logger.warning(
            f'The teacher in {store.folder} was trained with other settings '
            f'({in_short(differing)}): it is used anyway; --retrain-teacher trains another one'
        )
    kind = 'BN-free' if recipe.remove_bn else 'BN'
    _finish(runner, cfg, store, state, f'the {kind} teacher')
    return state == 'finished'


def _finish(runner: Runner, cfg: Config, store: TeacherStore, state: str, what: str) -> None:
    """Train a network unless it is finished, and say which stage of the run this is."""
    word = dict(finished='done,', unfinished='continuing', none='training')[state]
    place = 'is in' if state == 'finished' else 'in'
    runner.logger.info(
        f'{stage(runner, store.name)}: {word} {what} {place} {store.folder}', extra=ON_CONSOLE
    )
    if state != 'finished':
        _train(runner, cfg, store, resume=state == 'unfinished')
        # Parts of a Runner refer to one another: without this, network and optimizer would stay
        # in the device's memory while the student trains.
        gc.collect()


def _marks(runner: Runner, cfg: Config) -> dict[str, Any]:
    data = data_mark(runner.train_dataloader.dataset, data_cache(runner.work_dir))
    return fingerprint(cfg, data, get_world_size())


def _begun(
    store: TeacherStore,
    marks: dict[str, Any],
    retrain: bool | str,
    allow_other: bool = False,
    any_processes: bool = False,
) -> tuple[str, list[str]]:
    """Begin a training if the store has no match; return the store's state and differences."""
    kept = retrain == 'unless_trained' and store.is_trained(marks)
    if retrain and not kept and not store.is_unfinished():
        store.set_aside()
    state, differing = store.state(marks, allow_other, any_processes)
    if state == 'none':
        # Another config's unfinished run must not be resumed.
        store.set_aside()
        store.begin(marks)
    elif state == 'unfinished' and differences(store.read()['fingerprint'], marks):
        # It goes on with another number of processes.
        store.begin(marks)
    return state, differing


def _train(outer: Runner, cfg: Config, store: TeacherStore, resume: bool) -> None:
    """Train a network with a Runner of its own, and store it."""
    remedy = f'to begin the {store.name} anew, move {store.folder} away'
    path = last_checkpoint(cfg.work_dir, remedy) if resume else None
    resume_from(cfg, path)
    # Use the student's seed, even if the config does not set one. If another tool draws a new one
    # at each start, the training goes on with that which it began with.
    seed = outer.seed if path is None else load(path)['meta'].get('seed', outer.seed)
    cfg.randomness = {**(cfg.get('randomness') or {}), 'seed': seed}
    # Runs that begin in the same second would otherwise share logger and message hub.
    cfg.experiment_name = f'{outer.experiment_name}_{store.name}'
    runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    runner.register_hook(DivergenceHook())
    show_stage(runner, outer, store.name)
    write_into(runner.visualizer, outer.visualizer, f'{store.name}/')
    try:
        with safe_loading():
            runner.train()
        teacher = _kept(runner)
        record = teacher_record(runner, teacher, 'trained')
    finally:
        # mmengine closes it only if the training comes to its end.
        runner.visualizer.close()
        stop_workers(runner)
        # Under torch.compile, what this stage compiled would count towards the limit of
        # recompilations. More of the student would then run eagerly than with a cached teacher,
        # and eager code rounds differently.
        torch.compiler.reset()
    on_main_rank(
        lambda: store.finish(
            {name: value.cpu() for name, value in teacher.state_dict().items()},
            **record,
            seconds=trained_seconds(runner),
        )
    )


def _kept(runner: Runner) -> ImageClassifier:
    """Return the trained network with averaged weights, if any, and plain convolutions."""
    teacher = unwrapped(runner)
    for average in averages(runner):
        teacher.load_state_dict(average.module.state_dict())
    return fold_weights(teacher)


def _built(
    runner: Runner, recipe: TeacherRecipe, weights: dict[str, Tensor], source: str | Path
) -> ImageClassifier:
    """Build the network of the student's config, without BN by default, and load weights."""
    # The weights that a student standardises are plain ones in its teacher.
    teacher = fold_weights(build_classifier(runner.cfg, recipe.model_type))
    with_bn, expected = (
        [name for name in names if name.endswith('running_var')]
        for names in (weights, teacher.state_dict())
    )
    if with_bn and recipe.remove_bn:
        raise CTError(
            f'teacher {source} is not BN-free, it has {with_bn[0]}: give a checkpoint '
            'of a BN-free run, or let CT train the teacher (no --teacher)'
        )
    # A BN that tracks no statistics has none in a file.
    if expected and not with_bn:
        raise CTError(f'teacher {source} has no BN, but NoBNTeacherHook has remove_bn=False')
    if are_standardised(weights):
        standardise_weights(teacher)
    try:
        teacher.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:]]
        raise CTError(
            f"teacher {source} does not fit the student's architecture: {lines[0][:200]}"
        ) from error
    return fold_weights(teacher)
