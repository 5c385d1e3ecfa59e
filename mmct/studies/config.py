"""Read study configs into pydantic models."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from mmengine.config import Config
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)  # fmt: skip

from mmct.messages import suggestion
from mmct.records import check
from mmct.runs.configs import custom_imports
from mmct.runs.errors import CTError, one_line

OWN_FILES = ('study', 'table', 'data')
"""The JSON files in the folder of a study that are not further tables."""


def listed(value: Any) -> tuple:
    """Make a tuple of what a config may give as nothing, one value, or a list of them.

    Args:
        value (Any): None, a list or tuple, or a single value.
    """
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _seeds(value: Any) -> tuple:
    seeds = tuple(range(value)) if type(value) is int else value
    if not isinstance(seeds, (list, tuple)) or not seeds:
        raise ValueError(f'must be a positive number or a list of seeds, but got {value!r}')
    twice = [seed for number, seed in enumerate(seeds) if seed in seeds[:number]]
    if twice:
        # A repeated run would count as two, and shrink the standard error for nothing.
        raise ValueError(f'{twice[0]} occurs twice: a repeated seed is not another run')
    return tuple(seeds)


def check_file_name(name: str) -> str:
    """Refuse a name that is not a file name, such as one that leads to another folder.

    Args:
        name (str): Name of a table or figure.

    Returns:
        str: The same name.

    Raises:
        ValueError: If it is not a file name.
    """
    if Path(name).name != name or '\\' in name or name.startswith('.') or not name:
        raise ValueError(f'{name!r} is not a file name')
    return name


def _check_table_name(name: str) -> str:
    """Refuse the name of a table that would replace one of the study's own files."""
    # As some disks do not tell letters from capitals.
    if name.lower() in OWN_FILES:
        raise ValueError(f'the study has files {name!r} of its own: choose another name')
    return name


Names = Annotated[tuple[str, ...], BeforeValidator(listed)]
Overlays = Annotated[tuple[dict, ...], BeforeValidator(listed)]
Seed = Annotated[int, Field(ge=0)]
Parts = dict[str, dict]
"""Settings of scores by name."""
Files = dict[Annotated[str, AfterValidator(check_file_name)], dict]
"""Settings of figures by file name."""
Tables = dict[
    Annotated[str, AfterValidator(check_file_name), AfterValidator(_check_table_name)], dict
]
"""Settings of further tables by file name."""


class _Model(BaseModel):
    """A dict in a study config; unknown keys are refused, and None counts as missing.

    :func:`read_study` sets the fields with ``exclude``; a config cannot.
    """

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    @classmethod
    def known(cls) -> list[str]:
        """List the keys that a config may use."""
        fields = cls.model_fields.items()
        return [field.alias or name for name, field in fields if not field.exclude]

    @model_validator(mode='before')
    @classmethod
    def _check_keys(cls, settings: Any) -> dict[str, Any]:
        if not isinstance(settings, Mapping):
            raise ValueError(f'must be a dict with {", ".join(cls.known())}, but got {settings!r}')
        for key in settings:
            if key not in cls.known():
                raise ValueError(f'there is no key {key!r}; {suggestion(key, cls.known())}')
        return {key: value for key, value in settings.items() if value is not None}


class Tuning(_Model):
    """The choice of an arm's settings before its cells run.

    Attributes:
        points (tuple[dict]): Two or more overlays to choose from.
        overlay (dict): Further changes for the trials, such as a shorter
            training. Defaults to none.
        seed (int, optional): Seed of the trials. Defaults to None: the first
            seed of the study.
    """

    points: Overlays = Field(min_length=2)
    overlay: dict = {}
    seed: Seed | None = None


