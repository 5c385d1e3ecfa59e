"""Rehearse the arms of a study: build and try a run of each before any is trained."""

import copy
import traceback
from collections.abc import Iterable
from tempfile import TemporaryDirectory

from mmengine.config import Config
from mmengine.runner import Runner

from mmct.runs.building import build_hook, build_runner, data_loader
from mmct.runs.errors import CTError, one_line, trial_of
from mmct.runs.identity import start_of
from mmct.runs.isolation import isolated
from mmct.runs.ranks import unwrapped
from mmct.runs.weights import check_some_fit, load_state_dict, safe_loading
from mmct.teacher.config import teacher_config, teacher_hook
from mmct.teacher.rehearsal import rehearse, rehearse_alone
from mmct.teacher.trackers import local_backends, teachers_backends

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
                _rehearse(cell, folder)
    except CTError as error:
        traceback.print_exc()
        return str(error)
    except OSError as error:
        # A file that a config names, such as that of initial weights.
        traceback.print_exc()
        return f'arm {cell.arm!r} fails: {one_line(error)}'
    return ''


def check_start(cfg: Config, runner: Runner) -> None:
    """Refuse initial weights that cannot be loaded, or of which none fits.

    Args:
        cfg (Config): The config of a training.
        runner (Runner): Its runner.

    Raises:
        CTError: If the checkpoint cannot be used; the message says why.
    """
    start = start_of(cfg)
    if start:
        check_some_fit(f'checkpoint {start}', load_state_dict(start), unwrapped(runner))


def _rehearse(cell: Cell, folder: str) -> None:
    cfg = copy.deepcopy(cell.config)
    cfg.work_dir = folder
    if cfg.get('visualizer'):
        # Trackers would take the rehearsal for a run.
        backends = teachers_backends(cfg.visualizer.get('vis_backends'))
        cfg.visualizer.vis_backends = local_backends(backends)
    runner = build_runner(cfg)
    # The weights that another cell makes are in a folder with its key.
    if not any(key in (start_of(cfg) or '') for key in cell.needs):
        check_start(cfg, runner)
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
        built = build_hook(hook)
        teacher = teacher_config(cfg, built.recipe, folder)
        rehearse(runner, teacher, built.recipe, built.student_start)
