"""Running a cell: train or go on, then score."""

import time
import traceback
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmct.runs.building import build_runner
from mmct.runs.checkpoint import load_state_dict, safe_loading
from mmct.runs.errors import CTError, DivergedError, LockedError
from mmct.runs.files import lock_folder, write_text, write_whole
from mmct.runs.isolation import isolated
from mmct.runs.resume import checkpoint_to_resume

from .cell import hashed
from .registry import SCORES
from .status import Status, StatusHook
from .store import StudyStore, missing_scores
from .task import BUSY, DONE, FAILED, Outcome, Task
from .trained_run import TrainedRun


def run_cell(task: Task) -> Outcome:
    """Train a cell, or go on where it was, and measure its scores.

    Any process may call it, at any time: a cell is never run twice at once,
    and a finished one not again.

    Args:
        task (Task): The cell.

    Returns:
        Outcome: An error is an outcome, too; its traceback is printed.
    """
    store = StudyStore(task.folder)
    lock = None
    try:
        lock = lock_folder(store.run(task.key), 'use another --work-dir')
        with isolated():
            _run(task, store)
        return Outcome(task.key, DONE)
    except LockedError:
        return Outcome(task.key, BUSY)
    except Exception as error:
        traceback.print_exc()
        lines = str(error).strip().splitlines() or ['']
        name = '' if isinstance(error, CTError) else f'{type(error).__name__}: '
        return Outcome(task.key, FAILED, f'{name}{lines[-1]}')
    finally:
        if lock is not None:
            lock.release()


def _run(task: Task, store: StudyStore) -> None:
    folder = store.run(task.key)
    cfg_file = folder / 'config.py'
    write_text(cfg_file, task.config)
    cfg = Config.fromfile(cfg_file)
    # A Runner sets it; but a cell that has only scores left makes none.
    init_default_scope(cfg.get('default_scope') or 'mmpretrain')
    result = store.result(task.key)
    status = Status(folder)
    if result is None or not store.has_weights(task.key):
        result = _training(task, store, cfg, status)
        store.keep_result(task.key, result)
    if result['diverged'] is not None:
        return
    for name in missing_scores(result, task.scores):
        settings = task.scores[name]
        run = TrainedRun(
            task.title, cfg, folder, lambda done, name=name: status.say(f'scores {name}', done)
        )
        run.say(0)
        value = SCORES.build({**settings, 'name': name})(run)
        result['scores'][name] = dict(settings=hashed(settings), value=value)
        store.keep_result(task.key, result)


def _training(task: Task, store: StudyStore, cfg: Config, status: Status) -> dict[str, Any]:
    """Train, and say what the result file does of it."""
    for key in task.needs:
        before = store.result(key)
        if before is not None and before['diverged'] is not None:
            return _result(task, f'its teacher diverged: {before["diverged"]}')
    started = time.time()
    try:
        parameters = _trained(cfg, store.weights(task.key), status)
    except DivergedError as error:
        return _result(task, str(error))
    return _result(task, None, parameters=parameters, seconds=time.time() - started)


def _result(task: Task, diverged: str | None, **facts: Any) -> dict[str, Any]:
    return dict(title=task.title, torch=torch.__version__, diverged=diverged, scores={}, **facts)


def _trained(cfg: Config, weights: Path, status: Status) -> int:
    """Train to the end and keep the weights. Returns the number of parameters."""
    if not weights.is_file():
        cfg.work_dir = str(weights.parent)
        path = checkpoint_to_resume(cfg.work_dir, 'auto')
        cfg.resume = path is not None
        cfg.load_from = path or cfg.get('load_from')
        runner = build_runner(cfg)
        runner.register_hook(StatusHook(status))
        with safe_loading():
            runner.train()
        last = checkpoint_to_resume(cfg.work_dir, 'auto')
        if last is None:
            raise CTError('the run left no checkpoint: let default_hooks.checkpoint save the last')
        # Of the checkpoint, not the runner: averaged weights are in there alone.
        state = load_state_dict(last)
        write_whole(weights, lambda file: torch.save(state, file))
    return sum(
        value.numel()
        for name, value in load_state_dict(weights).items()
        if not name.endswith(('running_mean', 'running_var', 'num_batches_tracked'))
    )
