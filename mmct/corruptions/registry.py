"""Corruptions of the user's own, beside the 19."""

import hashlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.metadata import entry_points
from typing import Any

import numpy as np

from .c_bar import C_BAR, C_BAR_SETS
from .names import CATEGORIES, CORRUPTIONS, REVISIONS, SEVERITIES, check_severity
from .streams import Source, Streams

ENTRY_POINTS = 'mmct.corruptions'
"""The group in which an installed package names its corruptions: functions, or modules that
register when they are imported."""

OTHER = 'other'
"""The category of what lies in a set on disk and is not known by its name."""

_C_BAR = 'c_bar'
_KNOWN: dict[str, 'OwnCorruption'] = {}


@dataclass(frozen=True)
class OwnCorruption:
    """A corruption that was registered; unpickled in another process, it is registered there.

    Attributes:
        name (str): In options, files and tables.
        function (Callable): See :func:`register`.
        severities (int): How many it has.
        category (str): Its kind, for means.
    """

    name: str
    function: Callable[[np.ndarray, int, Source], np.ndarray]
    severities: int
    category: str

    def __reduce__(self) -> tuple:
        return _registered, (self.name, self.function, self.severities, self.category)

    @property
    def identity(self) -> str:
        """Module and name of the function, and a digest of its source."""
        function = self.function
        while isinstance(function, partial):
            function = function.func
        kind = function if hasattr(function, '__qualname__') else type(function)
        try:
            source = inspect.getsource(kind)
        except (OSError, TypeError):
            code = getattr(function, '__code__', None)
            source = code.co_code.hex() if code else ''
        if isinstance(self.function, partial):
            source += repr((self.function.args, sorted((self.function.keywords or {}).items())))
        digest = hashlib.sha256(source.encode()).hexdigest()[:12]
        return f'{kind.__module__}.{kind.__qualname__} ({digest})'

    def apply(self, images: np.ndarray, streams: Streams, severity: int) -> np.ndarray:
        """Corrupt images, one after the other.

        Args:
            images (np.ndarray): uint8 RGB. (N, H, W, 3)
            streams (Streams): Their randomness.
            severity (int): From 1.

        Returns:
            np.ndarray: As the images.

        Raises:
            ValueError: If the function fails, or returns something else.
        """
        if not len(images):
            return images.copy()
        rest = iter(images)
        return streams.draw(len(images), lambda rng: self._one(next(rest), severity, rng))

    def _one(self, image: np.ndarray, severity: int, rng: Source) -> np.ndarray:
        try:
            made = self.function(image.copy(), severity, rng)
        except Exception as error:
            what = ' '.join(str(error).split())
            raise ValueError(f'{self} failed: {type(error).__name__}: {what}') from error
        found = getattr(made, 'dtype', type(made).__name__), getattr(made, 'shape', None)
        if not isinstance(made, np.ndarray) or found != (np.uint8, image.shape):
            raise ValueError(
                f'{self} must return uint8 of shape {image.shape}, got {found[0]} of {found[1]}'
            )
        return made

    def __str__(self) -> str:
        return f'the corruption {self.name!r} ({self.identity.split(" ")[0]})'


def register(
    name: str,
    function: Callable[[np.ndarray, int, Source], np.ndarray],
    severities: int = 5,
    category: str = 'own',
) -> None:
    """Add a corruption, which then works wherever the 19 do, by its name.

    Call it where a module is imported: of a config's ``custom_imports``, or of an entry point
    of the group ``mmct.corruptions``. It is scored when its name or category is asked for, and is
    in no mean of the benchmark's.

    Args:
        name (str): Letters, digits, ``_``, ``-``: it becomes the name of files.
        function (Callable): ``function(image, severity, rng)``. Gets one image, uint8 RGB
            (H, W, 3), which it may change; the severity, an int from 1; and a NumPy
            ``Generator``. Returns an image like it. All randomness must be drawn from ``rng``:
            it is keyed by seed, the image's index, name and severity, so that batches and
            processes make no difference. Other processes must be able to import it.
        severities (int): How many there are, 1 to 5. Defaults to 5.
        category (str): Its kind, for tables. Defaults to 'own'.

    Raises:
        ValueError: If a setting is none of these, or the name is taken.
    """
    builtin = {*CORRUPTIONS, *CATEGORIES, *C_BAR, *C_BAR_SETS, _C_BAR, OTHER, 'clean', 'labels'}
    for what, word in (('name', name), ('category', category)):
        if not isinstance(word, str) or not re.fullmatch(r'[A-Za-z0-9][\w-]*', word):
            raise ValueError(f'the {what} of a corruption must be a word, got {word!r}')
        if word in builtin:
            raise ValueError(f'the {what} {word!r} is taken: choose another one')
    if not callable(function):
        raise ValueError(f'{name}: a corruption must be a function, got {type(function).__name__}')
    if isinstance(severities, bool) or severities not in SEVERITIES:
        raise ValueError(f'{name}: severities must be a number from 1 to 5, got {severities!r}')
    if name == category or any(name == own.category for own in _KNOWN.values()):
        raise ValueError(f'{name!r} cannot be the name of a corruption and of a category')
    new, old = OwnCorruption(name, function, int(severities), category), _KNOWN.get(name)
    # A module may be imported again.
    if old is not None and old.identity.split(' ')[0] != new.identity.split(' ')[0]:
        raise ValueError(f'{old} is registered already: choose another name than {name!r}')
    _KNOWN[name] = new


