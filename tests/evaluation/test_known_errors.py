import numpy as np
import pytest

from mmct.evaluation import area_under_risk_coverage, known_share


@pytest.mark.parametrize(
    ('confidence', 'share'),
    [
        ([0.9, 0.8, 0.7, 0.2], 100),  # each wrong one below each right one
        ([0.5, 0.5, 0.5, 0.5], 0),
        # Risks 0, 1/2, 1/3, 1/4 have the mean 13/48; the best is 1/16, no knowledge 1/4.
        ([0.9, 0.3, 0.2, 0.7], 100 * (1 / 4 - 13 / 48) / (1 / 4 - 1 / 16)),
    ],
)
def test_known_share_by_hand(confidence, share):
    found = known_share([(np.array(confidence), np.array([True, True, True, False]))])
    assert found['value'] == pytest.approx(share)


def test_ties_and_cells_are_as_in_the_area():
    rng = np.random.default_rng(0)
    cells, areas, best = [], [], []
    for _ in range(3):
        confidence = rng.random(300).round(1)
        hits = rng.random(300) < confidence
        cells.append((confidence, hits))
        areas.append(1 - hits.mean() - area_under_risk_coverage(confidence, hits) / 100)
        best.append(1 - hits.mean() - area_under_risk_coverage(hits.astype(float), hits) / 100)
    # Hits as their own confidence: wrong ones come last, in the mean over their orders.
    found = known_share(cells)
    assert found['value'] == pytest.approx(100 * sum(areas) / sum(best))
    assert found['low'] < found['value'] < found['high']
    assert found['high'] - found['low'] < 25


def test_without_errors_there_is_nothing_to_know():
    assert known_share([(np.array([0.5, 0.9]), np.array([True, True]))]) is None
