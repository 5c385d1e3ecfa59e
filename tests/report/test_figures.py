"""The figures of scorecards show each run, without colour too."""

import cv2
import numpy as np
import pytest
import scorecards

from mmct.evaluation import compare
from mmct.report import FORMATS, curves, drawn, dumbbell, heat_map, pixels, png, severity_curves
from mmct.report.figures import DARK

FEW = ('gaussian_noise', 'fog', 'snow')


def runs(count, corruptions=FEW, **settings):
    return [scorecards.make(f'run {i}', i, corruptions, **settings) for i in range(count)]


def texts(axes):
    return [text.get_text().replace('\u2212', '-') for text in axes.texts]


def test_a_dumbbell_leads_from_the_baseline_to_the_network():
    found = compare([scorecards.make('a', 0, FEW), scorecards.make('b', 1, FEW, skill=0.7)], 0)
    axes, beside = dumbbell(found).axes
    rows = [text.get_text() for text in axes.get_yticklabels()]
    errors = [result['summary']['corruption_error_pct'] for result in found.results]
    gains = {name: errors[1][name] - errors[0][name] for name in FEW}
    weather = sorted(('fog', 'snow'), key=gains.get)
    assert rows == ['clean', 'raw mCE', 'gaussian noise', 'weather', *weather]
    base, network = (bars.lines[0].get_xydata() for bars in axes.containers)
    assert base[rows.index('fog')][0] == pytest.approx(errors[0]['fog'])
    assert network[rows.index('fog')][0] == pytest.approx(errors[1]['fog'])
    segments = np.concatenate([lines.get_segments() for lines in axes.collections[2:]])
    ends = {tuple(np.round(segment[:, 0], 6)) for segment in segments}
    assert tuple(np.round([errors[0]['fog'], errors[1]['fog']], 6)) in ends
    written = [text.get_text().replace('\u2212', '-') for text in beside.get_yticklabels()]
    assert any(text.startswith(f'{gains["fog"]:+.1f} [') for text in written)
    # The bars are the intervals of the comparison.
    low, high = found.intervals[1]['fog']
    bars = axes.containers[1].lines[2][0].get_segments()[rows.index('fog')]
    np.testing.assert_allclose(bars[:, 0], [low, high])


@pytest.mark.parametrize(('count', 'baseline'), [(1, None), (5, 0)])
def test_figures_show_each_run_without_colour(count, baseline):
    found = compare(runs(count), baseline)
    axes = dumbbell(found).axes[0]
    assert len(axes.containers) == count
    panels = [axes for axes in severity_curves(found).axes if axes.get_visible()]
    assert [axes.get_title() for axes in panels] == ['noise', 'weather']
    (fog, *_), weather = FEW[1:], panels[1]
    assert len(weather.lines) == count
    cells = {(c['corruption'], c['severity']): c['error_pct'] for c in found.results[-1]['cells']}
    means = [(cells[fog, s] + cells['snow', s]) / 2 for s in range(1, 6)]
    clean = found.results[-1]['clean']['error_pct']
    np.testing.assert_allclose(weather.lines[-1].get_ydata(), [clean, *means])
    looks = {(line.get_marker(), line.get_linestyle(), line.get_markerfacecolor())
             for line in weather.lines}  # fmt: skip
    assert len(looks) == count


def test_the_heat_map_has_a_fixed_scale_and_true_numbers():
    one, two = scorecards.make('a', 0, FEW), scorecards.make('b', 1, FEW, skill=0.9)
    cells, *_, bar = heat_map(compare([one, two], 0), DARK).axes
    changes = [b['error_pct'] - a['error_pct']
               for a, b in zip(one['cells'], two['cells'], strict=True)]  # fmt: skip
    assert [float(text) for text in texts(cells)] == pytest.approx(changes, abs=0.051)
    assert min(changes) < -20 and bar.get_xlim() == (-20, 20)
    alone, bar = heat_map(compare([one])).axes
    rises = [cell['error_pct'] - one['clean']['error_pct'] for cell in one['cells']]
    assert [float(text) for text in texts(alone)] == pytest.approx(rises, abs=0.051)
    assert bar.get_xlim() == (0, 60)
    # A column for each network where they are many.
    assert len(texts(heat_map(compare(runs(6), 0)).axes[0])) == 5 * len(FEW)


def test_pixels_are_those_of_the_file():
    found = compare(runs(1, ('fog',), severities=(3,)))
    shown = pixels(heat_map(found))
    encoded = np.frombuffer(png(heat_map(found)), np.uint8)
    np.testing.assert_array_equal(shown, cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1])
    assert shown.dtype == np.uint8


STARTS = (b'\x89PNG', b'<?xml', b'%PDF')


@pytest.mark.parametrize(('kind', 'start'), list(zip(FORMATS, STARTS, strict=True)))
def test_the_same_figure_gives_the_same_bytes(kind, start):
    found = compare(runs(2, ('fog',)), 0)
    one, other = (drawn(dumbbell(found), kind) for _ in range(2))
    assert one == other and one.startswith(start)


def test_curves_have_their_intervals_and_plain_numbers():
    values, low, high = np.array([[2.0, 4.0, 8.0], [1.0, 3.0, 7.0], [3.0, 5.0, 9.0]])
    band = values, low, high
    figure = curves([1, 10, 100], dict(one=dict(a=band, b=band), two=dict(a=band)), 'x', 'y')
    first, second = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ['one', 'two']
    np.testing.assert_array_equal(first.lines[0].get_ydata(), values)
    ends = first.collections[0].get_paths()[0].vertices[:, 1]
    assert (ends.min(), ends.max()) == (1, 9)
    assert [label.get_text() for label in second.get_xticklabels()] == ['1', '10', '100']
    assert [text.get_text() for text in figure.legends[0].texts] == ['a', 'b']
