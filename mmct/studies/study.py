"""What a study config says."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmct.runs.configs import custom_imports
from mmct.runs.errors import CTError

_KEYS = ('arms', 'common', 'seeds', 'scores', 'table', 'tables', 'figures')
_ARM_KEYS = (
    'config', 'overlay', 'methods', 'length', 'seeded', 'timed_as', 'group', 'variant',
    'baseline', 'tuning', 'scores'
)  # fmt: skip
_TUNING_KEYS = ('points', 'overlay', 'seed')
_CURVE_KEYS = ('curve', 'x', 'y')
_RELATIVE_KEYS = ('relative',)


@dataclass(frozen=True)
class Tuning:
    """How settings of an arm are chosen before its cells run.

    Attributes:
        points (tuple[dict]): Overlays to choose from.
        overlay (dict): What else differs while they are tried, such as a
            shorter training.
        seed (int, optional): Of the trials. None: the study's first.
    """

    points: tuple[dict, ...]
    overlay: dict
    seed: int | None = None


@dataclass(frozen=True)
class Arm:
    """One way of training, to be repeated with each seed.

    Attributes:
        name (str): In tables.
        config (str): The config file that it begins with.
        overlays (tuple[dict]): What is changed in it, in this order.
        methods (tuple[str]): Then switched on, see
            :func:`mmct.methods.add_methods`.
        group (str): What it is compared within, such as the architecture.
        variant (str): What distinguishes it in its group.
        baselines (tuple[str]): The arms that it is compared with.
        tuning (Tuning, optional): How settings are chosen.
        scores (dict): What is measured of it beside the study's scores.
        seeded (tuple[str]): What else in the config is set to the seed, such as
            the seed of a data set's split: keys with dots.
        length (float): Of its training and schedule, in multiples of the config's.
        timed_as (str, optional): The arm that takes as long, of which time is
            estimated. None: itself.
    """

    name: str
    config: str
    overlays: tuple[dict, ...]
    methods: tuple[str, ...]
    group: str
    variant: str
    baselines: tuple[str, ...] = ()
    tuning: Tuning | None = None
    scores: dict[str, dict] = field(default_factory=dict)
    seeded: tuple[str, ...] = ()
    length: float = 1
    timed_as: str | None = None


@dataclass(frozen=True)
class Study:
    """A matrix of runs: arms and seeds.

    Attributes:
        name (str): Of the config file.
        folder (Path): Where it lies; the arms' paths start there.
        arms (tuple[Arm]): In the order of the table.
        seeds (tuple[int]): Each arm is trained with each.
        scores (dict): What is measured of each network, by name.
        table (dict): Title of each column, and what is in it: a path, such as
            'corruption.gap_pct', or ``curve``, ``x`` and ``y``, or
            ``relative`` and the name of a corruption score, or ``published``
            and the value of each arm.
        figures (dict): Settings of each figure, by the name of its file.
        tables (dict): Settings of further tables, by the name of their files.
        imports (tuple[str]): Modules with scores, or what else cells need.
    """

    name: str
    folder: Path
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    scores: dict[str, dict]
    table: dict[str, str | dict[str, str]]
    figures: dict[str, dict]
    tables: dict[str, dict] = field(default_factory=dict)
    imports: tuple[str, ...] = ()

    def arm(self, name: str) -> Arm:
        """The arm of a name."""
        return next(arm for arm in self.arms if arm.name == name)


def read_study(cfg: Config, seeds: int | None = None) -> Study:
    """Read a study config; docs/studies.md says what is in it.

    Args:
        cfg (Config): With ``arms``, ``seeds`` and ``scores``; ``common``,
            ``table``, ``tables`` and ``figures`` may be left out.
        seeds (int, optional): Use 0 to ``seeds - 1`` instead of the config's.

    Returns:
        Study: What it says.

    Raises:
        CTError: Names what is missing, unknown or repeated.
    """
    plain = cfg.to_dict()
    for key in ('arms', 'scores'):
        if not plain.get(key):
            raise CTError(f'a study needs {key}, but {cfg.filename} has none')
    near = [key for key in plain if key not in _KEYS and difflib.get_close_matches(key, _KEYS, 1)]
    if near:
        hint = difflib.get_close_matches(near[0], _KEYS, 1)[0]
        raise CTError(f'a study has no {near[0]}; did you mean {hint}?')
    common = plain.get('common') or {}
    arms = tuple(_arm(str(name), settings, common) for name, settings in plain['arms'].items())
    names = [arm.name for arm in arms]
    for arm in arms:
        missing = [name for name in arm.baselines if name not in names]
        if missing:
            raise CTError(f'arm {arm.name!r}: there is no baseline {missing[0]!r}')
        if arm.timed_as not in (None, *names):
            raise CTError(f'arm {arm.name!r}: timed_as: there is no arm {arm.timed_as!r}')
        twins = [a.name for a in arms if (a.group, a.variant) == (arm.group, arm.variant)]
        if len(twins) > 1:
            # Figures know an arm by these: one would hide the other.
            raise CTError(
                f'arms {twins[0]!r} and {twins[1]!r} have the same group {arm.group!r} and '
                f'variant {arm.variant!r}'
            )
    table = plain.get('table') or {}
    known = dict(plain['scores'])
    for arm in arms:
        known.update(arm.scores)
    _check_table(table, known, names)
    return Study(
        name=Path(cfg.filename).stem,
        folder=Path(cfg.filename).resolve().parent,
        arms=arms,
        seeds=_seeds(plain.get('seeds', 1) if seeds is None else seeds),
        scores=plain['scores'],
        table=table,
        figures=plain.get('figures') or {},
        tables=plain.get('tables') or {},
        imports=tuple(custom_imports(cfg)),
    )


def _check_table(
    table: Mapping[str, Any], scores: Mapping[str, Any], arms: Sequence[str]
) -> None:
    for title, column in table.items():
        if isinstance(column, Mapping):
            if 'published' in column:
                _check_keys(f'table column {title!r}', column, ('published',))
                unknown = [arm for arm in column['published'] if arm not in arms]
                if unknown:
                    raise CTError(f'table column {title!r}: there is no arm {unknown[0]!r}')
                continue
            keys = _RELATIVE_KEYS if 'relative' in column else _CURVE_KEYS
            _check_keys(f'table column {title!r}', column, keys)
            missing = [key for key in keys if key not in column]
            if missing:
                raise CTError(f'table column {title!r} lacks {missing[0]!r}')
            column = column[keys[0]]
        score = str(column).split('.')[0]
        if score not in scores:
            raise CTError(
                f'table column {title!r}: there is no score {score!r}; scores are '
                f'{", ".join(scores)}'
            )


def _arm(name: str, settings: Any, common: dict) -> Arm:
    _check_keys(f'arm {name!r}', settings, _ARM_KEYS)
    if not settings.get('config'):
        raise CTError(f'arm {name!r} names no config')
    overlay = settings.get('overlay') or []
    overlays = list(overlay) if isinstance(overlay, (list, tuple)) else [overlay]
    tuning = settings.get('tuning')
    scores = settings.get('scores') or {}
    if not isinstance(scores, Mapping):
        raise CTError(f'arm {name!r}: scores must be a dict of scores by name, got {scores!r}')
    length = settings.get('length', 1)
    if isinstance(length, bool) or not isinstance(length, (int, float)) or length <= 0:
        raise CTError(f'arm {name!r}: length must be a number above 0, got {length!r}')
    return Arm(
        name=name,
        config=settings['config'],
        overlays=(common, *overlays),
        methods=_names(settings.get('methods')),
        group=settings.get('group', name),
        variant=settings.get('variant', ''),
        baselines=_names(settings.get('baseline')),
        tuning=None if tuning is None else _tuning(name, tuning),
        scores=scores,
        seeded=_names(settings.get('seeded')),
        length=length,
        timed_as=settings.get('timed_as'),
    )


def _names(value: Any) -> tuple[str, ...]:
    """One name, several, or none."""
    return (value,) if isinstance(value, str) else tuple(value or ())


def _tuning(name: str, settings: Any) -> Tuning:
    _check_keys(f'tuning of arm {name!r}', settings, _TUNING_KEYS)
    points = settings.get('points') or []
    if len(points) < 2:
        raise CTError(f'tuning of arm {name!r}: points must have two or more to choose from')
    return Tuning(tuple(points), settings.get('overlay') or {}, settings.get('seed'))


def _check_keys(owner: str, settings: Any, known: Sequence[str]) -> None:
    if not isinstance(settings, Mapping):
        raise CTError(f'{owner} must be a dict with {", ".join(known)}, got {settings!r}')
    unknown = [key for key in settings if key not in known]
    if unknown:
        raise CTError(f'{owner} has {unknown[0]!r}, but it may have only {", ".join(known)}')


def _seeds(seeds: Any) -> tuple[int, ...]:
    if isinstance(seeds, int) and not isinstance(seeds, bool):
        seeds = list(range(seeds))
    if not isinstance(seeds, (list, tuple)) or not seeds:
        raise CTError(f'seeds must be a positive number or a list of seeds, got {seeds!r}')
    wrong = [seed for seed in seeds if isinstance(seed, bool) or not isinstance(seed, int)]
    if wrong or min(seeds) < 0:
        raise CTError(f'seeds must be integers from 0, got {seeds!r}')
    twice = [seed for number, seed in enumerate(seeds) if seed in seeds[:number]]
    if twice:
        # The same run twice would pass for two, and halve the error for nothing.
        raise CTError(f'seeds has {twice[0]} twice: a repeated seed is not another run')
    return tuple(seeds)
