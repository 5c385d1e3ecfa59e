"""The numbers of a study, by hand."""

import pytest

from mmct.studies.reporting import to_markdown
from mmct.studies.summary import at_equal, mean_and_error, seed_results, summarise_arms

CURVE = dict(curve='along', x='clean', y='gap')


def cells(line):
    return [cell.strip() for cell in line.split('|')[1:-1]]


def result(error, gap=None, diverged=None):
    scores = {} if error is None else dict(errors=dict(value=dict(clean=error)))
    if gap is not None:
        scores['along'] = dict(value=gap)
    return dict(title='cell', diverged=diverged, scores=scores)


def plan(table, seeds=(0, 1), chosen=None):
    arm = dict(group='net', points=[dict(lr=1), dict(lr=2)], chosen=chosen)
    return dict(
        arms=dict(
            BN=dict(arm, variant='BN', baselines=[]),
            none=dict(arm, variant='none', baselines=['BN']),
        ),
        seeds=seeds,
        table=table,
        cells=[
            dict(key=f'{name}{seed}', arm=name, role='training', seed=seed)
            for name in ('BN', 'none')
            for seed in seeds
        ]
        # The trials of an arm are no results of it.
        + [dict(key='trial', arm='none', role='tuning', seed=0)],
    )


def test_mean_and_standard_error_are_over_seeds():
    # Deviations -1, 0, 1: variance 1, error 1 / sqrt(3).
    found = mean_and_error([1, 2, 3])
    assert (found['mean'], found['count']) == (2, 3)
    assert found['standard_error'] == pytest.approx(3**-0.5)
    # The 97.5 % quantile of Student's t with two degrees of freedom: 4.303.
    assert found['interval'] == pytest.approx([2 - 4.303 * 3**-0.5, 2 + 4.303 * 3**-0.5], abs=1e-3)


def test_equal_values_have_an_interval_of_no_width():
    assert mean_and_error([100.0] * 3) == dict(
        mean=100, standard_error=0, interval=[100, 100], count=3
    )


def test_one_seed_has_no_standard_error_and_none_no_mean():
    nothing = dict(standard_error=None, interval=None)
    assert mean_and_error([4]) == dict(mean=4, count=1, **nothing)
    assert mean_and_error([]) == dict(mean=None, count=0, **nothing)


def test_differences_are_paired_by_seed():
    results = dict(
        BN0=result(10), BN1=result(30), none0=result(15), none1=result(37), trial=result(99)
    )
    row = summarise_arms(plan(dict(error='errors.clean')), results)[1]
    assert row['values']['error']['mean'] == 26
    # 5 and 7; unpaired, the error would be 17.4.
    difference = row['values']['error']['differences']['BN']
    assert (difference['mean'], difference['standard_error'], difference['count']) == (6, 1, 2)


def test_a_seed_that_only_one_arm_has_is_no_difference():
    results = dict(BN0=result(10), none0=result(15), none1=result(37))
    row = summarise_arms(plan(dict(error='errors.clean')), results)[1]
    assert row['seeds'] == [0, 1]
    difference = row['values']['error']['differences']['BN']
    assert (difference['mean'], difference['standard_error'], difference['count']) == (5, None, 1)


def test_what_diverged_is_counted_but_has_no_value():
    results = dict(BN0=result(10), BN1=result(None, diverged='nan'))
    row = summarise_arms(plan(dict(error='errors.clean')), results)[0]
    assert row['diverged'] == [1]
    assert row['values']['error']['count'] == 1


def test_the_choice_of_a_tuning_is_told():
    assert summarise_arms(plan({}, chosen=1), {})[0]['chosen'] == dict(lr=2)
    assert summarise_arms(plan({}), {})[0]['chosen'] is None


def test_a_path_leads_into_a_score():
    results = dict(BN0=result(10), BN1=result(30))
    assert seed_results(plan({}), results, 'BN', 'errors.clean') == {0: 10, 1: 30}
    found = seed_results(plan({}), results, 'BN', 'errors', dict[str, float])
    assert found == {0: dict(clean=10), 1: dict(clean=30)}
    assert seed_results(plan({}), results, 'BN', 'errors.clean.more') == {}
    assert seed_results(plan({}), results, 'BN', 'other') == {}


