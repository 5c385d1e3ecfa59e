"""Study configs, read into pydantic models."""

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


def _listed(value: Any) -> tuple:
    """Make a tuple of one value or several."""
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _seeds(value: Any) -> tuple:
    seeds = tuple(range(value)) if type(value) is int else value
    if not isinstance(seeds, (list, tuple)) or not seeds:
        raise ValueError(f'must be a positive number or a list of seeds, got {value!r}')
    twice = [seed for number, seed in enumerate(seeds) if seed in seeds[:number]]
    if twice:
        # The same run twice would pass for two, and halve the error for nothing.
        raise ValueError(f'{twice[0]} is there twice: a repeated seed is not another run')
    return tuple(seeds)


def check_file_name(name: str) -> str:
    """Refuse a name whose file would lie in another folder.

    Args:
        name (str): Of a table or figure.

    Returns:
        str: The same.

    Raises:
        ValueError: If it is no name of a file.
    """
    if Path(name).name != name or '\\' in name or name.startswith('.') or not name:
        raise ValueError(f'{name!r} is no name for a file')
    return name


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Overlays = Annotated[tuple[dict, ...], BeforeValidator(_listed)]
Seed = Annotated[int, Field(ge=0)]
Parts = dict[str, dict]
"""Settings of scores, by name."""
Files = dict[Annotated[str, AfterValidator(check_file_name)], dict]
"""Settings of tables or figures, by the name of their files."""


class _Model(BaseModel):
    """A dict of a study config: unknown keys are refused, None counts as left out.

    Fields with ``exclude`` are filled in by :func:`read_study`; a config cannot say them.
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
            raise ValueError(f'must be a dict with {", ".join(cls.known())}, got {settings!r}')
        for key in settings:
            if key not in cls.known():
                raise ValueError(f'there is no key {key!r}; {suggestion(key, cls.known())}')
        return {key: value for key, value in settings.items() if value is not None}


class Tuning(_Model):
    """The choice of an arm's settings before its cells run.

    Attributes:
        points (tuple[dict]): Overlays to choose from, two or more.
        overlay (dict): What else differs while they are tried, such as a
            shorter training.
        seed (int, optional): Seed of the trials. None: the study's first.
    """

    points: Overlays = Field(min_length=2)
    overlay: dict = {}
    seed: Seed | None = None


class Arm(_Model):
    """One way of training, to be repeated with each seed.

    Attributes:
        name (str): Its key in ``arms``.
        config (str): The config file that it begins with.
        overlays (tuple[dict]): What is changed in it, in this order; a config says
            ``overlay``.
        methods (tuple[str]): Then switched on, see
            :func:`mmct.methods.add_methods`.
        length (float): Length of its training and schedule, in multiples of the
            config's.
        start (str, optional): The arm from whose trained network, of the same seed, its training
            starts, by ``load_from``.
        seeded (tuple[str]): What else in the config is set to the seed, such as
            the seed of a data set's split: keys with dots.
        group (str): What it is compared within, such as the architecture.
            Defaults to its name.
        variant (str): What distinguishes it in its group.
        baselines (tuple[str]): The arms that it is compared with; a config says
            ``baseline``.
        tuning (Tuning, optional): How settings are chosen.
        scores (dict): What is measured of it beside the study's scores.
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
        raise ValueError(f'must be a path or a dict with {wanted}, got {", ".join(column)}')
    if isinstance(column, dict):
        kinds = dict.fromkeys(column, str) | dict(published=dict[str, float])
        for key, value in column.items():
            check(value, kinds[key])
    return column


Column = Annotated[str | dict[str, Any], AfterValidator(_check_shape)]
"""A path such as 'corruption.gap_pct'; or ``curve``, ``x`` and ``y``, to compare a score's
curves at equal ``x``; or ``at_equal`` and ``of``, two paths, to compare finished networks with
the line through the baselines'; or ``relative`` and the name of a corruption score; or
``published`` and the value of each arm."""


class Study(_Model):
    """A matrix of runs: arms and seeds.

    Attributes:
        name (str): Name of the config file.
        folder (Path): Where that lies; the arms' paths start there.
        common (dict): Merged into the config of every arm.
        length (float): What the length of every arm's training and schedule is multiplied by.
        arms (dict[str, Arm]): In the order of the table.
        seeds (tuple[int]): Each arm is trained with each.
        scores (dict): What is measured of each network, by name.
        table (dict): The :data:`Column` of each title.
        figures (dict): Settings of each figure, by the name of its file.
        tables (dict): Settings of further tables, by the name of their files.
        imports (tuple[str]): Modules with scores, or what else cells need.
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
    tables: Files = {}
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
            _check_known(f'arm {arm.name!r}', 'baseline', arm.baselines, self.arms)
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
        """Refuse a start that there is not, or that cannot be trained first."""
        seen = [arm.name]
        while (start := self.arms[seen[-1]].start) is not None:
            _check_known(f'arm {seen[-1]!r}', 'start', [start], self.arms)
            if start in seen:
                raise ValueError(f'arm {start!r} starts from itself, by way of {seen[-1]!r}')
            if self.arms[start].tuning is not None:
                raise ValueError(f'arm {seen[-1]!r}: its start {start!r} must have no tuning')
            seen.append(start)

    @model_validator(mode='after')
    def _check_places(self) -> 'Study':
        places: dict[tuple[str, str], str] = {}
        for name, arm in self.arms.items():
            other = places.setdefault((arm.group, arm.variant), name)
            if other != name:
                # Figures know an arm by these: one would hide the other.
                raise ValueError(
                    f'arms {other!r} and {name!r} have the same group {arm.group!r} and '
                    f'variant {arm.variant!r}'
                )
        return self


def _check_known(owner: str, kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            hint = suggestion(name, known)
            raise ValueError(f'{owner}: there is no {kind} {name!r}; {hint}')


def read_study(cfg: Config, seeds: int | None = None) -> Study:
    """Read a study config; docs/studies.md says what is in it.

    Args:
        cfg (Config): With ``arms`` and ``scores``; the other keys of
            :class:`Study` may be left out. Further variables, which expressions
            use, are ignored unless they look like a misspelt key.
        seeds (int, optional): Use 0 to ``seeds - 1`` instead of the config's.

    Returns:
        Study: The study.

    Raises:
        CTError: Names arm and key of what is missing, unknown or repeated.
    """
    known, plain = Study.known(), cfg.to_dict()
    for key in plain:
        hint = suggestion(key, known)
        if key not in known and hint.startswith('did you mean'):
            raise CTError(f'a study has no {key}; {hint}')
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
    """Word the first of a config's errors in one line, with arm and key."""
    first = error.errors()[0]
    place = [str(part) for part in first['loc']]
    message = first['msg'].removeprefix('Value error, ')
    if first['type'] not in ('missing', 'value_error'):
        message = f'{message}, got {first["input"]!r}'
    if place[:1] == ['arms'] and len(place) > 1:
        place = [f'arm {place[1]!r}', *place[2:]]
    elif place[:1] == ['table'] and len(place) > 1:
        # Without the type, of those that a column may have.
        place = [f'table column {place[1]!r}']
    return one_line(ValueError(': '.join([*place, message[0].lower() + message[1:]])))
