"""Selecting settings as DomainBed does, on results that are written by hand."""

import json

import pytest

from mmct.studies import LEAVE_ONE_OUT, ONE_SETTING, ORACLE, TRAINING_DOMAINS, draws, leave_one_out
from mmct.studies.registry import FIGURES, TABLES

DOMAINS = ('a', 'b', 'c')


CT = dict(overlay=dict(model=dict(type='CTClassifier')), space=dict(weight=(1.0, -1, 1)))
METHODS = {'ERM': {}, 'CT': CT}
LONGER = {**METHODS, 'ERM, equal compute (3x)': dict(length=3)}


def made(draws=2, pairs=True, methods=METHODS):
    return leave_one_out(DOMAINS, 'config.py', methods, dict(lr=(0.5, -3, -1)), draws, pairs)


def cells(line):
    return [cell.strip() for cell in line.split('|')[1:-1]]


def study(values, arms, seeds=(0,)):
    """A plan and results in which ``values`` maps (arm, seed) to a score's value."""
    cells = [
        dict(key=f'{arm}/{seed}', role='training', arm=arm, seed=seed)
        for arm in arms
        for seed in seeds
    ]
    results = {
        f'{arm}/{seed}': dict(title=arm, scores=dict(domains=dict(value=value)), diverged=None)
        for (arm, seed), value in values.items()
    }
    return dict(cells=cells, seeds=[*seeds]), results


def test_a_draw_that_diverged_is_not_selected_and_removes_no_trial():
    table = made(pairs=False)['table']
    arms = [arm for by in table['arms'].values() for draws in by.values() for arm in draws]
    value = dict(
        test_pct=dict.fromkeys(DOMAINS, 50.0), holdout_pct=dict.fromkeys(DOMAINS, 60.0),
        validation_pct=70.0,
    )  # fmt: skip
    plan, results = study({(arm, seed): value for arm in arms for seed in (0, 1)}, arms, (0, 1))
    for arm, seed in (('a, CT, draw 0', 0), ('b, CT, draw 0', 1), ('b, CT, draw 1', 1)):
        results[f'{arm}/{seed}'].update(scores={}, diverged='nan')
    found = TABLES.build(dict(type='DomainTable', **table))(plan, results)[TRAINING_DOMAINS]['CT']
    # Seed 0 has another draw of a; seed 1 has none of b.
    assert (found['a']['mean'], found['a']['standard_error']) == (50.0, 0.0)
    assert found['b']['standard_error'] is None and found['b']['mean'] == 50.0


@pytest.mark.parametrize('count', [1, 2])
def test_trials_that_diverged_or_have_not_ended_are_counted(count):
    table = made(draws=count, pairs=False)['table']
    arms = {arm: m for m, by in table['arms'].items() for draws in by.values() for arm in draws}
    value = dict(
        test_pct=dict.fromkeys(DOMAINS, 50.0), holdout_pct=dict.fromkeys(DOMAINS, 60.0),
        validation_pct=70.0,
    )  # fmt: skip
    seeds = (0, 1, 2, 3)
    plan, results = study({(arm, seed): value for arm in arms for seed in seeds}, arms, seeds)
    for arm, method in arms.items():
        # All draws of a diverge in one trial, and b has not ended in another one.
        if method == 'CT' and arm.startswith('a'):
            results[f'{arm}/1'].update(scores={}, diverged='nan')
        if method == 'CT' and arm.startswith('b'):
            del results[f'{arm}/2']
    built = TABLES.build(dict(type='DomainTable', **table))
    found = built(plan, results)
    for rows in found.values():
        row = rows['CT']
        diverged = {column: row[column]['diverged'] for column in row}
        assert diverged == dict(a=[1], b=[], c=[], mean=[1], worst=[1])
        assert {row[column]['trials'] for column in row} == {4}
        assert [row[column]['count'] for column in row] == [3, 3, 4, 2, 2]
        assert all(row[column]['mean'] == 50 for column in row)
        # A difference needs both.
        assert [row[column]['differences']['ERM']['count'] for column in row] == [3, 3, 4, 2, 2]
    lines = [cells(line)[:2] for line in built.to_markdown(found).splitlines()]
    assert lines.count(['CT', '3 of 4, 1 diverged']) == lines.count(['ERM', '4 of 4']) == count
    json.dumps(found, allow_nan=False)


