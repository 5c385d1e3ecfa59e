"""Accuracy on each domain that was left out, their mean and the worst."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from mmct.report.figures import LIGHT

from ..registry import FIGURES, TABLES
from .panels import legend, looks, panels


@FIGURES.register_module()
class DomainAccuracies:
    """What a :class:`DomainTable` says of each method, as points.

    A panel for each way to select settings; means over seeds, the bars are
    standard errors. Published rows are not drawn.

    Args:
        table (str): Name of the table in the study. Defaults to 'domains'.
    """

    def __init__(self, table: str = 'domains') -> None:
        self.table = table

    def __call__(self, plan: Mapping[str, Any], results: Mapping[str, Mapping]) -> Figure | None:
        """Draw it.

        Args:
            plan (Mapping): What ``study.json`` says.
            results (Mapping): Of finished cells, by key.

        Returns:
            Figure: None if no method has a result.

        Raises:
            KeyError: If the study has no such table.
        """
        found = TABLES.build(dict(plan['tables'][self.table]))(plan, results)
        first = next(iter(found.values()))
        methods = [
            method
            for method, row in first.items()
            if any(value['count'] for value in row.values())
        ]
        if not methods:
            return None
        # The same while some have no results yet.
        appearance = looks(list(first))
        figure, axes = panels(list(found), columns=1, width=6.0)
        for way, rows in found.items():
            columns = list(rows[methods[0]])
            for number, method in enumerate(methods):
                # Side by side within 60 % of a column.
                shift = 0.6 * ((number + 0.5) / len(methods) - 0.5)
                known = [
                    (place + shift, rows[method][column])
                    for place, column in enumerate(columns)
                    if rows[method][column]['count']
                ]
                axes[way].errorbar(
                    [place for place, _ in known],
                    [value['mean'] for _, value in known],
                    # One seed has no standard error.
                    yerr=[value['standard_error'] or 0.0 for _, value in known],
                    linestyle='',
                    markersize=6,
                    capsize=2,
                    **appearance[method],
                )
            axes[way].set_xticks(range(len(columns)), columns)
            axes[way].set_ylabel('accuracy, %', fontsize=10, color=LIGHT.ink)
            # What is not a domain stands apart.
            axes[way].axvline(columns.index('mean') - 0.5, color=LIGHT.ink, linewidth=0.8)
            axes[way].grid(visible=False, axis='x')
        legend(figure, {method: appearance[method] for method in methods})
        return figure
