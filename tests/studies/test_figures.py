"""What the figures of a study show."""

import numpy as np
import pytest
import scorecards

from mmct.scoring.reliance import QUANTILES
from mmct.studies import FIGURES, summarise_arms
from mmct.studies.image_errors import wrong_by_image
from mmct.studies.panels import OTHERS, looks, variant_looks

PLAN = dict(
    arms={
        f'{group}, {variant}': dict(
            group=group, variant=variant, chosen=None,
            baselines=[] if variant == 'BN' else [f'{group}, BN'],
        )  # fmt: skip
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
ALL = ['ErrorArrows', 'Gains', 'TrainingPaths', 'VarianceSpectra', 'ReplacedHalves']
WITHOUT_PANELS = ('Gains', 'VarianceSpectra')


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


@pytest.mark.parametrize('name', [name for name in ALL if name not in WITHOUT_PANELS])
def test_each_group_has_a_panel(name):
    assert list(panels(draw(name, results()))) == ['A', 'B']
    assert list(panels(draw(name, results('B')))) == ['B']


def test_arrows_lead_from_the_baseline():
    axes = panels(draw('ErrorArrows', results()))['A']
    places = [bars.lines[0].get_xydata()[0].tolist() for bars in axes.containers]
    assert places == [[21, 36], [31, 46]]  # means over seeds
    (arrow,) = [text for text in axes.texts if not text.get_text()]
    assert (arrow.xyann, arrow.xy) == ((21, 36), (31, 46))


def test_names_stand_beside_their_points_and_over_no_marker():
    for name in ('ErrorArrows', 'TrainingPaths'):
        for axes in panels(draw(name, results())).values():
            names = {text.get_text(): text for text in axes.texts if text.get_text()}
            assert {n: text.xy for n, text in names.items()} == {
                'BN': (21, 36), 'none': (31, 46)
            }, name  # fmt: skip
            for text in names.values():
                box = text.get_window_extent()
                marks = axes.transData.transform([(21, 36), (31, 46)])
                assert not any(box.contains(*mark) for mark in marks)


def test_panels_have_the_same_axes():
    found = results()
    for score in found['Bnone1']['scores'].values():
        score['value'] = {**score['value'], 'raw_mce_pct': 95.0}
    a, b = panels(draw('ErrorArrows', found)).values()
    assert (a.get_xlim(), a.get_ylim()) == (b.get_xlim(), b.get_ylim())


def test_ct_and_its_controls_are_coloured():
    arms = dict(
        Standard=[], CT=['Standard', 'BN teacher'], Cutout=['Standard'],
        **{'BN teacher': ['Standard'], 'CT, longer': ['CT']},
    )  # fmt: skip
    plan = dict(arms={n: dict(group='A', variant=n, baselines=b) for n, b in arms.items()})
    colours = {name: look['color'] for name, look in variant_looks(plan).items()}
    assert colours['CT'] == colours['CT, longer']
    assert colours['Standard'] == colours['BN teacher']
    assert len({colours[name] for name in ('CT', 'Standard', 'Cutout')}) == 3
    assert colours['Cutout'] == OTHERS
    # Markers tell all of them apart, too.
    assert len({look['marker'] for look in variant_looks(plan).values()}) == 5


def test_gains_are_the_differences_with_their_intervals():
    found = results('A')
    found['Anone0']['scores']['corruption']['value'] = dict(
        clean_error_pct=26.0, raw_mce_pct=30.0
    )
    clean, corrupted = draw('Gains', found).axes
    assert [text.get_text() for text in clean.get_yticklabels()] == ['A, none − BN']
    # Of two seeds: 6 and 10; -5 and 10.
    for axes, values in ((clean, (6, 10)), (corrupted, (-5, 10))):
        (bar,) = axes.collections[0].get_segments()
        half = 12.706 * abs(values[1] - values[0]) / 2
        ends = [np.mean(values) - half, np.mean(values) + half]
        assert bar[:, 0] == pytest.approx(ends, rel=1e-3)
        assert axes.texts[0].get_text() == f'{np.mean(values):+.1f}'


def test_a_difference_of_one_seed_is_not_coloured_as_if_it_were_significant():
    one = {key: result for key, result in results('A').items() if not key.endswith('1')}
    for axes in draw('Gains', one).axes:
        assert not axes.collections
        assert axes.lines[-1].get_color() == OTHERS


def test_bars_of_arrows_are_the_standard_errors_of_the_table():
    found = results('A')
    for seed in (0, 1):
        card = scorecards.make(draw=seed, severities=(3,))
        names = 'clean_error_pct', 'raw_mce_pct'
        value = {name: card['summary'][name] for name in names}
        value['wrong_by_image'] = wrong_by_image(card)
        found[f'ABN{seed}']['scores']['corruption'] = dict(value=value)
    table = dict(x='corruption.clean_error_pct', y='corruption.raw_mce_pct')
    row = summarise_arms(dict(PLAN, table=table), found)[0]
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