def test_each_domain_is_left_out_with_each_draw_and_each_pair_once():
    found = made()
    arms, table = found['arms'], found['table']
    assert len(arms) == 2 * 2 * (3 + 3)
    arm = arms['b, CT, draw 1']
    assert (arm['group'], arm['variant']) == ('b', 'CT, draw 1')
    assert arm['baseline'] == ['b, ERM, draw 1']
    loaders, method, setting = arm['overlay']
    assert loaders['train_dataloader'] == dict(dataset=dict(left_out=['b']), batch_size=64)
    assert loaders['val_dataloader'] == dict(dataset=dict(left_out=['b']))
    assert loaders['test_dataloader'] == dict(dataset=dict(domains=['b']))
    assert arm['seeded'] == [f'{part}_dataloader.dataset.seed' for part in ('train', 'val', 'test')]
    assert method == CT['overlay']
    # What is drawn for all is the same for all.
    assert setting == {**arms['a, ERM, draw 1']['overlay'][-1], 'weight': setting['weight']}
    assert arms['c, CT, draw 0']['overlay'][-1] == dict(lr=0.5, weight=1.0)
    assert table['arms']['CT']['b'] == ['b, CT, draw 0', 'b, CT, draw 1']
    # One network without b and c serves both of them.
    assert table['pairs']['ERM']['c'][1] == {
        'a': 'a and c, ERM, draw 1', 'b': 'b and c, ERM, draw 1'
    }  # fmt: skip
    assert table['pairs']['ERM']['b'][1]['c'] == 'b and c, ERM, draw 1'
    assert arms['b and c, ERM, draw 1']['baseline'] == []
    # 32 of each domain also where there are fewer.
    assert arms['b and c, ERM, draw 1']['overlay'][0]['train_dataloader']['batch_size'] == 32
    longer = made(draws=1, pairs=False, methods=LONGER)['arms']
    assert longer['a, ERM, equal compute (3x)']['length'] == 3
    assert longer['a, ERM, equal compute (3x)']['baseline'] == ['a, ERM']
    assert longer['a, CT'].get('length', 1) == 1
    assert set(made(draws=1, pairs=False)['arms']) == {
        f'{domain}, {method}' for domain in DOMAINS for method in ('ERM', 'CT')
    }


def test_draws_begin_with_the_defaults_and_stay_in_their_ranges():
    space = {'lr': (5e-5, -5.0, -3.5), 'decay': (0.0, -6.0, -2.0)}
    drawn = draws(space, 50)
    assert drawn[0] == {'lr': 5e-5, 'decay': 0.0}
    assert all(1e-5 <= d['lr'] <= 10**-3.5 and 1e-6 <= d['decay'] <= 1e-2 for d in drawn[1:])
    assert len({d['lr'] for d in drawn}) == 50
    assert drawn == draws(space, 50)
    assert drawn != draws(space, 50, seed=1)
    # Other keys change nothing.
    assert [d['lr'] for d in draws({'alpha': (1.0, 0.0, 1.0), 'lr': space['lr']}, 50)] == [
        d['lr'] for d in drawn
    ]


