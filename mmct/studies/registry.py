"""Define the registries of the parts that study configs name."""

from collections.abc import Mapping
from typing import Any

from mmengine.registry import Registry
from pydantic import ValidationError, validate_call

from mmct.messages import suggestion
from mmct.records import first_of


class PartRegistry(Registry):
    """A registry that builds registered classes and nothing else.

    mmengine's registry imports and calls anything that a type with dots names. Names here may
    come from ``study.json``, which others may have written.
    """

    def get(self, key: str) -> type:
        """Find a registered class.

        Args:
            key (str): Name of the class.

        Returns:
            type: The class.

        Raises:
            KeyError: If no class of that name is registered.
        """
        self.import_from_location()
        if key not in self.module_dict:
            raise KeyError(f'there is no {self.name} {key!r}; {suggestion(key, self.module_dict)}')
        return self.module_dict[key]

    def build(self, cfg: Mapping[str, Any]) -> Any:
        """Build a registered class, and check the types that its ``__init__`` declares.

        Args:
            cfg (Mapping): The name of the class as ``type``, and its settings.

        Returns:
            Any: The built part.

        Raises:
            KeyError: If no class of that name is registered.
            ValueError: If a setting is unknown, missing, of another type, or refused.
        """
        settings = dict(cfg)
        kind = settings.pop('type', None)
        if not isinstance(kind, str):
            raise ValueError(f'{self.name}: type must be a name, but got {kind!r}')
        cls = self.get(kind)
        try:
            part = cls.__new__(cls)
            validate_call(cls.__init__)(part, **settings)
        except ValidationError as error:
            raise ValueError(f'{kind}: {first_of(error)}') from error
        return part


# The scope of the runs: with another scope, mmengine warns at each use.
SCORES = PartRegistry('study score', scope='mmpretrain', locations=['mmct.studies.scores'])
"""The scores of trained networks."""

TABLES = PartRegistry('study table', scope='mmpretrain', locations=['mmct.studies.tables'])
"""The tables of a study's results, beside the table of the arms."""

FIGURES = PartRegistry(
    'study figure',
    scope='mmpretrain',
    locations=['mmct.studies.figures', 'mmct.studies.variance_figures'],
)
"""The figures of a study's results."""