class Arm(_Model):
    """One way of training, which is repeated with each seed.

    Attributes:
        name (str): The key of the arm in ``arms``.
        config (str): The config file on which it is based.
        overlays (tuple[dict]): Changes to that config, applied in this order; the key in
            a study config is ``overlay``. Defaults to none.
        methods (tuple[str]): Methods to switch on after that, see
            :func:`mmct.methods.add_methods`. Defaults to none.
        length (float): Length of training and schedule as a multiple of the
            config's. Defaults to 1.
        start (str, optional): The arm whose trained network with the same seed initialises the
            training, through ``load_from``. Defaults to None.
        seeded (tuple[str]): Further keys of the config to set to the seed, such as the
            seed of a data set's split, with dots for nested keys. Defaults to none.
        group (str): The group in which the arm is compared, such as the architecture.
            Defaults to its name.
        variant (str): Name of the arm within its group. Defaults to ''.
        baselines (tuple[str]): The arms with which it is compared; the key in a study
            config is ``baseline``. Defaults to none.
        tuning (Tuning, optional): The choice of settings. Defaults to None.
        scores (dict): Scores of this arm in addition to those of the study. Defaults to
            none.
    """

    name: str = Field('', exclude=True)
    config: str = Field(min_length=1)
    overlays: Overlays = Field((), alias='overlay')
    methods: Names = ()
    length: float = Field(1, gt=0)
    start: str | None = None
    seeded: Names = ()
    group: str = ''
    variant: str = ''
    baselines: Names = Field((), alias='baseline')
    tuning: Tuning | None = None
    scores: Parts = {}


def _check_shape(column: str | dict[str, Any]) -> str | dict[str, Any]:
    shapes = (('curve', 'x', 'y'), ('at_equal', 'of'), ('relative',), ('published',))
    if isinstance(column, dict) and set(column) not in map(set, shapes):
        wanted = ' or '.join(', '.join(shape) for shape in shapes)
        raise ValueError(f'must be a path or a dict with {wanted}, but got {", ".join(column)}')
    if isinstance(column, dict):
        kinds = dict.fromkeys(column, str) | dict(published=dict[str, float])
        for key, value in column.items():
            check(value, kinds[key])
    return column


Column = Annotated[str | dict[str, Any], AfterValidator(_check_shape)]
"""The content of a table column, which is one of:

- a path such as 'corruption.gap_pct';
- a dict of ``curve``, ``x`` and ``y``, to compare the curves of a score at equal ``x``;
- a dict of ``at_equal`` and ``of``, two paths, to compare finished networks with the line through
  their baselines;
- a dict of ``relative`` and the name of a corruption score;
- a dict of ``published`` and the value of each arm.
"""


class Study(_Model):
    """A matrix of runs: every arm with every seed.

    Attributes:
        name (str): Name of the config file.
        folder (Path): Folder of the config file, to which the arms' paths are relative.
        common (dict): Settings to merge into the config of every arm. Defaults to none.
        length (float): Factor on the length of every arm's training and schedule. Defaults to 1.
        arms (dict[str, Arm]): The arms in the order of the table.
        seeds (tuple[int]): The seeds. Defaults to (0,).
        scores (dict): Settings of the scores of each network, by name.
        table (dict): The :data:`Column` for each title. Defaults to none.
        figures (dict): Settings of the figures by file name. Defaults to none.
        tables (dict): Settings of further tables by file name. Defaults to none.
        imports (tuple[str]): Modules to import, such as those with scores.
    """

    name: str = Field('', exclude=True)
    folder: Path = Field(Path(), exclude=True)
    common: dict = {}
    length: float = Field(1, gt=0)
    arms: dict[str, Arm] = Field(min_length=1)
    seeds: Annotated[tuple[Seed, ...], BeforeValidator(_seeds)] = (0,)
    scores: Parts = Field(min_length=1)
    table: dict[str, Column] = {}
    figures: Files = {}
    tables: Tables = {}
    imports: tuple[str, ...] = Field((), exclude=True)

    @field_validator('arms')
    @classmethod
    def _name_arms(cls, arms: dict[str, Arm]) -> dict[str, Arm]:
        return {
            name: arm.model_copy(update=dict(name=name, group=arm.group or name))
            for name, arm in arms.items()
        }

    @model_validator(mode='after')
    def _check_names(self) -> 'Study':
        for arm in self.arms.values():
            _check_baselines(arm, self.arms)
            self._check_start(arm)
        scores = {**self.scores, **{key: 0 for arm in self.arms.values() for key in arm.scores}}
        for title, column in self.table.items():
            owner = f'table column {title!r}'
            if isinstance(column, str):
                _check_known(owner, 'score', [column.split('.')[0]], scores)
            elif 'published' in column:
                _check_known(owner, 'arm', column['published'], self.arms)
            else:
                paths = [column.get(key) for key in ('curve', 'at_equal', 'of', 'relative')]
                names = [path.split('.')[0] for path in paths if path is not None]
                _check_known(owner, 'score', names, scores)
        return self

    def _check_start(self, arm: Arm) -> None:
        """Refuse a start that does not exist or cannot be trained first."""
        seen = [arm.name]
        while (start := self.arms[seen[-1]].start) is not None:
            _check_known(f'arm {seen[-1]!r}', 'start', [start], self.arms)
            if start in seen:
                raise ValueError(f'arm {start!r} starts from itself, through {seen[-1]!r}')
            own = self.arms[seen[-1]].tuning
            if own is not None and own.seed not in (None, *self.seeds):
                raise ValueError(
                    f'arm {seen[-1]!r}: its start {start!r} has no network of tuning.seed '
                    f'{own.seed}: take one of the seeds of the study'
                )
            if self.arms[start].tuning is not None:
                raise ValueError(f'arm {seen[-1]!r}: its start {start!r} must not have tuning')
            seen.append(start)

    @model_validator(mode='after')
    def _check_places(self) -> 'Study':
        places: dict[tuple[str, str], str] = {}
        for name, arm in self.arms.items():
            other = places.setdefault((arm.group, arm.variant), name)
            if other != name:
                # Figures identify an arm by these, so one would hide the other.
                raise ValueError(
                    f'arms {other!r} and {name!r} have the same group {arm.group!r} and '
                    f'variant {arm.variant!r}'
                )
        return self


