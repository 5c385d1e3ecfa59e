"""Plan the cells of a study."""

import copy
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmpretrain.registry import DATASETS

from mmct.corruptions.names import REVISIONS
from mmct.datasets import CorruptionSet
from mmct.methods.switch import add_methods
from mmct.runs.building import build_hook, set_loader_defaults
from mmct.runs.config_check import check_config
from mmct.runs.configs import (
    check_key,
    import_also,
    is_kind,
    load_config,
    start_anew,
    stretch,
    use_resumable_checkpoints,
)
from mmct.runs.data_content import data_cache, data_mark
from mmct.runs.errors import CTError, one_line
from mmct.runs.identity import fingerprint, hooks_of
from mmct.teacher.config import (
    HOOKS_AT_THE_END,
    drop_hooks,
    teacher_config,
    teacher_hook,
)

from .cell import TEACHER, TRAINING, TUNING, Cell, hashed
from .config import Arm, Study
from .store import SCHEMA_VERSION, StudyStore, missing_scores
from .summary import value_at

_HELD_OUT = 'validation'
# The score of a trial: the error on val_dataloader.
_TRIAL_SCORES = {_HELD_OUT: dict(type='ValidationError')}


class Planner:
    """Plan the cells (runs) of a study, as far as they are known.

    The cells of an arm with tuning are known once its trials have results.

    Args:
        study (Study): The study.
        store (StudyStore): The folder of the study.
        with_data (bool): Whether to build each training set to identify its content, which
            is part of the keys of cells. If False, the content is taken from
            ``study.json``; cells with a set unknown there get keys that match no result.
            Defaults to True.

    Attributes:
        diverged (dict[str, str]): An error message for each arm that cannot be trained
            because all trials of its tuning diverged.
    """

    def __init__(self, study: Study, store: StudyStore, with_data: bool = True) -> None:
        self.study, self.store, self._with_data = study, store, with_data
        self.diverged: dict[str, str] = {}
        self._cells: dict[tuple, list[Cell]] = {}
        self._files: dict[str, Config] = {}
        known = {} if with_data else (store.plan() or {})
        self._data: dict[str, Mapping[str, Any]] = known.get('data', {})
        self._unmarked: set[str] = set()

    def cells(self, results: Mapping[str, Mapping]) -> list[Cell]:
        """List the known cells.

        Args:
            results (Mapping): Results so far by key of the cell.

        Returns:
            list[Cell]: Each cell once, after the cells that it needs. Arms with the
            same training share a cell, also with a teacher or trial.

        Raises:
            CTError: If an arm cannot be trained; the message names it.
        """
        cells: dict[str, Cell] = {}
        for cell in self.entries(results):
            known = cells.setdefault(cell.key, cell)
            if known is cell:
                continue
            _check_scores(known, cell)
            # If one of them is an arm's own training, the shared cell gets its name.
            owner = cell if cell.role == TRAINING != known.role else known
            cells[cell.key] = replace(owner, scores={**known.scores, **cell.scores})
        return list(cells.values())

    def entries(self, results: Mapping[str, Mapping]) -> list[Cell]:
        """List the cells of each arm; a shared cell is listed for each arm.

        Args:
            results (Mapping): Results so far by key of the cell.
        """
        cells = []
        for arm in self.study.arms.values():
            chosen = self.choice(arm, results)
            cells += self.trials(arm)
            if arm.tuning is None or chosen is not None:
                for seed in self.study.seeds:
                    cells += self._of(arm, seed, chosen)
        return cells

    def plan(self, results: Mapping[str, Mapping]) -> dict[str, Any]:
        """Make the content of ``study.json``, from which results can be turned into tables.

        Args:
            results (Mapping): Results so far by key of the cell.

        Returns:
            dict: The plan, which JSON can hold.
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
                for arm in study.arms.values()
            },
            cells=[
                dict(
                    key=c.key, role=c.role, arm=c.arm, seed=c.seed, point=c.point,
                    scores=c.marks, images=c.images, given=c.given,
                )
                for c in self.entries(results)
            ],
            table=study.table,
            figures=study.figures,
            tables=study.tables,
            data=self._data,
            revisions=REVISIONS,
        )

    def trials(self, arm: Arm) -> list[Cell]:
        """List the cells from which an arm's settings are chosen."""
        if arm.tuning is None:
            return []
        seed = self.study.seeds[0] if arm.tuning.seed is None else arm.tuning.seed
        points = range(len(arm.tuning.points))
        return [cell for point in points for cell in self._of(arm, seed, point, trial=True)]

    def choice(self, arm: Arm, results: Mapping[str, Mapping]) -> int | None:
        """Choose the point of an arm's tuning with the smallest validation error.

        Args:
            arm (Arm): An arm of the study.
            results (Mapping): Results so far by key of the cell.

        Returns:
            int: Number of the point, the first among equals; None if results are
            missing, or all trials diverged.
        """
        trials = [cell for cell in self.trials(arm) if cell.role == TUNING]
        errors = [_held_out_error(cell, results.get(cell.key)) for cell in trials]
        if not errors or None in errors:
            return None
        if not math.isfinite(min(errors)):
            self.diverged[arm.name] = (
                f'arm {arm.name!r}: training diverged for all {len(errors)} points of its tuning'
            )
            return None
        return errors.index(min(errors))

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
        overlays = [self.study.common, *arm.overlays]
        if point is not None:
            overlays.append(arm.tuning.points[point])
        if trial:
            overlays.append(arm.tuning.overlay)
        cfg = self._config(arm, overlays, seed)
        role = TUNING if trial else TRAINING
        scores = _TRIAL_SCORES if trial else {**self.study.scores, **arm.scores}
        if trial and cfg.get('val_dataloader') is None:
            raise CTError('tuning needs the validation error, but there is no val_dataloader')
        cells, starts = [], ()
        if arm.start is not None:
            start = self._of(self.study.arms[arm.start], seed, None)[-1]
            starts = (start.key,)
            # The key stands for the file, which may not exist yet; _set_start sets the path.
            cfg.load_from = start.key
            cfg.pop('start_from', None)
        key, hook = self._key(cfg), teacher_hook(cfg)
        if hook is not None and not hook.get('checkpoint'):
            recipe = build_hook(hook).recipe
            teacher_cfg = teacher_config(cfg, recipe, '')
            teacher_key = self._key(teacher_cfg)
            needs = () if recipe.from_scratch else starts
            self._set_start(teacher_cfg, needs)
            teacher = Cell(teacher_key, TEACHER, arm.name, seed, teacher_cfg, {}, needs)
            cells.append(teacher)
            hook.checkpoint = str(self.store.weights(teacher.key))
            hook.retrain = False
        self._set_start(cfg, starts)
        needs = (*starts, *(cell.key for cell in cells))
        own = Cell(key, role, arm.name, seed, cfg, scores, needs, point if trial else None,
                   self._content(cfg))  # fmt: skip
        return [*cells, own]

    def _set_start(self, cfg: Config, starts: tuple[str, ...]) -> None:
        """Set the file from which a training starts, if another cell makes it."""
        for key in starts:
            path = str(self.store.weights(key))
            if cfg.get('load_from'):
                cfg.load_from = path
            if 'start_from' in cfg:
                cfg.start_from = path
            for hook in hooks_of(cfg):
                if hook.get('checkpoint') == key:
                    hook['checkpoint'] = path

    def _config(self, arm: Arm, overlays: list[dict], seed: int) -> Config:
        cfg = self._read(arm.config)
        for overlay in overlays:
            for key in overlay:
                check_key(cfg, key, 'overlay')
            # A copy, as mmengine removes _delete_ from a dict that it merges.
            cfg.merge_from_dict(copy.deepcopy(overlay))
        # An overlay may name other weights than the config of a run began with.
        start_anew(cfg, arm.config)
        check_config(cfg)
        # The config of a run of several processes names their launcher; a cell is one process.
        cfg.launcher = 'none'
        times = self.study.length * arm.length
        stretch(cfg, times)
        # A teacher with a length of its own is one of the trainings, too.
        hook = teacher_hook(cfg) or {}
        for name in ('max_epochs', 'max_iters'):
            if hook.get(name) is not None:
                hook[name] = max(1, round(times * hook[name]))
        add_methods(cfg, arm.methods)
        cfg.randomness = {**(cfg.get('randomness') or {}), 'seed': seed}
        for key in arm.seeded:
            check_key(cfg, key, 'seeded')
            _check_seeded(cfg, key)
        cfg.merge_from_dict({key: seed for key in arm.seeded})
        for field in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            set_loader_defaults(cfg, field, persistent_workers=True)
        use_resumable_checkpoints(cfg)
        # A study trains its baselines as arms, and has scores of its own.
        drop_hooks(cfg, *HOOKS_AT_THE_END)
        import_also(cfg, [*self.study.imports, 'mmct'])
        return cfg

    def _read(self, path: str) -> Config:
        # Reading is the slowest step, and thousands of cells may share a file.
        if path not in self._files:
            beside = '::' not in path and not Path(path).is_absolute()
            cfg = load_config(str(self.study.folder / path) if beside else path)
            start_anew(cfg, path)
            if not cfg.get('model') or not cfg.get('train_dataloader') or not cfg.get('train_cfg'):
                raise CTError(
                    f'{path} is not a training config: it needs model, train_dataloader and '
                    'train_cfg'
                )
            self._files[path] = cfg
        return copy.deepcopy(self._files[path])

    def _key(self, cfg: Config) -> str:
        mark = self._data_mark(cfg.train_dataloader.dataset, data_cache(self.store.folder))
        training = fingerprint(cfg, mark, world_size=1)
        return hashed(dict(version=SCHEMA_VERSION, training=training))

    def _data_mark(self, dataset: ConfigDict, cache: Path | None = None) -> Mapping[str, Any]:
        name = hashed(dataset.to_dict())
        if name not in self._data:
            if not self._with_data:
                return {}
            self._data[name] = data_mark(DATASETS.build(copy.deepcopy(dataset)), cache)
        return self._data[name]

    def _content(self, cfg: Config) -> dict[str, str]:
        """Hash the content of the images that are scored, where the sets can be built."""
        found = {}
        for split in ('val', 'test'):
            dataset = (cfg.get(f'{split}_dataloader') or {}).get('dataset')
            if dataset and (mark := self._scored_mark(dataset)):
                found[f'{split}_images'] = hashed(mark)
        return found

    def _scored_mark(self, dataset: ConfigDict) -> Mapping[str, Any]:
        name = hashed(dataset.to_dict())
        if name in self._unmarked:
            return {}
        # Whether a score needs a set that cannot be built, its check says.
        with suppress(AssertionError, AttributeError, ImportError, KeyError, OSError, RuntimeError,
                      TypeError, ValueError):  # fmt: skip
            # A corruption set has too many pixels to hash.
            if not is_kind(dataset, CorruptionSet, DATASETS):
                # No cache: it does not notice an image that is replaced in its place.
                return self._data_mark(dataset)
        self._unmarked.add(name)
        return {}


