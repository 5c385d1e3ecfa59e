"""Read the kept results of studies, for the tables, words and pictures of README and docs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLEAN, CORRUPTED = 'clean error, %', 'mCE, %'
BENCHMARKS = Path(__file__).parent


def read_study(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read the plan of a kept study, and the rows of its table."""
    return tuple(
        json.loads((folder / f'{name}.json').read_text(encoding='utf-8'))
        for name in ('study', 'table')
    )


@dataclass(frozen=True)
class KeptNetwork:
    """What a kept study has of one network, trained in several ways.

    Attributes:
        titles (list[str]): The columns of its table.
        rows (dict): The row of that table for each way, by its name (the arm's variant).
    """

    titles: list[str]
    rows: dict[str, dict[str, Any]]

    def seeds(self, variant: str) -> int:
        """Count the seeds that a way was trained with."""
        return len(self.rows[variant]['seeds'])

    @property
    def all_seeds(self) -> str:
        """Write how many seeds the ways have, such as '3', or '2 to 3' if some have fewer.

        Ways that were not trained yet do not count.
        """
        counts = sorted({self.seeds(variant) for variant in self.rows} - {0})
        return ' to '.join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))

    def value(self, variant: str, title: str = CORRUPTED) -> Mapping[str, Any]:
        """Return a mean with its standard error, interval and count of seeds."""
        return self.rows[variant]['values'][title]

    def difference(
        self, variant: str, other: str, title: str = CORRUPTED
    ) -> Mapping[str, Any] | None:
        """Return by how much one way differs from another, paired by seed.

        Args:
            variant (str): The one.
            other (str): The other, which is subtracted; either may be a baseline of the other one.
            title (str): The column.

        Returns:
            Mapping, optional: With ``mean`` and ``interval``; None if the study does not compare
                the two, or has a single seed of both.
        """
        one, another = self.rows[variant], self.rows[other]
        found = one['values'][title]['differences'].get(another['arm'])
        if found and found['interval']:
            return found
        found = another['values'][title]['differences'].get(one['arm'])
        if found and found['interval']:
            return dict(mean=-found['mean'], interval=[-end for end in reversed(found['interval'])])
        return None


def read_networks(folder: Path) -> dict[str, KeptNetwork]:
    """Read a kept study by network (the group of its arms)."""
    plan, rows = read_study(folder)
    titles = list(plan['table'])
    grouped: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row['group'], {})[row['variant']] = row
    return {group: KeptNetwork(titles, found) for group, found in grouped.items()}


def read_network(folder: Path) -> KeptNetwork:
    """Read a kept study of one network.

    Raises:
        ValueError: If it has several.
    """
    (network,) = read_networks(folder).values()
    return network


def points(difference: Mapping[str, Any]) -> str:
    """Write a difference in points, with the ends of its interval."""
    low, high = difference['interval']
    return f'{difference["mean"]:+.1f} [{low:+.1f}, {high:+.1f}]'
