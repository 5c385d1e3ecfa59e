"""What predictions rest on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mmct.report.figures import LIGHT

from ..registry import FIGURES
from ..summary import mean_and_error, seed_results
from .panels import arms_by_group, panels

# Of the score, with what the figure calls it.
_HALVES = {'low_replaced_pct': 'low-variance half', 'high_replaced_pct': 'high-variance half'}


@FIGURES.register_module()
class ReplacedHalves:
    """What is lost when a half of the penultimate features is replaced.

    A panel for each group, two bars for each variant: how much the error rises
    when the half with the lower, or the higher, variance is replaced by its
    mean. Means over seeds, with standard errors.

    Args:
        score (str): The score, of type ``FeatureReliance``.
            Defaults to 'features'.
    """

    def __init__(self, score: str = 'features') -> None:
        self.score = score

    def __call__(self, plan: Mapping[str, Any], results: Mapping[str, Mapping]) -> Figure | None:
        """Draw it.

        Args:
            plan (Mapping): What ``study.json`` says.
            results (Mapping): Of finished cells, by key.

        Returns:
            Figure: None if no arm has the score.
        """
        found = {arm: seed_results(plan, results, arm, self.score) for arm in plan['arms']}
        groups = {
            group: {variant: found[arm] for variant, arm in arms.items() if found[arm]}
            for group, arms in arms_by_group(plan).items()
        }
        groups = {group: arms for group, arms in groups.items() if arms}
        if not groups:
            return None
        figure, axes = panels(list(groups))
        for group, variants in groups.items():
            places = np.arange(len(variants))
            for number, (half, title) in enumerate(_HALVES.items()):
                rises = [
                    mean_and_error([s[half] - s['error_pct'] for s in seeds.values()])
                    for seeds in variants.values()
                ]
                axes[group].bar(
                    places + 0.4 * (number - 0.5),
                    [rise['mean'] for rise in rises],
                    0.36,
                    yerr=[rise['standard_error'] or 0 for rise in rises],
                    capsize=2,
                    color=LIGHT.runs[number],
                    hatch=('', '//')[number],
                    edgecolor=LIGHT.paper,
                    ecolor=LIGHT.ink,
                    label=title,
                )
            axes[group].set_xticks(places, list(variants))
            axes[group].tick_params(axis='x', labelsize=8)
            axes[group].set_axisbelow(True)
            axes[group].axhline(0, color=LIGHT.ink, linewidth=0.8)
        figure.legend(
            *next(iter(axes.values())).get_legend_handles_labels(),
            loc='outside upper left',
            ncols=2,
            frameon=False,
            fontsize=9,
            labelcolor=LIGHT.ink,
        )
        figure.supylabel('rise of the error, points', fontsize=10, color=LIGHT.ink)
        return figure
