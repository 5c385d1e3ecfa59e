"""Draw how a network relies on its features' variance: the figures of ``FeatureReliance``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from mmct.records import Record
from mmct.report.figures import LIGHT, blank, label, style
from mmct.report.figures import legend as add_legend
from mmct.scoring.reliance import QUANTILES

from .panels import by_group, panels, variant_looks
from .registry import FIGURES
from .summary import mean_and_error, scores_by_arm

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Keys of FeatureReliance, with their labels in the figure.
_HALVES = {'low_replaced_pct': 'low-variance half', 'high_replaced_pct': 'high-variance half'}
# A channel below this fraction of the mean variance is practically off.
_FLOOR = 1e-4


class Halves(Record):
    """The errors of ``FeatureReliance`` that are drawn."""

    error_pct: float
    low_replaced_pct: float
    high_replaced_pct: float


class Spectrum(Record):
    """The spectrum of a layer that is drawn."""

    quantiles: Annotated[list[float], Field(min_length=len(QUANTILES), max_length=len(QUANTILES))]


@FIGURES.register_module()
class ReplacedHalves:
    """The rise of the error when half of the penultimate features are replaced.

    There is a panel for each group. The two bars of each variant stand for
    replacing the half of the features with lower or with higher variance by their
    means. Bars show means over seeds, with standard errors.

    Args:
        score (str): The score, of type ``FeatureReliance``.
            Defaults to 'features'.
    """

    def __init__(self, score: str = 'features') -> None:
        self.score = score

    def __call__(self, plan: Mapping[str, Any], results: Mapping[str, Mapping]) -> Figure | None:
        """Draw the figure.

        Args:
            plan (Mapping): Content of ``study.json``.
            results (Mapping): Of finished cells, by key.

        Returns:
            Figure: None if no arm has the score.
        """
        groups = by_group(plan, scores_by_arm(plan, results, self.score, Halves))
        if not groups:
            return None
        # A group may lack a variant.
        figure, axes = panels(list(groups), sharex=False)
        for group, arms in groups.items():
            places = np.arange(len(arms))
            for number, (half, title) in enumerate(_HALVES.items()):
                rises = [
                    mean_and_error(s[half] - s['error_pct'] for s in by_seed.values())
                    for by_seed in arms.values()
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
            axes[group].set_xticks(places, list(arms))
            axes[group].tick_params(axis='x', labelsize=8)
            axes[group].set_axisbelow(True)
            axes[group].axhline(0, color=LIGHT.ink, linewidth=0.8)
        add_legend(figure, figure.axes[0].get_legend_handles_labels()[0], 2)
        label(figure, y='rise of the error, points')
        return figure


@FIGURES.register_module()
class VarianceSpectra:
    """The spectrum of channel variances in each layer.

    There is a row for each group and a column for each variant. Bands contain the
    middle 50 and 90 % of a layer's channels, and the line is the median; 1 is the
    layer's mean. Quantiles are averaged over seeds on a logarithmic scale.

    Args:
        score (str): The score, of type ``FeatureReliance``.
            Defaults to 'features'.
    """

    def __init__(self, score: str = 'features') -> None:
        self.score = score

    def __call__(self, plan: Mapping[str, Any], results: Mapping[str, Mapping]) -> Figure | None:
        """Draw the figure.

        Args:
            plan (Mapping): Content of ``study.json``.
            results (Mapping): Of finished cells, by key.

        Returns:
            Figure: None if no arm has the score.
        """
        groups = by_group(
            plan, scores_by_arm(plan, results, f'{self.score}.layers', dict[str, Spectrum])
        )
        if not groups:
            return None
        appearance = variant_looks(plan)
        # A single row is higher, as the label beside it would be cut off.
        figure = blank(2.1 * len(appearance) + 0.6, max(2.8, 1.6 * len(groups)) + 0.6)
        places = figure.subplots(
            len(groups), len(appearance), sharey=True, sharex='row', squeeze=False
        )
        for row, (group, arms) in enumerate(groups.items()):
            places[row, 0].set_ylabel(group, fontsize=10, color=LIGHT.ink)
            for axes, (variant, look) in zip(places[row], appearance.items(), strict=True):
                style(axes, title='' if row else variant)
                axes.set_yscale('log')
                axes.yaxis.set_major_formatter('{x:g}')
                _draw_spectra(axes, arms.get(variant, {}), look['color'])
        places[0, 0].set_ylim(_FLOOR, 30)
        label(figure, 'layer', "variance of a channel / the layer's mean")
        return figure


def _draw_spectra(axes: Axes, by_seed: Mapping[int, Mapping], colour: str) -> None:
    """Draw the quantiles of each layer, averaged over seeds."""
    seeds = list(by_seed.values())
    # A layer that is constant with one of the seeds has no spectrum for it.
    names = [name for name in (seeds[0] if seeds else ()) if all(name in seed for seed in seeds)]
    if not names:
        axes.text(
            0.5, 0.5, 'no variance', transform=axes.transAxes, ha='center', color=LIGHT.ink,
            fontsize=9,
        )  # fmt: skip
        return
    values = np.array([[seed[name]['quantiles'] for name in names] for seed in seeds])
    spectra = np.exp(np.log(values.clip(_FLOOR)).mean(0))  # (layers, quantiles)
    at, layers = dict(zip(QUANTILES, spectra.T, strict=True)), np.arange(1, len(spectra) + 1)
    for low, high, alpha in ((0.05, 0.95, 0.2), (0.25, 0.75, 0.35)):
        axes.fill_between(layers, at[low], at[high], color=colour, alpha=alpha, linewidth=0)
    axes.plot(layers, at[0.5], color=colour, linewidth=1.4)