def registered() -> Mapping[str, OwnCorruption]:
    """Return the user's own corruptions by name, those of installed packages among them."""
    _load_entry_points()
    return dict(_KNOWN)


def own_among(names: Iterable[str]) -> tuple[OwnCorruption, ...]:
    """Select the user's own corruptions among names of corruptions and categories."""
    further = {*names} - {*CORRUPTIONS, *CATEGORIES, *C_BAR}
    known = registered().values() if further else ()
    return tuple(own for own in known if own.name in further or own.category in further)


def identities(names: Iterable[str]) -> dict[str, str]:
    """Say what the user's own corruptions among names are, for files and keys."""
    return {own.name: own.identity for own in own_among(names)}


def origin(seed: int, table: str, names: Iterable[str]) -> dict[str, Any]:
    """Say what generated images are made by, for result files.

    Args:
        seed (int): Of the corruptions.
        table (str): Of their severities.
        names (Iterable[str]): Of the corruptions.

    Returns:
        dict: ``source``, ``seed`` and ``table``; ``revision`` where the images of the table
        have become others, and ``own`` where corruptions are the user's own.
    """
    made: dict[str, Any] = dict(source='generated', seed=seed, table=table)
    if REVISIONS[table] > 1:
        made['revision'] = REVISIONS[table]
    own = identities(names)
    return {**made, 'own': own} if own else made


def categories_with(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """List the categories of the 19, and those of further corruptions, such as 'c_bar'.

    Args:
        names (Iterable[str]): What is not registered goes into 'other'.

    Returns:
        dict: Names by category.
    """
    names = list(dict.fromkeys(names))
    kinds = {own.name: own.category for own in own_among(names)} | dict.fromkeys(C_BAR, _C_BAR)
    found = {kind: list(members) for kind, members in CATEGORIES.items()}
    for name in names:
        if name not in CORRUPTIONS:
            found.setdefault(kinds.get(name, OTHER), []).append(name)
    return {kind: tuple(members) for kind, members in found.items()}


def check_severities(names: Iterable[str], severities: Iterable[int]) -> None:
    """Refuse severities that one of the user's own corruptions does not have.

    Args:
        names (Iterable[str]): Of corruptions.
        severities (Iterable[int]): From 1 to 5.

    Raises:
        ValueError: Names the corruption.
    """
    severities = [check_severity(severity) for severity in severities]
    for own in own_among(names):
        if max(severities) > own.severities:
            raise ValueError(
                f'{own} has the severities 1 to {own.severities}, not {max(severities)}: ask for '
                'those alone'
            )


@lru_cache(maxsize=1)
def _load_entry_points() -> None:
    for point in entry_points(group=ENTRY_POINTS):
        try:
            found: Any = point.load()
        except Exception as error:
            # Said when it is asked for: what does not need it must not fail.
            found = partial(_broken, f'{point.value}: {" ".join(str(error).split())}')
        if not inspect.ismodule(found) and point.name not in _KNOWN:
            register(point.name, found)


def _broken(reason: str, *_: Any) -> None:
    raise ImportError(f'the package that has it cannot be imported ({reason})')


def _registered(*settings: Any) -> OwnCorruption:
    register(*settings)
    return _KNOWN[settings[0]]
