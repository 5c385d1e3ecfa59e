"""How long a study will take, from a few steps of each arm."""

import copy
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS

from mmct.methods import AdversarialTrainingHook
from mmct.models import CTClassifier
from mmct.runs.building import build_runner, check_classes
from mmct.runs.configs import scoped
from mmct.runs.errors import CTError, one_line
from mmct.runs.isolation import isolated, stop_workers

from .cell import Cell
from .checks import images_to_predict
from .study import Study

_WARM_UP, _STEPS = 1, 3


@dataclass(frozen=True)
class Estimate:
    """What a cell costs.

    Attributes:
        steps (int): Of its training.
        seconds_per_step (float): Measured.
        images (int): That its scores predict.
        seconds_per_image (float): Measured, without making corruptions.
    """

    steps: int
    seconds_per_step: float
    images: int
    seconds_per_image: float

    @property
    def seconds(self) -> float:
        """For training and scores."""
        return self.steps * self.seconds_per_step + self.images * self.seconds_per_image


def estimate(cell: Cell) -> Estimate:
    """Train a few steps of a cell, and predict a batch.

    Args:
        cell (Cell): The cell. Nothing is left of the trial.

    Returns:
        Estimate: From the fastest of three steps.

    Raises:
        CTError: If the cell cannot be trained; the message names its arm.
    """
    try:
        with isolated(), tempfile.TemporaryDirectory() as folder:
            return _measured(cell, folder)
    except CTError as error:
        raise CTError(f'arm {cell.arm!r}: {error}') from error
    except (AssertionError, AttributeError, ImportError, KeyError, OSError, RuntimeError,
            TypeError, ValueError) as error:  # fmt: skip
        raise CTError(f'arm {cell.arm!r} does not build: {one_line(error)}') from error


def _measured(cell: Cell, folder: str) -> Estimate:
    cfg = copy.deepcopy(cell.config)
    cfg.update(work_dir=folder, log_level='WARNING', experiment_name=f'estimate_{time.time()}')
    runner = build_runner(cfg)
    loop = runner._train_loop = runner.build_train_loop(runner._train_loop)
    try:
        check_classes(runner.train_dataloader, runner)
        optim = runner.build_optim_wrapper(runner.optim_wrapper)
        model = runner.model.train()
        if isinstance(model, CTClassifier):
            model.attach_teacher(_teacher(cfg))
        batch = next(iter(runner.train_dataloader))
        attacks = [hook for hook in runner.hooks if isinstance(hook, AdversarialTrainingHook)]

        def train_step() -> None:
            data = dict(batch)
            for attack in attacks:
                attack.before_train_iter(runner, 0, data)
            model.train_step(data, optim)

        step = _fastest(train_step)
        # By the call that scores make, so that they cannot fail after hours.
        inputs = model.data_preprocessor(batch, False)['inputs']
        model.eval()
        predicted = _fastest(lambda: model(inputs, mode='tensor')) / len(inputs)
    finally:
        stop_workers(runner)
    return Estimate(loop.max_iters, step, images_to_predict(cell), predicted)


def _teacher(cfg: Config) -> torch.nn.Module:
    settings = copy.deepcopy(cfg.model)
    settings.type = scoped(cfg, 'NormFreeClassifier')
    settings.pop('consistency', None)
    settings.setdefault('data_preprocessor', copy.deepcopy(cfg.get('data_preprocessor')))
    return MODELS.build(settings)


def _fastest(step: Callable[[], object]) -> float:
    seconds = []
    for _ in range(_WARM_UP + _STEPS):
        started = time.perf_counter()
        step()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return min(seconds[_WARM_UP:])


def cells_alike(study: Study, cells: Sequence[Cell]) -> dict[tuple[str, str], list[Cell]]:
    """The cells that take as long as one another.

    Args:
        study (Study): Its arms say which other arm takes as long.
        cells (Sequence[Cell]): Any.

    Returns:
        dict: By arm and role.
    """
    timed_as = {arm.name: arm.timed_as or arm.name for arm in study.arms}
    found: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        found.setdefault((timed_as[cell.arm], cell.role), []).append(cell)
    return found
