"""Corrupted against clean error, with arrows from baselines."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from mmct.report.figures import LIGHT

from ..registry import FIGURES
from ..summary import mean_and_error, seed_results
from .panels import arms_by_group, legend, looks, panels, variants


@FIGURES.register_module()
class ErrorArrows:
    """Where each arm lies, and the way to it from its first baseline.

    A panel for each group; means over seeds, the bars are standard errors. On
    the dashed line corrupted and clean error are equal.

    Args:
        x (str): The score that is drawn to the right, in %.
            Defaults to 'corruption.clean_error_pct'.
        y (str): The score that is drawn upwards, in %.
            Defaults to 'corruption.raw_mce_pct'.
    """

    def __init__(
        self, x: str = 'corruption.clean_error_pct', y: str = 'corruption.raw_mce_pct'
    ) -> None:
        self.x, self.y = x, y

    def __call__(self, plan: Mapping[str, Any], results: Mapping[str, Mapping]) -> Figure | None:
        """Draw it.

        Args:
            plan (Mapping): What ``study.json`` says.
            results (Mapping): Of finished cells, by key.

        Returns:
            Figure: None if no arm has both scores.
        """
        places = {}
        for arm in plan['arms']:
            x, y = (
                mean_and_error(list(seed_results(plan, results, arm, path).values()))
                for path in (self.x, self.y)
            )
            if x['count'] and y['count']:
                places[arm] = x, y
        groups = {
            group: {variant: arm for variant, arm in arms.items() if arm in places}
            for group, arms in arms_by_group(plan).items()
        }
        groups = {group: arms for group, arms in groups.items() if arms}
        if not groups:
            return None
        appearance = looks(variants(plan))
        figure, axes = panels(list(groups))
        for group, arms in groups.items():
            for variant, arm in arms.items():
                x, y = places[arm]
                axes[group].errorbar(
                    x['mean'],
                    y['mean'],
                    xerr=x['standard_error'],
                    yerr=y['standard_error'],
                    linestyle='',
                    markersize=6,
                    capsize=2,
                    **appearance[variant],
                )
                baselines = plan['arms'][arm]['baselines']
                if baselines and baselines[0] in places:
                    start = tuple(place['mean'] for place in places[baselines[0]])
                    axes[group].annotate(
                        '',
                        (x['mean'], y['mean']),
                        start,
                        arrowprops=dict(
                            arrowstyle='->', color=appearance[variant]['color'], alpha=0.6,
                            shrinkA=4, shrinkB=4,
                        ),
                    )  # fmt: skip
            axes[group].margins(0.15)
            low, high = axes[group].get_xlim()
            axes[group].axline(
                (low, low), (high, high), color=LIGHT.ink, linewidth=0.8, linestyle='--', zorder=0
            )
        legend(figure, {name: appearance[name] for arms in groups.values() for name in arms})
        # Not of the figure: that label would be beside the legend.
        for panel in axes.values():
            panel.set_xlabel('clean error, %', fontsize=10, color=LIGHT.ink)
            if panel.get_subplotspec().is_first_col():
                panel.set_ylabel('corrupted error, %', fontsize=10, color=LIGHT.ink)
        return figure
