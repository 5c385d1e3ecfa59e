"""The numbers of a study, by hand."""

import json

import numpy as np
import pytest
import scorecards
from scipy.stats import t

from mmct.evaluation.crossed import crossed_error
from mmct.runs import CTError
from mmct.studies.image_errors import errors_of_images, wrong_by_image
from mmct.studies.reporting import to_markdown
from mmct.studies.summary import (
    at_equal,
    mean_and_error,
    means_by_arm,
    seed_results,
    summarise_arms,
    value_at,
)

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
    # A key may have dots, as names of domains and folders do.
    for key in ('v1.5', '1.0.x', 'v1'):
        inside = {'v1': 1.0, 'v1.5': 2.0, '1.0.x': 3.0}
        dotted = dict(scores=dict(of=dict(value=dict(test_pct=inside))))
        assert value_at(dotted, f'of.test_pct.{key}') == inside[key]


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
    gap = sum(errors.values()) / len(errors) - clean
    value = dict(clean_error_pct=clean, corruption_error_pct=errors, gap_pct=float(gap))
    return dict(diverged=None, scores=dict(corruption=dict(value=value)))


def test_the_relative_gap_is_by_the_first_baseline_and_seed():
    results = dict(
        BN0=scorecard(10, fog=30, snow=20), none0=scorecard(20, fog=30, snow=45),
        BN1=scorecard(10, fog=20, snow=20), none1=scorecard(10, fog=15, snow=20),
    )  # fmt: skip
    rows = summarise_arms(plan(dict(relative=dict(relative='corruption'))), results)
    base, other = (row['values']['relative'] for row in rows)
    # The baseline is 100 by definition.
    assert (base['mean'], base['count']) == (100, 2)
    # A ratio of sums. Seed 0: (10 + 25) / (20 + 10); seed 1: (5 + 10) / (10 + 10).
    assert other['mean'] == pytest.approx(100 * (35 / 30 + 15 / 20) / 2)
    assert other['differences'] == {}


def test_finished_networks_are_compared_at_equal_clean_error_with_the_line_of_the_baselines():
    column = dict(at_equal='corruption.clean_error_pct', of='corruption.corruption_error_pct.fog')
    study = plan(dict(above=column))
    study['arms']['short'] = dict(study['arms']['BN'])
    study['arms']['none']['baselines'] = ['BN', 'short']
    study['cells'] += [
        dict(key=f'short{seed}', arm='short', role='training', seed=seed) for seed in (0, 1)
    ]
    results = dict(
        BN0=scorecard(10, fog=20), short0=scorecard(30, fog=50), none0=scorecard(20, fog=33),
        BN1=scorecard(10, fog=20), short1=scorecard(30, fog=40), none1=scorecard(25, fog=33),
    )  # fmt: skip
    found = summarise_arms(study, results)[1]['values']['above']
    # At 20 % the line of seed 0 is at 35 %, at 25 % that of seed 1 at 35 %, too.
    assert (found['mean'], found['count'], found['differences']) == (-2, 2, {})
    # Beyond the baselines there is no line.
    results['none1'] = scorecard(31, fog=33)
    assert summarise_arms(study, results)[1]['values']['above']['count'] == 1
    del results['short0'], results['short1']
    assert summarise_arms(study, results)[1]['values']['above']['count'] == 0


def test_the_relative_gap_is_left_out_where_a_baseline_has_hardly_any():
    results = dict(BN0=scorecard(10, fog=12), none0=scorecard(20, fog=30),
                   BN1=scorecard(10, fog=30), none1=scorecard(20, fog=30))  # fmt: skip
    rows = summarise_arms(plan(dict(relative=dict(relative='corruption'))), results)
    # Not of the other seed alone: that would be a choice by luck.
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
    lines = [line for line in to_markdown(plan(table), rows).splitlines() if '|' in line]
    assert cells(lines[-1]) == ['none', '2 of 2', '10.00 ± 1.00', '7.00']


ERRORS = dict(clean='corruption.clean_error_pct', mce='corruption.raw_mce_pct',
              gap='corruption.gap_pct', noise='corruption.categories_pct.noise')  # fmt: skip


def scored(draw, skill=0.5, images=60):
    """The result of a corruption score."""
    card = scorecards.make(draw=draw, skill=skill, images=images, severities=(1, 3))
    names = 'clean_error_pct', 'raw_mce_pct', 'gap_pct', 'categories_pct', 'ece_pct'
    value = {name: card['summary'][name] for name in names}
    value['wrong_by_image'] = json.loads(json.dumps(wrong_by_image(card)))
    return dict(title=f'draw {draw}', diverged=None, scores=dict(corruption=dict(value=value)))


@pytest.fixture
def both():
    """Results of an arm and its baseline, of three seeds."""
    found = {f'BN{seed}': scored(seed) for seed in range(3)}
    return found | {f'none{seed}': scored(10 + seed, 0.4) for seed in range(3)}


def by_image(results, arm, keys):
    values = [results[f'{arm}{seed}']['scores']['corruption']['value'] for seed in range(3)]
    return np.stack([errors_of_images(value['wrong_by_image'], keys) for value in values])


def summary(results, table=None):
    rows = summarise_arms(plan(ERRORS if table is None else table, range(3)), results)
    return [row['values'] for row in rows]


def without_images(results):
    """As earlier versions kept them."""
    for result in results.values():
        result['scores']['corruption']['value'].pop('wrong_by_image', None)
    return results


