"""The figures of scorecards show each run, without colour too."""

import cv2
import numpy as np
import pytest
import scorecards

from mmct.report import curves, pixels, png
from mmct.report.figures import DARK, heat_map, severity_curves


@pytest.mark.parametrize('runs', [1, 12])
def test_figures_show_each_run_and_corruption(runs):
    results = [scorecards.make(f'run {i}', i) for i in range(runs)]
    cells = heat_map(results, DARK).axes[0]
    numbers = {text.get_text() for text in cells.texts}
    assert len(cells.texts) == 19 * runs
    assert f'{results[-1]["summary"]["corruption_error_pct"]["fog"]:.1f}' in numbers
    panels = [axes for axes in severity_curves(results).axes if axes.get_visible()]
    assert len(panels) == 19
    fog = next(axes for axes in panels if axes.get_title() == 'fog')
    assert len(fog.lines) == runs
    expected = [c['error_pct'] for c in results[-1]['cells'] if c['corruption'] == 'fog']
    np.testing.assert_allclose(fog.lines[-1].get_ydata(), expected)
    # Without colour, too.
    looks = {(line.get_marker(), line.get_linestyle()) for line in fog.lines}
    assert len(looks) == runs


def test_pixels_are_those_of_the_file():
    figure = heat_map([scorecards.make()])
    drawn = pixels(figure)
    encoded = np.frombuffer(png(figure), np.uint8)
    np.testing.assert_array_equal(drawn, cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1])
    assert drawn.dtype == np.uint8


def test_kinds_of_corruptions_are_parted():
    lines = heat_map([scorecards.make()]).axes[0].lines
    # Noise, blur, weather, digital, extra.
    assert [line.get_ydata()[0] for line in lines] == [2.5, 6.5, 10.5, 14.5]


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


def test_the_same_figure_gives_the_same_bytes():
    one, other = (png(heat_map([scorecards.make()])) for _ in range(2))
    assert one == other and one.startswith(b'\x89PNG')
