"""Registries of the parts that study configs name."""

from collections.abc import Mapping
from typing import Any

from mmengine.registry import Registry
from pydantic import ValidationError, validate_call

from mmct.messages import suggestion
from mmct.records import first_of


class PartRegistry(Registry):
    """Builds what is registered, and nothing else.

    mmengine's imports and calls whatever a type with dots names. What is named here may come
    from ``study.json``, which others may have written.
    """

    def get(self, key: str) -> type:
        """Find a registered class.

        Args:
            key (str): Its name.

        Returns:
            type: The class.

        Raises:
            KeyError: If none of that name is registered.
        """
        self.import_from_location()
        if key not in self.module_dict:
            raise KeyError(f'there is no {self.name} {key!r}; {suggestion(key, self.module_dict)}')
        return self.module_dict[key]

    def build(self, cfg: Mapping[str, Any]) -> Any:
        """Build what is registered, from settings of the types that its ``__init__`` declares.

        Args:
            cfg (Mapping): ``type`` and settings.

        Returns:
            Any: The part.

        Raises:
            KeyError: If none of that name is registered.
            ValueError: If a setting is unknown, missing, of another type, or refused.
        """
        settings = dict(cfg)
        kind = settings.pop('type', None)
        if not isinstance(kind, str):
            raise ValueError(f'{self.name}: type must be a name, got {kind!r}')
        cls = self.get(kind)
        try:
            part = cls.__new__(cls)
            validate_call(cls.__init__)(part, **settings)
        except ValidationError as error:
            raise ValueError(f'{kind}: {first_of(error)}') from error
        return part


# The scope is that of the runs: with another one, mmengine warns at each use.
SCORES = PartRegistry('study score', scope='mmpretrain', locations=['mmct.studies.scores'])
"""What is measured of each trained network."""

TABLES = PartRegistry('study table', scope='mmpretrain', locations=['mmct.studies.tables'])
"""What is made of the results of all, beside the table of the arms."""

FIGURES = PartRegistry('study figure', scope='mmpretrain', locations=['mmct.studies.figures'])
"""What is drawn from the results of all."""