def _check_baselines(arm: Arm, arms: Iterable[str]) -> None:
    others = [name for name in arms if name != arm.name]
    for name in arm.baselines:
        if name not in others:
            known = suggestion(name, others) if others else 'there is no other arm'
            what = f'there is no baseline {name!r}; {known}'
            if name == arm.name:
                what = 'it cannot be its own baseline'
            raise ValueError(f'arm {arm.name!r}: {what}')


def _check_known(owner: str, kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            hint = suggestion(name, known)
            raise ValueError(f'{owner}: there is no {kind} {name!r}; {hint}')


def read_study(cfg: Config, seeds: int | None = None) -> Study:
    """Read a study config; docs/studies.md describes its content.

    Args:
        cfg (Config): A config with ``arms`` and ``scores``; the other keys of
            :class:`Study` are optional. Further variables are ignored, unless
            they look like a misspelt key.
        seeds (int, optional): Number of seeds, which are then 0 to ``seeds - 1``.
            Defaults to None: the seeds of the config.

    Returns:
        Study: The study.

    Raises:
        CTError: If a setting is missing, unknown, repeated or invalid; the message
            names arm and key.
    """
    known, plain = Study.known(), cfg.to_dict()
    for key in plain:
        hint = suggestion(key, known)
        if key not in known and hint.startswith('did you mean'):
            raise CTError(
                f'a study has no key {key}; {hint} (a variable of your own needs another name)'
            )
    settings = {key: plain[key] for key in known if key in plain}
    if seeds is not None:
        settings['seeds'] = seeds
    try:
        study = Study.model_validate(settings)
    except ValidationError as error:
        raise CTError(f'{cfg.filename}: {_first(error)}') from error
    file = Path(cfg.filename).resolve()
    ours = dict(name=file.stem, folder=file.parent, imports=tuple(custom_imports(cfg)))
    return study.model_copy(update=ours)


def _first(error: ValidationError) -> str:
    """Describe the first error of a config in one line, with arm and key."""
    first = error.errors()[0]
    place = [str(part) for part in first['loc']]
    message = first['msg'].removeprefix('Value error, ')
    if first['type'] not in ('missing', 'value_error'):
        message = f'{message}, got {first["input"]!r}'
    if place[:1] == ['arms'] and len(place) > 1:
        place = [f'arm {place[1]!r}', *place[2:]]
    elif place[:1] == ['table'] and len(place) > 1:
        # Leave out the type that pydantic tried for the column.
        place = [f'table column {place[1]!r}']
    return one_line(ValueError(': '.join([*place, message[0].lower() + message[1:]])))