def _check_seeded(cfg: Config, key: str) -> None:
    """Refuse a key whose parent the config does not have."""
    part: Any = cfg
    for name in key.split('.')[:-1]:
        try:
            part = part[int(name) if isinstance(part, (list, tuple)) else name]
        except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            raise CTError(f'seeded {key}: the config has no {name} there') from error


def _held_out_error(cell: Cell, result: Mapping[str, Any] | None) -> float | None:
    """Read the error by which a trial is chosen; infinite if it diverged, None if not measured."""
    if result is not None and result['diverged'] is not None:
        return math.inf
    if result is None or missing_scores(result, cell):
        return None
    return value_at(result, f'{_HELD_OUT}.error_pct')


def _check_scores(one: Cell, other: Cell) -> None:
    """Refuse two arms that share a network, as they train alike, if one score means two things."""
    shared = f'arms {one.arm!r} and {other.arm!r} train alike and share a network, but'
    for name in one.scores.keys() & other.scores.keys():
        sizes = {each.given[name].get('batch_size') for each in (one, other)}
        same = one.marks[name] == other.marks[name]
        if not same or len(sizes) > 1:
            what = 'BN statistics of batches of another size' if same else 'other settings'
            raise CTError(f'{shared} score {name!r} has {what}: give one of the two another name')
    if one.scores and other.scores and one.images != other.images:
        raise CTError(
            f'{shared} their val_dataloader or test_dataloader differ: give them the same, and '
            'score other images with a score of another name'
        )
