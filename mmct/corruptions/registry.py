"""Register the user's own corruptions, in addition to the built-in ones."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.metadata import entry_points
from numbers import Integral
from typing import Any

import numpy as np

from mmct.own_functions import check_word, full_name, identity

from .c_bar import C_BAR, C_BAR_SETS
from .names import CATEGORIES, CORRUPTIONS, REVISIONS, SEVERITIES, check_severity
from .streams import Source, Streams

ENTRY_POINTS = 'mmct.corruptions'
"""The entry-point group in which an installed package lists its corruptions.

An entry is a function, or a module that registers corruptions when it is imported.
"""

OTHER = 'other'
"""The category of corruptions in a set on disk whose names are unknown."""

_C_BAR = 'c_bar'
_KNOWN: dict[str, 'OwnCorruption'] = {}


@dataclass(frozen=True)
class OwnCorruption:
    """A corruption that the user registered.

    When another process unpickles it, it is registered there, too.

    Attributes:
        name (str): Name in options, files and tables.
        function (Callable): The function that corrupts an image, see :func:`register`.
        severities (int): Number of severities.
        category (str): Category, for means in tables.
    """

    name: str
    function: Callable[[np.ndarray, int, Source], np.ndarray]
    severities: int
    category: str

    def __post_init__(self) -> None:
        # Once, as a callable may change while it works.
        object.__setattr__(self, '_identity', identity(self.function))

    def __reduce__(self) -> tuple:
        return _registered, (self.name, self.function, self.severities, self.category)

    @property
    def identity(self) -> str:
        """Module and name of the function, with a digest of its source."""
        return self._identity

    def apply(self, images: np.ndarray, streams: Streams, severity: int) -> np.ndarray:
        """Corrupt images one after the other.

        Args:
            images (np.ndarray): RGB images, uint8. (N, H, W, 3)
            streams (Streams): The images' randomness.
            severity (int): Severity, from 1.

        Returns:
            np.ndarray: New images of the same shape and type.

        Raises:
            ValueError: If the function fails, or does not return an image of the same shape.
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
        return f'the corruption {self.name!r} ({full_name(self.function)})'


def register(
    name: str,
    function: Callable[[np.ndarray, int, Source], np.ndarray],
    severities: int = 5,
    category: str = 'own',
) -> None:
    """Register a corruption, whose name then works wherever those of the built-in ones do.

    Call this function in a module that is imported by a config's ``custom_imports``, or by an
    entry point of the group ``mmct.corruptions``. The corruption is scored only if its name or
    category is requested, and the benchmark's means never include it.

    Args:
        name (str): Name of letters, digits, ``_`` and ``-``; it is also used in file names.
        function (Callable): ``function(image, severity, rng)``. It gets one RGB image, uint8
            (H, W, 3), which it may change; the severity, an int from 1; and a NumPy
            ``Generator``. It returns an image of the same shape and type. All randomness must
            come from ``rng``, which depends only on seed, image index, name and severity, so
            results do not depend on batches and processes. Other processes must be able to
            import the function.
        severities (int): Number of severities, 1 to 5. Defaults to 5.
        category (str): Category, for tables. Defaults to 'own'.

    Raises:
        ValueError: If an argument is invalid, or the name is taken.
    """
    builtin = {*CORRUPTIONS, *CATEGORIES, *C_BAR, *C_BAR_SETS, _C_BAR, OTHER, 'clean', 'labels'}
    for what, word in (('name', name), ('category', category)):
        check_word(f'{what} of a corruption', word)
        if word in builtin:
            raise ValueError(f'the {what} {word!r} is taken: choose another one')
    if not callable(function):
        raise ValueError(f'{name}: a corruption must be a function, got {type(function).__name__}')
    if isinstance(severities, bool) or severities not in SEVERITIES:
        raise ValueError(f'{name}: severities must be a number from 1 to 5, got {severities!r}')
    both = {name, *_KNOWN} & {category, *(own.category for own in _KNOWN.values())}
    if both:
        raise ValueError(f'{min(both)!r} cannot be the name of a corruption and of a category')
    new, old = OwnCorruption(name, function, int(severities), category), _KNOWN.get(name)
    # A module may be imported again.
    if old is not None and full_name(old.function) != full_name(new.function):
        raise ValueError(f'{old} is registered already: choose another name than {name!r}')
    _KNOWN[name] = new


