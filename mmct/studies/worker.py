"""Run a cell of a study: train it or continue its training, then score it."""

import re
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier

from mmct.corruptions.names import REVISIONS
from mmct.models import build_classifier
from mmct.runs.building import build_runner
from mmct.runs.checkpoint import checkpoint_to_resume, last_checkpoint
from mmct.runs.configs import resume_from
from mmct.runs.errors import CTError, DivergedError, LockedError
from mmct.runs.files import lock_folder, write_text
from mmct.runs.isolation import isolated
from mmct.runs.training_time import trained_seconds
from mmct.runs.weights import check_fits, load, load_state_dict, safe_loading, save

from .cell import BUSY, DONE, FAILED, Cell, Outcome
from .registry import SCORES
from .rehearsal import check_start
from .store import TRAINING_STAGE, Status, StudyStore, missing_scores


@dataclass(frozen=True)
class TrainedRun:
    """A run that was trained to its end, as passed to scores.

    Attributes:
        title (str): Name of the run in messages.
        config (Config): Config of the run.
        folder (Path): Folder of the run, where a score may keep its own files.
        say (Callable): Reports the completed fraction of the score, from 0 to 1.
    """

    title: str
    config: Config
    folder: Path
    say: Callable[[float], None]

    def model(self, checkpoint: Path | None = None) -> ImageClassifier:
        """Load the network, on its device and in eval mode.

        Args:
            checkpoint (Path, optional): Checkpoint of an earlier epoch. Defaults
                to None: the end of training.
        """
        model = build_classifier(self.config)
        file = checkpoint or self.folder / 'weights.pth'
        weights = load_state_dict(file)
        check_fits(f'checkpoint {file}', weights, model)
        model.load_state_dict(weights)
        return model.to(get_device()).eval()

    def epochs(self) -> dict[int, Path]:
        """Find the checkpoints of epochs, sorted by epoch."""
        files = self.folder.glob('epoch_*.pth')
        matches = {file: re.fullmatch(r'epoch_(\d+)\.pth', file.name) for file in files}
        return dict(sorted((int(match[1]), file) for file, match in matches.items() if match))


def run_cell(cell: Cell, folder: Path) -> Outcome:
    """Train a cell or continue its training, and measure its scores.

    Any process may call this at any time: two processes never run the same cell
    at once, and a finished cell is never retrained.

    Args:
        cell (Cell): The cell.
        folder (Path): The folder of the study.

    Returns:
        Outcome: The outcome, which may be an error; its traceback is printed.
    """
    store = StudyStore(folder)
    try:
        with ExitStack() as held:
            lock = lock_folder(store.run(cell.key), 'use another --work-dir')
            held.callback(lock.release)
            held.enter_context(isolated())
            _run(cell, store)
        return Outcome(cell.key, DONE)
    except LockedError:
        return Outcome(cell.key, BUSY)
    except Exception as error:
        traceback.print_exc()
        lines = str(error).strip().splitlines() or ['']
        name = '' if isinstance(error, CTError) else f'{type(error).__name__}: '
        return Outcome(cell.key, FAILED, f'{name}{lines[-1]}')


def _run(cell: Cell, store: StudyStore) -> None:
    folder = store.run(cell.key)
    cfg_file = folder / 'config.py'
    write_text(cfg_file, cell.config.dump())
    cfg = Config.fromfile(cfg_file)
    # A Runner would set the scope, but a cell with only scores left builds none.
    init_default_scope(cfg.get('default_scope') or 'mmpretrain')
    result = store.result(cell.key)
    status = Status(folder)
    if result is None or not store.has_weights(cell.key):
        result = _training(cell, store, cfg, status)
        store.keep_result(cell.key, result)
    if result['diverged'] is not None:
        return
    for name in missing_scores(result, cell):
        settings = cell.scores[name]
        run = TrainedRun(cell.title, cfg, folder, partial(status.say, f'scoring {name}'))
        run.say(0)
        try:
            score = SCORES.build({**settings, 'name': name})
            value = score(run)
        except DivergedError as error:
            # The last step of the training diverged.
            store.keep_result(cell.key, _result(cell, str(error)))
            return
        result['scores'][name] = dict(
            settings=cell.marks[name],
            images=cell.images,
            given={**cell.given[name], **{t: REVISIONS[t] for t in getattr(score, 'tables', ())}},
            value=value,
        )
        store.keep_result(cell.key, result)


def _training(cell: Cell, store: StudyStore, cfg: Config, status: Status) -> dict[str, Any]:
    """Train a cell, and return its result without scores."""
    for key in cell.needs:
        before = store.result(key)
        if before is not None and before['diverged'] is not None:
            return _result(cell, f'a network that it needs diverged: {before["diverged"]}')
    try:
        facts = _trained(cfg, store.weights(cell.key), status)
    except DivergedError as error:
        return _result(cell, str(error))
    return _result(cell, None, **facts)


def _result(cell: Cell, diverged: str | None, **facts: Any) -> dict[str, Any]:
    return dict(title=cell.title, torch=torch.__version__, diverged=diverged, scores={}, **facts)


def _trained(cfg: Config, weights: Path, status: Status) -> dict[str, Any]:
    """Train to the end, keep the weights, and count the parameters and seconds."""
    # Unknown if the weights are there already, as after a crash before the result was kept.
    seconds = None
    if not weights.is_file():
        cfg.work_dir = str(weights.parent)
        path = last_checkpoint(cfg.work_dir, f'to train it anew, remove {weights.parent}')
        resume_from(cfg, path)
        runner = build_runner(cfg)
        if path is None:
            check_start(cfg, runner)
        runner.register_hook(_StatusHook(status))
        try:
            with safe_loading():
                runner.train()
        except BaseException:
            # An open run of a tracker would also receive the next cell.
            runner.visualizer.close()
            raise
        seconds = trained_seconds(runner)
        save(weights, load_state_dict(_last_checkpoint(runner)))
    parameters = sum(
        value.numel()
        for name, value in load_state_dict(weights).items()
        if not name.endswith(('running_mean', 'running_var', 'num_batches_tracked'))
    )
    return dict(parameters=parameters, seconds=seconds)


def _last_checkpoint(runner: Runner) -> str:
    """Return the checkpoint of the end of training, which alone has averaged weights.

    A run whose checkpoint hook did not save the last step, or that a hook stopped, has an older
    one.
    """
    path = checkpoint_to_resume(runner.work_dir, 'auto')
    if path is not None and load(path)['meta']['iter'] == runner.iter:
        return path
    # Not one of the checkpoints from which a run is resumed.
    runner.save_checkpoint(runner.work_dir, 'trained.pth')
    return str(Path(runner.work_dir) / 'trained.pth')


class _StatusHook(Hook):
    """Report the progress of the training."""

    priority = 'VERY_LOW'

    def __init__(self, status: Status) -> None:
        self._status = status

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        self._status.say(TRAINING_STAGE, (runner.iter + 1) / runner.max_iters)
