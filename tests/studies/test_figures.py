"""What the figures of a study show."""

import numpy as np
import pytest
import scorecards

from mmct.scoring.reliance import QUANTILES
from mmct.studies import FIGURES, summarise_arms
from mmct.studies.image_errors import wrong_by_image
from mmct.studies.panels import looks

PLAN = dict(
    arms={
        f'{group}, {variant}': dict(
            group=group, variant=variant, baselines=[] if variant == 'BN' else [f'{group}, BN']
        )
        for group in ('A', 'B')
        for variant in ('BN', 'none')
    },
    cells=[
        dict(key=f'{group}{variant}{seed}', arm=f'{group}, {variant}', role='training', seed=seed)
        for group in ('A', 'B')
        for variant in ('BN', 'none')
        for seed in (0, 1)
    ],
)
ALL = ['ErrorArrows', 'TrainingPaths', 'VarianceSpectra', 'ReplacedHalves']


def results(groups='AB', variance=True):
    found = {}
    for group in groups:
        for shift, variant in enumerate(('BN', 'none')):
            for seed in (0, 1):
                clean = 20 + 10 * shift + 2 * seed
                values = dict(
                    corruption=dict(clean_error_pct=clean, raw_mce_pct=clean + 15),
                    along=dict(clean_error_pct=[60, clean], raw_mce_pct=[62, clean + 15]),
                    features=dict(
                        error_pct=20.0, low_replaced_pct=23.0 + seed, high_replaced_pct=50.0,
                        layers=dict(
                            one=dict(quantiles=[0.0, *np.linspace(0.1, 2, len(QUANTILES) - 1)])
                        ) if variance else {},
                    ),
                )  # fmt: skip
                scores = {name: dict(value=value) for name, value in values.items()}
                found[f'{group}{variant}{seed}'] = dict(title='', diverged=None, scores=scores)
    return found


def draw(name, found):
    return FIGURES.build(dict(type=name))(PLAN, found)


def panels(figure):
    return {axes.get_title(): axes for axes in figure.axes if axes.get_visible()}


@pytest.mark.parametrize('name', ALL)
def test_without_results_nothing_is_drawn(name):
    assert draw(name, {}) is None


@pytest.mark.parametrize('name', [name for name in ALL if name != 'VarianceSpectra'])
def test_each_group_has_a_panel(name):
    assert list(panels(draw(name, results()))) == ['A', 'B']
    assert list(panels(draw(name, results('B')))) == ['B']


def test_arrows_lead_from_the_baseline():
    axes = panels(draw('ErrorArrows', results()))['A']
    places = [bars.lines[0].get_xydata()[0].tolist() for bars in axes.containers]
    assert places == [[21, 36], [31, 46]]  # means over seeds
    (arrow,) = axes.texts
    assert (arrow.xyann, arrow.xy) == ((21, 36), (31, 46))


def test_bars_of_arrows_are_the_standard_errors_of_the_table():
    found = results('A')
    for seed in (0, 1):
        card = scorecards.make(draw=seed, severities=(3,))
        names = 'clean_error_pct', 'raw_mce_pct'
        value = {name: card['summary'][name] for name in names}
        value['wrong_by_image'] = wrong_by_image(card)
        found[f'ABN{seed}']['scores']['corruption'] = dict(value=value)
    arms = {name: dict(arm, chosen=None) for name, arm in PLAN['arms'].items()}
    table = dict(x='corruption.clean_error_pct', y='corruption.raw_mce_pct')
    row = summarise_arms(dict(PLAN, arms=arms, table=table), found)[0]
    assert row['values']['x']['images'] == 40
    (bars, *_) = panels(draw('ErrorArrows', found))['A'].containers
    for axis, segments in enumerate(bars.lines[2]):
        (ends,) = segments.get_segments()
        error = row['values']['xy'[axis]]['standard_error']
        assert np.ptp(ends[:, axis]) == pytest.approx(2 * error)


def test_paths_go_from_the_first_checkpoint_to_the_last():
    axes = panels(draw('TrainingPaths', results()))['A']
    paths = [line.get_xydata().tolist() for line in axes.lines]
    # Two seeds and their mean, of each variant.
    assert paths[:3] == [[[60, 62], [20, 35]], [[60, 62], [22, 37]], [[60, 62], [21, 36]]]


def test_bars_are_rises_of_the_error():
    low, high = panels(draw('ReplacedHalves', results()))['A'].containers[1::2]
    assert [bar.get_height() for bar in low] == [3.5, 3.5]
    assert [bar.get_height() for bar in high] == [30, 30]


def test_a_column_has_the_spectra_of_a_variant():
    figure = draw('VarianceSpectra', results())
    assert [axes.get_title() for axes in figure.axes] == ['BN', 'none', '', '']
    assert [axes.get_ylabel() for axes in figure.axes] == ['A', '', 'B', '']
    (median,) = figure.axes[0].lines
    assert median.get_ydata() == pytest.approx([np.linspace(0.1, 2, 6)[2]])


def test_a_network_without_variance_is_told():
    figure = draw('VarianceSpectra', {**results('A'), **results('B', variance=False)})
    assert [text.get_text() for axes in figure.axes[2:] for text in axes.texts] == [
        'no variance'
    ] * 2


@pytest.mark.parametrize('groups', ['A', 'AB'])
def test_no_label_or_legend_is_cut_off(groups):
    for name in ALL:
        figure = draw(name, results(groups))
        figure.draw_without_rendering()
        width, height = figure.get_size_inches() * figure.dpi
        for part in (figure._supylabel, figure._supxlabel, *figure.legends):
            if part is not None:
                box = part.get_window_extent()
                assert 0 <= box.x0 and box.x1 <= width, name
                assert 0 <= box.y0 and box.y1 <= height, name


def test_no_two_of_many_variants_look_alike():
    names = [str(number) for number in range(60)]
    found = {(look['color'], look['marker']) for look in looks(names).values()}
    assert len(found) == 60