@pytest.mark.parametrize(
    ('title', 'keys'),
    [('clean', ['clean_error_pct']), ('mce', ['raw_mce_pct']), ('gap', ['gap_pct']),
     ('noise', ['categories_pct', 'noise'])],
)  # fmt: skip
def test_standard_errors_contain_seeds_and_images(both, title, keys):
    base, none = summary(both)
    found, difference = none[title], none[title]['differences']['BN']
    mine, theirs = (by_image(both, arm, keys) for arm in ('none', 'BN'))
    # Paired by seed and image.
    for number, errors in ((found, mine), (difference, mine - theirs)):
        error, freedom = crossed_error(errors)
        assert number['standard_error'] == pytest.approx(error)
        assert number['mean'] == pytest.approx(errors.mean())
        assert (number['count'], number['images']) == (3, 60)
        # With the degrees of freedom of that error, not of the seeds.
        half = t.ppf(0.975, freedom) * error
        assert number['interval'] == pytest.approx([errors.mean() - half, errors.mean() + half])
    assert 'images' in base[title]


def test_without_images_the_errors_are_those_of_the_seeds(both):
    # Of one seed of one arm: its differences have none, either.
    del both['none1']['scores']['corruption']['value']['wrong_by_image']
    base, none = summary(both)
    assert 'images' in base['mce']
    earlier = summary(without_images(both))[1]['mce']
    assert none['mce'] == earlier
    errors = [both[f'none{seed}']['scores']['corruption']['value']['raw_mce_pct']
              for seed in range(3)]  # fmt: skip
    assert none['mce'] == dict(**mean_and_error(errors), differences=earlier['differences'])


def test_numbers_are_the_same_with_and_without_images(both):
    found, earlier = summary(both), summary(without_images(both))
    for values, before in zip(found, earlier, strict=True):
        for title in ERRORS:
            assert values[title]['mean'] == before[title]['mean']
            # Seeds that differ by chance alone: the images add some.
            assert values[title]['standard_error'] >= before[title]['standard_error'] - 1e-9


@pytest.mark.parametrize('other', [dict(labels_sha256='0' * 64), dict(images=50)])
def test_other_images_are_not_paired(both, other):
    if 'images' in other:
        both['BN0'] = scored(0, images=50)
    else:
        both['BN0']['scores']['corruption']['value']['wrong_by_image'].update(other)
    base, none = summary(both)
    assert 'images' not in base['mce'] and 'images' not in none['mce']['differences']['BN']
    assert 'images' in none['mce']


def test_what_is_no_mean_over_images_has_the_error_of_its_seeds(both):
    both['none0']['scores']['along'] = dict(value=dict(clean=[1.0], gap=[2.0]))
    table = dict(ece='corruption.ece_pct.clean', gap=CURVE)
    for values in summary(both, table):
        assert all('images' not in values[title] for title in table)


def test_one_seed_has_no_standard_error_of_its_images(both):
    none = summary(dict(none0=both['none0']))[1]['mce']
    assert (none['count'], none['standard_error'], none['interval']) == (1, None, None)


def test_a_seed_without_the_score_is_left_out_with_its_images(both):
    both['none2'] = result(None, diverged='nan')
    none = summary(both)[1]['mce']
    assert (none['count'], none['images']) == (2, 60)
    errors = [by_image({**both, 'none2': both['none0']}, arm, ['raw_mce_pct'])[:2]
              for arm in ('none', 'BN')]  # fmt: skip
    assert none['standard_error'] == pytest.approx(crossed_error(errors[0])[0])
    difference = none['differences']['BN']
    assert difference['count'] == 2
    assert difference['standard_error'] == pytest.approx(crossed_error(errors[0] - errors[1])[0])


def test_images_that_contradict_the_number_are_refused(both):
    both['BN1']['scores']['corruption']['value']['raw_mce_pct'] += 0.01
    with pytest.raises(CTError, match="raw_mce_pct of 'draw 1' does not follow"):
        summary(both)


def test_images_of_another_shape_are_refused(both):
    both['BN1']['scores']['corruption']['value']['wrong_by_image']['clean']['counts'] = 'AA=='
    with pytest.raises(CTError, match="wrong_by_image of 'draw 1' .* clean are damaged"):
        summary(both)


def test_an_arm_has_the_mean_of_the_table(both):
    study = plan(ERRORS, range(3))
    found = means_by_arm(study, both, ERRORS['mce'])
    rows = summarise_arms(study, both)
    for row in rows:
        value = dict(row['values']['mce'])
        del value['differences']
        assert found[row['arm']] == value
    assert means_by_arm(study, {}, ERRORS['mce']) == {}


def test_the_text_below_the_table_says_what_errors_contain(both):
    study = plan({**ERRORS, 'ece, %': 'corruption.ece_pct.clean'}, range(3))

    def note():
        return to_markdown(study, summarise_arms(study, both)).splitlines()[-1]

    assert note() == (
        '± is one standard error: over seeds and images in `clean`, `mce`, `gap`, `noise`; over '
        'seeds alone in `ece, %`.'
    )
    del both['none1']['scores']['corruption']['value']['wrong_by_image']
    assert 'over seeds, and images where all results have them, in `clean`,' in note()
    without_images(both)
    assert note() == '± is one standard error over seeds alone.'
    for seed in (1, 2):
        del both[f'BN{seed}'], both[f'none{seed}']
    # Of one seed there is none.
    assert note().startswith('|')