@pytest.mark.parametrize(
    ('way', 'selected'),
    # Of a the draws 0, 1 and 2 are best by the training domains' hold-outs, by
    # networks without a and another domain, and by a's own hold-out.
    [(TRAINING_DOMAINS, 40.0), (LEAVE_ONE_OUT, 50.0), (ORACLE, 60.0)],
)
def test_each_way_selects_by_what_it_may_see(way, selected):
    found = made(draws=3)
    values = {}
    validation, own, without = (90, 80, 70), (10, 20, 30), (55, 65, 45)
    for draw in range(3):
        for domain in DOMAINS:
            values[f'{domain}, ERM, draw {draw}', 0] = dict(
                test_pct={domain: 40.0 + 10 * draw + (0 if domain == 'a' else 1)},
                holdout_pct={domain: own[draw]},
                validation_pct=validation[draw],
            )
        for pair in ('a and b', 'a and c', 'b and c'):
            one, _, other = pair.split()
            values[f'{pair}, ERM, draw {draw}', 0] = dict(
                test_pct={one: without[draw], other: without[draw]}
            )
    plan, results = study(values, found['arms'])
    arms = {'ERM': found['table']['arms']['ERM']}
    pairs = {'ERM': found['table']['pairs']['ERM']}
    table = TABLES.build(dict(type='DomainTable', arms=arms, pairs=pairs))
    row = table(plan, results)[way]['ERM']
    assert row['a']['mean'] == selected
    assert row['b']['mean'] == row['c']['mean'] == selected + 1
    assert row['mean']['mean'] == pytest.approx(selected + 2 / 3)
    assert row['worst']['mean'] == selected


def test_a_draw_is_selected_in_each_seed_and_unfinished_seeds_are_left_out():
    found = made(draws=2, pairs=False)
    values = {
        (f'{domain}, ERM, draw {draw}', seed): dict(
            test_pct={domain: 10.0 * draw + seed},
            holdout_pct={domain: 0.0},
            # Draw 1 in seed 1 alone.
            validation_pct=float(draw == seed),
        )
        for domain in DOMAINS
        for draw in (0, 1)
        for seed in (0, 1, 2)
    }
    del values['c, ERM, draw 1', 2]
    plan, results = study(values, found['arms'], seeds=(0, 1, 2))
    arms = {'ERM': found['table']['arms']['ERM']}
    table = TABLES.build(dict(type='DomainTable', arms=arms))
    rows = table(plan, results)
    assert list(rows) == [TRAINING_DOMAINS, ORACLE]
    row = rows[TRAINING_DOMAINS]['ERM']
    # Seeds 0, 1, 2: 0, 11, and of equal ones the first: 2.
    assert (row['a']['mean'], row['a']['count']) == (pytest.approx(13 / 3), 3)
    assert (row['c']['mean'], row['c']['count']) == (pytest.approx(5.5), 2)
    assert row['mean']['count'] == row['worst']['count'] == 2


@pytest.mark.parametrize('domains', ['ba', 'ac'])
def test_methods_with_other_domains_or_in_another_order_are_refused(domains):
    arms = {'ERM': dict(a=['1'], b=['2']), 'CT': {domain: ['3'] for domain in domains}}
    with pytest.raises(ValueError, match=r'same domains in one order, not a, b and (b, a|a, c)'):
        TABLES.build(dict(type='DomainTable', arms=arms))


def test_differences_are_paired_by_seed():
    methods = {**METHODS, 'other': dict(baselines=['CT', 'ERM'], methods='augmix')}
    found = made(draws=1, pairs=False, methods=methods)
    assert found['arms']['b, other']['methods'] == 'augmix'
    assert found['arms']['b, other']['baseline'] == ['b, CT', 'b, ERM']
    accuracy = {'ERM': (50, 60, 70), 'CT': (52, 64, None), 'other': (None, 60, 71)}
    values = {
        (f'{domain}, {method}', seed): dict(test_pct={domain: value + (10 if domain == 'c' else 0)})
        for domain in DOMAINS
        for method, by_seed in accuracy.items()
        for seed, value in enumerate(by_seed)
        if value is not None
    }
    plan, results = study(values, found['arms'], seeds=(0, 1, 2))
    table = TABLES.build(dict(type='DomainTable', **found['table']))
    rows = table(plan, results)[ONE_SETTING]
    for column in (*DOMAINS, 'mean', 'worst'):
        assert rows['ERM'][column]['differences'] == {}
        difference = rows['CT'][column]['differences']['ERM']
        assert (difference['mean'], difference['standard_error']) == pytest.approx((3, 1))
        assert rows['other'][column]['differences']['CT']['mean'] == pytest.approx(-4)
        assert rows['other'][column]['differences']['ERM']['mean'] == pytest.approx(0.5)
    text = table.to_markdown(table(plan, results)).splitlines()
    assert cells(text[6])[:3] == ['&nbsp; minus ERM', '', '+3.00 ± 1.00']
    assert cells(text[8])[:3] == ['&nbsp; minus CT', '', '-4.00']
    # What has no result has no difference.
    assert 'minus' not in table.to_markdown(table(plan, {}))


