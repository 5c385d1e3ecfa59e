"""Registries of the parts that study configs name."""

from mmengine.registry import Registry

from mmct.messages import suggestion


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


# The scope is that of the runs: with another one, mmengine warns at each use.
SCORES = PartRegistry('study score', scope='mmpretrain', locations=['mmct.studies.scores'])
"""What is measured of each trained network."""

TABLES = PartRegistry('study table', scope='mmpretrain', locations=['mmct.studies.tables'])
"""What is made of the results of all, beside the table of the arms."""

FIGURES = PartRegistry('study figure', scope='mmpretrain', locations=['mmct.studies.figures'])
"""What is drawn from the results of all."""