def registered() -> Mapping[str, OwnCorruption]:
    """Return the user's own corruptions by name, including those of installed packages."""
    _load_entry_points()
    return dict(_KNOWN)


def own_among(names: Iterable[str]) -> tuple[OwnCorruption, ...]:
    """Return the user's own corruptions that names or categories select."""
    further = {*names} - {*CORRUPTIONS, *CATEGORIES, *C_BAR}
    known = registered().values() if further else ()
    return tuple(own for own in known if own.name in further or own.category in further)


def identities(names: Iterable[str]) -> dict[str, str]:
    """Return the identities of the user's own corruptions among names, for files and keys."""
    return {own.name: own.identity for own in own_among(names)}


def origin(seed: int, table: str, names: Iterable[str]) -> dict[str, Any]:
    """Describe how images were generated, for result files.

    Args:
        seed (int): Seed of the corruptions.
        table (str): Table of their severities.
        names (Iterable[str]): Names of the corruptions.

    Returns:
        dict: ``source``, ``seed`` and ``table``; also ``revision`` if the images of the table
        have changed since its first revision, and ``own`` if some corruptions are the user's own.
    """
    made: dict[str, Any] = dict(source='generated', seed=seed, table=table)
    if REVISIONS[table] > 1:
        made['revision'] = REVISIONS[table]
    own = identities(names)
    return {**made, 'own': own} if own else made


def categories_with(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """List the categories of the 19 corruptions, and those of further ones, such as 'c_bar'.

    Args:
        names (Iterable[str]): Names of further corruptions. Unknown ones get the category
            'other'.

    Returns:
        dict: Names of corruptions by category.
    """
    names = list(dict.fromkeys(names))
    kinds = {own.name: own.category for own in own_among(names)} | dict.fromkeys(C_BAR, _C_BAR)
    found = {kind: list(members) for kind, members in CATEGORIES.items()}
    for name in names:
        if name not in CORRUPTIONS:
            found.setdefault(kinds.get(name, OTHER), []).append(name)
    return {kind: tuple(members) for kind, members in found.items()}


def check_severities(severities: int | Iterable[int], names: Iterable[str] = ()) -> list[int]:
    """Check severities, also for the user's own corruptions, which may have fewer than five.

    Args:
        severities (int | Iterable[int]): Severities from 1 to 5.
        names (Iterable[str]): Names of corruptions that must have them. Defaults to none.

    Returns:
        list[int]: The severities in order, without duplicates.

    Raises:
        ValueError: If a corruption lacks a severity, which the message names, or none is given.
    """
    severities = [severities] if isinstance(severities, Integral) else severities
    found = sorted({check_severity(severity) for severity in severities})
    if not found:
        raise ValueError('there are no severities: name some, or leave severities out for all')
    for own in own_among(names):
        if found[-1] > own.severities:
            raise ValueError(
                f'{own} has the severities 1 to {own.severities}, not {found[-1]}: ask for '
                'those alone'
            )
    return found


@lru_cache(maxsize=1)
def _load_entry_points() -> None:
    for point in entry_points(group=ENTRY_POINTS):
        try:
            found: Any = point.load()
        except Exception as error:
            # Report the error only when the corruption is used, so nothing else fails.
            found = partial(_broken, f'{point.value}: {" ".join(str(error).split())}')
        if not inspect.ismodule(found) and point.name not in _KNOWN:
            register(point.name, found)


def _broken(reason: str, *_: Any) -> None:
    raise ImportError(f'the package that has it cannot be imported ({reason})')


def _registered(*settings: Any) -> OwnCorruption:
    register(*settings)
    return _KNOWN[settings[0]]
