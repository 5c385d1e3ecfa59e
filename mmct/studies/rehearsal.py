"""Rehearse the arms of a study: build and try a run of each before any is trained."""

import copy
import traceback
from collections.abc import Iterable
from tempfile import TemporaryDirectory

from mmengine.config import Config
from mmpretrain.registry import HOOKS

from mmct.runs.building import build_runner, data_loader
from mmct.runs.errors import CTError, one_line, trial_of
from mmct.runs.identity import start_of
from mmct.runs.isolation import isolated
from mmct.runs.weights import load_state_dict, safe_loading
from mmct.teacher.config import teacher_config, teacher_hook
from mmct.teacher.rehearsal import rehearse, rehearse_alone

from .cell import Cell


def rehearse_cells(cells: Iterable[Cell]) -> str:
    """Build the first cell of each arm and role, train it for a step, and discard it.

    Args:
        cells (Iterable[Cell]): The cells to train.

    Returns:
        str: The error of the first failure, with the name of the arm; empty if all can be
            trained. The traceback is printed.
    """
    first: dict[tuple[str, str], Cell] = {}
    for cell in cells:
        first.setdefault((cell.arm, cell.role), cell)
    try:
        for cell in first.values():
            with trial_of(f'arm {cell.arm!r}'), isolated(), TemporaryDirectory() as folder:
                _check_start(cell)
                _rehearse(copy.deepcopy(cell.config), folder)
    except CTError as error:
        traceback.print_exc()
        return str(error)
    except OSError as error:
        # A file that a config names, such as that of initial weights.
        traceback.print_exc()
        return f'arm {cell.arm!r} fails: {one_line(error)}'
    return ''


def _check_start(cell: Cell) -> None:
    """Refuse a checkpoint of initial weights that cannot be loaded."""
    start = start_of(cell.config)
    # The weights that another cell makes are in a folder with its key.
    if start and not any(key in start for key in cell.needs):
        load_state_dict(start)


def _rehearse(cfg: Config, folder: str) -> None:
    cfg.work_dir = folder
    runner = build_runner(cfg)
    with safe_loading():
        # Here files of an init_cfg are read.
        runner.model.init_weights()
    data_loader(runner, 'train')
    if cfg.get('val_dataloader'):
        data_loader(runner, 'val')
    hook = teacher_hook(cfg)
    if hook is None:
        rehearse_alone(runner)
    else:
        built = HOOKS.build(hook)
        teacher = teacher_config(cfg, built.recipe, folder)
        rehearse(runner, teacher, built.recipe, built.student_start)
