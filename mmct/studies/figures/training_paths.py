"""Corrupted against clean error while networks learn."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mmct.report.figures import LIGHT

from ..registry import FIGURES
from ..summary import seed_results
from .panels import arms_by_group, legend, looks, panels, variants


@FIGURES.register_module()
class TrainingPaths:
    """The path of each arm from the first checkpoint to the last.

    At one place on the x axis networks have equal clean errors: there their
    corrupted errors are comparable, even if one has learned less. A panel for
    each group; thin lines are seeds, thick ones their mean at each epoch.

    Args:
        curve (str): The score, of type ``AlongTraining``. Defaults to 'along'.
    """

    def __init__(self, curve: str = 'along') -> None:
        self.curve = curve

    def __call__(self, plan: Mapping[str, Any], results: Mapping[str, Mapping]) -> Figure | None:
        """Draw it.

        Args:
            plan (Mapping): What ``study.json`` says.
            results (Mapping): Of finished cells, by key.

        Returns:
            Figure: None if no arm has the score.
        """
        curves = {arm: seed_results(plan, results, arm, self.curve) for arm in plan['arms']}
        groups = {
            group: arms
            for group, arms in arms_by_group(plan).items()
            if any(curves[arm] for arm in arms.values())
        }
        if not groups:
            return None
        appearance = looks(variants(plan))
        figure, axes = panels(list(groups))
        for group, arms in groups.items():
            for variant, arm in arms.items():
                if not curves[arm]:
                    continue
                paths = np.array(
                    [[c['clean_error_pct'], c['raw_mce_pct']] for c in curves[arm].values()]
                )  # (seeds, 2, epochs)
                colour = appearance[variant]['color']
                for x, y in paths:
                    axes[group].plot(x, y, color=colour, linewidth=0.6, alpha=0.5)
                axes[group].plot(*paths.mean(0), linewidth=1.6, markersize=4, **appearance[variant])
            low, high = axes[group].get_xlim()
            axes[group].axline(
                (low, low), (high, high), color=LIGHT.ink, linewidth=0.8, linestyle='--', zorder=0
            )
        legend(figure, appearance)
        figure.supxlabel('clean error, %', fontsize=10, color=LIGHT.ink)
        figure.supylabel('corrupted error, %', fontsize=10, color=LIGHT.ink)
        return figure
