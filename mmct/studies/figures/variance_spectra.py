"""How unequal the variances of a layer's channels are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mmct.report.figures import LIGHT, style

from ..registry import FIGURES
from ..scores.reliance import QUANTILES
from ..summary import seed_results
from .panels import arms_by_group, looks, variants

# A channel of less than this fraction of the mean variance is as good as off.
_FLOOR = 1e-4


@FIGURES.register_module()
class VarianceSpectra:
    """The spectrum of channel variances, layer by layer.

    A row for each group, a column for each variant. Bands hold the middle 50
    and 90 % of a layer's channels, the line is the median; 1 is the layer's
    mean. Quantiles are averaged over seeds, on the logarithmic axis.

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
        path = f'{self.score}.layers'
        found = {arm: seed_results(plan, results, arm, path) for arm in plan['arms']}
        groups = {
            group: arms
            for group, arms in arms_by_group(plan).items()
            if any(found[arm] for arm in arms.values())
        }
        if not groups:
            return None
        appearance = looks(variants(plan))
        columns = list(appearance)
        # One row is higher, or the label beside it would be cut off.
        size = 2.1 * len(columns) + 0.6, max(2.8, 1.6 * len(groups)) + 0.6
        figure = Figure(size, facecolor=LIGHT.paper)
        figure.set_layout_engine('constrained')
        places = figure.subplots(
            len(groups), len(columns), sharey=True, sharex='row', squeeze=False
        )
        for row, (group, arms) in enumerate(groups.items()):
            places[row, 0].set_ylabel(group, fontsize=10, color=LIGHT.ink)
            for column, variant in enumerate(columns):
                axes = places[row, column]
                if row == 0:
                    axes.set_title(variant, fontsize=10, color=LIGHT.ink)
                style(axes, LIGHT)
                axes.set_yscale('log')
                axes.yaxis.set_major_formatter('{x:g}')
                axes.grid(color=LIGHT.faint, linewidth=0.6)
                spectra = _spectra(found.get(arms.get(variant), {}))
                if spectra is None:
                    axes.text(
                        0.5, 0.5, 'no variance', transform=axes.transAxes, ha='center',
                        color=LIGHT.ink, fontsize=9,
                    )  # fmt: skip
                    continue
                at = {quantile: spectra[:, i] for i, quantile in enumerate(QUANTILES)}
                layers, colour = np.arange(1, len(spectra) + 1), appearance[variant]['color']
                for low, high, alpha in ((0.05, 0.95, 0.2), (0.25, 0.75, 0.35)):
                    axes.fill_between(
                        layers, at[low], at[high], color=colour, alpha=alpha, linewidth=0
                    )
                axes.plot(layers, at[0.5], color=colour, linewidth=1.4)
        places[0, 0].set_ylim(_FLOOR, 30)
        figure.supxlabel('layer', fontsize=10, color=LIGHT.ink)
        figure.supylabel("variance of a channel / the layer's mean", fontsize=10, color=LIGHT.ink)
        return figure


def _spectra(by_seed: Mapping[int, Mapping]) -> np.ndarray | None:
    """Quantiles of each layer (L, Q), over the seeds; None without any."""
    seeds = list(by_seed.values())
    # A layer that is constant with one seed has no spectrum there.
    names = [name for name in (seeds[0] if seeds else ()) if all(name in seed for seed in seeds)]
    if not names:
        return None
    values = np.array([[seed[name]['quantiles'] for name in names] for seed in seeds])
    return np.exp(np.log(values.clip(_FLOOR)).mean(0))