def test_published_rows_are_marked_and_unknown_values_left_empty():
    found = made(draws=1, pairs=False)
    published = {ONE_SETTING: {'DANN': dict(a='99.0 ± 0.3', mean=78.6)}}
    arms = found['table']['arms']
    table = TABLES.build(dict(type='DomainTable', arms=arms, published=published))
    values = {('a, CT', 0): dict(test_pct=dict(a=60.0), holdout_pct=dict(a=1), validation_pct=1)}
    text = table.to_markdown(table(*study(values, found['arms'])))
    lines = [cells(line) for line in text.splitlines()]
    assert ['CT', '0 of 1', '60.00', '', '', '', ''] in lines
    assert ['DANN (published, not measured here)', '', '99.0 ± 0.3', '', '', '78.6', ''] in lines
    # Their standard errors are of another kind: sqrt(3 / 2).
    assert 'for three trials, multiply their errors by 1.22' in text.splitlines()[-1]
    # With one setting all ways to select would say the same.
    assert lines.count(['', 'trials', 'a', 'b', 'c', 'mean', 'worst']) == 1
    assert text.startswith('One setting, none selected, accuracy in %')


def test_accuracies_are_drawn_with_their_mean_and_worst():
    found = made(draws=1, pairs=False)
    values = {
        (f'{domain}, ERM', seed): dict(
            test_pct={domain: 50.0 + 10 * number + 2 * seed}, holdout_pct={}, validation_pct=0
        )
        for number, domain in enumerate(DOMAINS)
        for seed in (0, 1)
    }
    plan, results = study(values, found['arms'], seeds=(0, 1))
    plan['tables'] = dict(domains=dict(type='DomainTable', arms=found['table']['arms']))
    draw = FIGURES.build(dict(type='DomainAccuracies'))
    (axes,) = draw(plan, results).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [*DOMAINS, 'mean', 'worst']
    # CT has no results: it is not drawn, and ERM has its own place.
    (points,) = axes.containers
    assert points.lines[0].get_xydata().tolist() == [[0, 51], [1, 61], [2, 71], [3, 61], [4, 51]]
    (bars,) = points.lines[2]
    assert [abs(end[1] - start[1]) for start, end in bars.get_segments()] == [2.0] * 5
    assert draw(plan, {}) is None
    # CT has one domain as yet, so neither mean nor worst.
    values['a, CT', 0] = dict(test_pct=dict(a=60.0), holdout_pct={}, validation_pct=0)
    plan, results = study(values, found['arms'], seeds=(0, 1))
    plan['tables'] = dict(domains=dict(type='DomainTable', arms=found['table']['arms']))
    (axes,) = draw(plan, results).axes
    assert [text.get_text() for text in axes.texts] == ['ERM']


def test_each_way_to_select_has_a_panel():
    found = made(draws=2, pairs=False)
    values = {
        (arm, 0): dict(test_pct={arm[0]: 50.0}, holdout_pct={arm[0]: 50.0}, validation_pct=50.0)
        for arm in found['arms']
    }
    plan, results = study(values, found['arms'])
    plan['tables'] = dict(domains=dict(type='DomainTable', arms=found['table']['arms']))
    figure = FIGURES.build(dict(type='DomainAccuracies'))(plan, results)
    assert [axes.get_title() for axes in figure.axes] == [TRAINING_DOMAINS, ORACLE]
    figure.draw_without_rendering()
    width = figure.get_size_inches()[0] * figure.dpi
    for axes in figure.axes:
        # Beside the last column.
        named = {text.get_text(): text.get_window_extent() for text in axes.texts}
        assert named.keys() == set(found['table']['arms'])
        assert all(0 <= box.x0 and box.x1 <= width for box in named.values())
    # Standard errors of one seed are not known: the bars have no length.
    (points, _) = figure.axes[0].containers
    assert {tuple(end - start) for start, end in points.lines[2][0].get_segments()} == {(0, 0)}
