"""From a study to its cells."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmpretrain.registry import DATASETS, HOOKS

from mmct.methods.switch import add_methods
from mmct.runs.building import set_loader_defaults
from mmct.runs.checkpoint import digest, load_state_dict
from mmct.runs.configs import (
    import_also,
    load_config,
    stretch,
    use_resumable_checkpoints,
)
from mmct.runs.errors import CTError, one_line
from mmct.runs.identity import fingerprint
from mmct.teacher.config import teacher_config, teacher_hook

from .cell import TEACHER, TRAINING, TUNING, Cell, hashed
from .store import SCHEMA_VERSION, StudyStore
from .study import Arm, Study
from .tuning import HELD_OUT, TRIAL_SCORES, choose


class Planner:
    """Makes the cells of a study, as far as they are known.

    The cells of an arm with tuning are known when its trials have results.

    Args:
        study (Study): The study.
        store (StudyStore): Its folder.

    Attributes:
        hopeless (dict[str, str]): Arms that cannot be trained, as all trials
            of their tuning diverged, and what to say of them.
    """

    def __init__(self, study: Study, store: StudyStore) -> None:
        self.study, self.store = study, store
        self.hopeless: dict[str, str] = {}
        self._cells: dict[tuple, list[Cell]] = {}
        self._facts: dict[str, tuple[int, Any]] = {}
        self._files: dict[str, Config] = {}

    def cells(self, results: Mapping[str, Mapping]) -> list[Cell]:
        """The cells that are known.

        Args:
            results (Mapping): Of cells that have one, by key.

        Returns:
            list[Cell]: Each once, after those that it needs: arms that train
            the same, or an arm that is a teacher or trial, too, are one cell.

        Raises:
            CTError: If an arm cannot be trained; the message names it.
        """
        cells: dict[str, Cell] = {}
        for cell in self.entries(results):
            known = cells.setdefault(cell.key, cell)
            # An arm's own cell, if it is one, gives its name to all.
            owner = cell if cell.role == TRAINING != known.role else known
            cells[cell.key] = replace(owner, scores={**known.scores, **cell.scores})
        return list(cells.values())

    def entries(self, results: Mapping[str, Mapping]) -> list[Cell]:
        """What each arm has: a cell is there as often as arms share it.

        Args:
            results (Mapping): Of cells that have one, by key.
        """
        cells = []
        for arm in self.study.arms:
            chosen = self.choice(arm, results)
            cells += self.trials(arm)
            if arm.tuning is None or chosen is not None:
                for seed in self.study.seeds:
                    cells += self._of(arm, seed, chosen)
        return cells

    def plan(self, results: Mapping[str, Mapping]) -> dict[str, Any]:
        """What ``study.json`` says: enough to make tables from the results.

        Args:
            results (Mapping): Of cells that have one, by key.

        Returns:
            dict: JSON-able.
        """
        study = self.study
        return dict(
            name=study.name,
            seeds=study.seeds,
            arms={
                arm.name: dict(
                    group=arm.group,
                    variant=arm.variant,
                    baselines=list(arm.baselines),
                    points=None if arm.tuning is None else arm.tuning.points,
                    chosen=self.choice(arm, results),
                )
                for arm in study.arms
            },
            cells=[
                dict(key=c.key, role=c.role, arm=c.arm, seed=c.seed, point=c.point)
                for c in self.entries(results)
            ],
            table=study.table,
            figures=study.figures,
            tables=study.tables,
        )

    def trials(self, arm: Arm) -> list[Cell]:
        """The cells from which an arm's settings are chosen."""
        if arm.tuning is None:
            return []
        seed = self.study.seeds[0] if arm.tuning.seed is None else arm.tuning.seed
        points = range(len(arm.tuning.points))
        return [cell for point in points for cell in self._of(arm, seed, point, trial=True)]

    def example(self, arm: Arm) -> Cell:
        """A cell of an arm that is still to be tuned: with its first point."""
        return self._of(arm, self.study.seeds[0], 0)[-1]

    def choice(self, arm: Arm, results: Mapping[str, Mapping]) -> int | None:
        """The point of an arm's tuning that was best.

        None if not all are known, or none of them can be used.
        """
        if arm.tuning is None:
            return None
        trials = [cell for cell in self.trials(arm) if cell.role == TUNING]
        try:
            return choose(arm.name, [results.get(cell.key) for cell in trials])
        except CTError as error:
            self.hopeless[arm.name] = str(error)
            return None

    def _of(self, arm: Arm, seed: int, point: int | None, trial: bool = False) -> list[Cell]:
        known = arm.name, seed, point, trial
        if known not in self._cells:
            try:
                self._cells[known] = self._made(arm, seed, point, trial)
            except CTError as error:
                raise CTError(f'arm {arm.name!r}: {error}') from error
            except (AttributeError, ImportError, KeyError, OSError, TypeError, ValueError) as error:
                text = f'arm {arm.name!r} cannot be trained: {one_line(error)}'
                raise CTError(text) from error
        return self._cells[known]

    def _made(self, arm: Arm, seed: int, point: int | None, trial: bool) -> list[Cell]:
        overlays = list(arm.overlays)
        if point is not None:
            overlays.append(arm.tuning.points[point])
        if trial:
            overlays.append(arm.tuning.overlay)
        cfg = self._config(arm, overlays, seed)
        role = TUNING if trial else TRAINING
        scores = TRIAL_SCORES if trial else {**self.study.scores, **arm.scores}
        if trial and cfg.get('val_dataloader') is None:
            raise CTError(f'tuning chooses by the {HELD_OUT} error, but there is no val_dataloader')
        cells, marks = [], {}
        hook = teacher_hook(cfg)
        if hook is not None and not hook.get('checkpoint'):
            recipe = HOOKS.build(hook).recipe
            teacher_cfg = teacher_config(cfg, recipe, '')
            teacher = Cell(self._key(teacher_cfg, {}), TEACHER, arm.name, seed, teacher_cfg, {})
            cells.append(teacher)
            marks['teacher'] = teacher.key
            hook.checkpoint = str(self.store.weights(teacher.key))
            hook.retrain = False
        elif hook is not None:
            marks['teacher'] = _mark_of_file(hook.checkpoint)
        needs = tuple(cell.key for cell in cells)
        key = self._key(cfg, marks)
        own = Cell(key, role, arm.name, seed, cfg, scores, needs, point if trial else None)
        return [*cells, own]

    def _config(self, arm: Arm, overlays: list[dict], seed: int) -> Config:
        cfg = self._read(arm.config)
        for overlay in overlays:
            # A copy: mmengine takes _delete_ out of what it merges.
            cfg.merge_from_dict(copy.deepcopy(overlay))
        stretch(cfg, arm.length)
        add_methods(cfg, arm.methods)
        cfg.randomness = {**(cfg.get('randomness') or {}), 'seed': seed}
        cfg.merge_from_dict({key: seed for key in arm.seeded})
        for field in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            set_loader_defaults(cfg, field, persistent_workers=True)
        use_resumable_checkpoints(cfg)
        import_also(cfg, [*self.study.imports, 'mmct'])
        return cfg

    def _read(self, path: str) -> Config:
        # Reading takes longer than all else, and thousands of cells share a file.
        if path not in self._files:
            beside = '::' not in path and not Path(path).is_absolute()
            cfg = load_config(str(self.study.folder / path) if beside else path)
            if not cfg.get('model') or not cfg.get('train_dataloader') or not cfg.get('train_cfg'):
                raise CTError(
                    f'{path} is no training config: it needs model, train_dataloader, train_cfg'
                )
            self._files[path] = cfg
        return copy.deepcopy(self._files[path])

    def _key(self, cfg: Config, marks: dict[str, Any]) -> str:
        dataset = cfg.train_dataloader.dataset
        name = hashed(dataset.to_dict())
        if name not in self._facts:
            built = DATASETS.build(copy.deepcopy(dataset))
            classes = getattr(built, 'metainfo', {}).get('classes')
            self._facts[name] = len(built), classes
        images, classes = self._facts[name]
        if cfg.get('load_from'):
            marks = {**marks, 'load_from': _mark_of_file(cfg.load_from)}
        training = fingerprint(cfg, images, classes, world_size=1)
        return hashed(dict(version=SCHEMA_VERSION, training=training, **marks))


def _mark_of_file(path: str) -> str:
    return digest(load_state_dict(path)) if Path(path).is_file() else str(path)