# While it learns, the other net's gap goes from 2 to 8.
OTHER = dict(clean=[80, 60, 40], gap=[2, 4, 8])


@pytest.mark.parametrize(
    ('clean', 'gap', 'expected'),
    [
        (60, 3, 3 - 4),  # on a point
        (50, 7, 7 - 6),  # half way between two
        (40, 8, 0),  # at its end
        (39, 8, None),  # better than it ever was
        (81, 8, None),  # worse than at its first checkpoint
    ],
)
def test_gaps_are_compared_at_equal_clean_error(clean, gap, expected):
    assert at_equal(dict(clean=[90, clean], gap=[0, gap]), OTHER, 'clean', 'gap') == expected


def test_the_other_curve_need_not_fall():
    wavy = dict(clean=[40, 80, 60], gap=[8, 2, 4])
    assert at_equal(dict(clean=[50], gap=[7]), wavy, 'clean', 'gap') == 1


def test_a_column_may_be_a_comparison_at_equal_error():
    own = dict(clean=[50], gap=[7])
    results = dict(BN0=result(40, OTHER), none0=result(50, own))
    values = summarise_arms(plan(dict(gap=CURVE)), results)[1]['values']['gap']
    assert values['mean'] == 7
    assert values['differences']['BN']['mean'] == 1


def scorecard(clean, **errors):
    value = dict(clean_error_pct=clean, corruption_error_pct=errors)
    return dict(diverged=None, scores=dict(corruption=dict(value=value)))


def test_relative_mce_is_by_the_first_baseline_and_seed():
    results = dict(
        BN0=scorecard(10, fog=30, snow=20), none0=scorecard(20, fog=30, snow=45),
        BN1=scorecard(10, fog=20, snow=20), none1=scorecard(10, fog=15, snow=20),
    )  # fmt: skip
    rows = summarise_arms(plan(dict(relative=dict(relative='corruption'))), results)
    base, other = (row['values']['relative'] for row in rows)
    # The baseline is 100 by definition.
    assert (base['mean'], base['count']) == (100, 2)
    # Seed 0: (10 / 20 + 25 / 10) / 2; seed 1: (5 / 10 + 10 / 10) / 2.
    assert other['mean'] == pytest.approx((150 + 75) / 2)
    assert other['differences'] == {}


def test_relative_mce_is_left_out_where_it_is_not_defined():
    results = dict(BN0=scorecard(10, fog=10), none0=scorecard(20, fog=30))
    rows = summarise_arms(plan(dict(relative=dict(relative='corruption'))), results)
    assert rows[1]['values']['relative']['count'] == 0


def test_an_arm_has_a_difference_to_each_of_its_baselines():
    both = plan(dict(error='errors.clean'))
    both['arms']['third'] = dict(both['arms']['none'], baselines=['none', 'BN'])
    both['cells'].append(dict(key='third0', arm='third', role='training', seed=0))
    results = dict(BN0=result(10), none0=result(15), third0=result(12))
    row = summarise_arms(both, results)[2]
    found = row['values']['error']['differences']
    assert {name: found[name]['mean'] for name in found} == dict(none=-3, BN=2)
    lines = to_markdown(both, [row]).splitlines()
    assert [cells(line) for line in lines[3:]] == [
        ['&nbsp; minus none', '', '-3.00'], ['&nbsp; minus BN', '', '+2.00']
    ]  # fmt: skip


def test_published_values_stand_beside_measured_ones_and_count_no_seed():
    table = {'error': 'errors.clean', 'published, not measured here': dict(published=dict(none=7))}
    rows = summarise_arms(plan(table), dict(none0=result(9), none1=result(11)))
    assert rows[0]['values']['published, not measured here']['mean'] is None
    found = rows[1]['values']['published, not measured here']
    assert (found['mean'], found['count'], found['differences']) == (7, 0, {})
    last = cells(to_markdown(plan(table), rows).splitlines()[-1])
    assert last == ['none', '2 of 2', '10.00 ± 1.00', '7.00']
