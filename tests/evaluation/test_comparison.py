"""Runs side by side."""

import numpy as np
import pytest
import scorecards

from mmct.corruptions import BENCHMARK
from mmct.evaluation import (
    cell_score,
    compare,
    confidence_scores,
    find_run,
    make_predictions,
    make_result,
    plain_bn,
    probability_scores,
    unpack_hits,
    unpack_predictions,
)
from mmct.evaluation.error_table import reference_from
from mmct.evaluation.reference import choose_reference


def test_differences_are_paired():
    one, other = scorecards.make('one', 0), scorecards.make('other', 1, skill=0.7)
    found = compare([one, other], baseline=0)
    assert found.differences[0] is None
    difference = found.differences[1]
    pairs = [(one['clean'], other['clean']), *zip(one['cells'], other['cells'], strict=True)]
    errors = [100.0 * (1 - np.stack([unpack_hits(c) for c in pair])) for pair in pairs]
    clean, cells = errors[0], errors[1:]
    assert difference['clean_error_pct']['value'] == pytest.approx(np.diff(clean.mean(1))[0])
    main = [e for e, c in zip(cells, one['cells'], strict=True) if c['corruption'] in BENCHMARK]
    per_image = np.mean([e[1] - e[0] for e in main], axis=0)
    assert difference['raw_mce_pct']['value'] == pytest.approx(per_image.mean())
    rng = np.random.default_rng(1)
    means = rng.choice(per_image, (4000, len(per_image))).mean(1)
    low, high = np.quantile(means, (0.025, 0.975))
    assert difference['raw_mce_pct']['low'] == pytest.approx(low, abs=0.25)
    assert difference['raw_mce_pct']['high'] == pytest.approx(high, abs=0.25)
    fog = difference['corruption_error_pct']['fog']['value']
    summaries = [r['summary']['corruption_error_pct']['fog'] for r in (one, other)]
    assert fog == pytest.approx(summaries[1] - summaries[0])
    assert set(difference['categories_pct']) == {'noise', 'blur', 'weather', 'digital', 'extra'}


def test_a_single_run_has_no_baseline():
    found = compare([scorecards.make('one')], baseline=0)
    assert found.baseline is None and found.differences == (None,)


def test_a_run_does_not_differ_from_itself():
    found = compare([scorecards.make('a'), scorecards.make('a')], baseline=0)
    assert [result['name'] for result in found.results] == ['a', 'a (2)']
    assert found.differences[1]['raw_mce_pct'] == dict(value=0, low=0, high=0)


@pytest.mark.parametrize(
    ('names', 'shown'),
    [
        (['a', 'a', 'a'], ['a', 'a (2)', 'a (3)']),
        (['a', 'a (2)', 'a'], ['a', 'a (2)', 'a (3)']),
        (['a', 'a', 'a (2)'], ['a', 'a (2)', 'a (2) (2)']),
    ],
)
def test_no_two_runs_have_a_name(names, shown):
    found = compare([scorecards.make(name) for name in names])
    assert [result['name'] for result in found.results] == shown


def test_other_cells_are_refused_or_left_out():
    whole, part = scorecards.make('whole'), scorecards.make('part', 1, ('fog', 'snow'), clean=False)
    with pytest.raises(ValueError, match='part lacks .* --common'):
        compare([whole, part])
    found = compare([whole, part], baseline=0, common=True)
    for result in found.results:
        assert list(result['summary']['corruption_error_pct']) == ['snow', 'fog']
        assert result['clean'] is None
        assert not result['summary']['is_benchmark']
    assert found.differences[1]['clean_error_pct'] is None
    cells = [c['error_pct'] for c in whole['cells'] if c['corruption'] in ('fog', 'snow')]
    assert found.results[0]['summary']['raw_mce_pct'] == pytest.approx(np.mean(cells))
    other = scorecards.make('other', 2, ('frost',), clean=False)
    with pytest.raises(ValueError, match='no corruption and severity in common'):
        compare([part, other], common=True)


def test_on_common_cells_a_reference_of_other_severities_normalises_nothing():
    one = scorecards.make('one', reference=reference_of_all())
    whole, same = compare([one, scorecards.make('same', 1)], common=True).results
    assert whole['summary']['normalised'] == one['summary']['normalised'] is not None
    some = scorecards.make('some', 1, severities=(1, 2))
    for result in compare([one, some], common=True).results:
        assert result['summary']['severities'] == [1, 2]
        assert result['summary']['normalised'] is None


def test_on_common_cells_a_reference_without_their_corruptions_normalises_nothing():
    one = scorecards.make('one', reference=reference_of_all())
    extra = scorecards.make('extra', 1, ('saturate',))
    for result in compare([one, extra], common=True).results:
        assert list(result['summary']['corruption_error_pct']) == ['saturate']
        assert result['summary']['normalised'] is None


def reference_of_all():
    found = scorecards.make('reference', 2)
    keys = [(cell['corruption'], cell['severity']) for cell in found['cells']]
    return reference_from(found, keys)


@pytest.mark.parametrize(
    'data', [dict(images=41), dict(seed=1), dict(labels_sha256='cd' * 32), dict(set='cifar10c')]
)
@pytest.mark.parametrize('common', [False, True])
def test_other_images_are_refused(data, common):
    with pytest.raises(ValueError, match=f'one and two .* {next(iter(data))} is'):
        compare([scorecards.make('one'), scorecards.make('two', **data)], common=common)


@pytest.mark.parametrize('number', [0, -1])
def test_the_same_labels_with_other_pixels_are_refused(number):
    one, two = scorecards.make('one'), scorecards.make('two', 1)
    for result in (one, two):
        for place, cell in enumerate(result['cells']):
            cell['pixels_sha256'] = f'{place:064x}'
    assert compare([one, two], baseline=0).differences[1] is not None
    cells = [(cell['corruption'], cell['severity']) for cell in one['cells']]
    assert choose_reference(two, one['data'], cells, one['cells']).name == 'two'
    two['cells'][number]['pixels_sha256'] = 'ef' * 32
    cell = two['cells'][number]
    said = f'{cell["corruption"]} at severity {cell["severity"]} have other pixels'
    for common in (False, True):
        with pytest.raises(ValueError, match=said):
            compare([one, two], common=common)
    with pytest.raises(ValueError, match=said):
        choose_reference(two, one['data'], cells, one['cells'])
    # Results of earlier versions do not know them.
    del two['cells'][number]['pixels_sha256']
    assert compare([one, two], baseline=0).differences[1] is not None


def test_other_clean_images_are_refused():
    one, two = scorecards.make('one'), scorecards.make('two')
    two['clean'] = scorecards.make(images=30)['clean']
    with pytest.raises(ValueError, match='same clean images: one has 40, the other 30'):
        compare([one, two], baseline=0)


def test_examples_say_who_was_right():
    example = dict(corruption='fog', severity=3, image=5, label=1, label_name='cat',
                   prediction_name='dog', png='')  # fmt: skip
    runs = [scorecards.make('a', 0), scorecards.make('b', 1, examples=[example])]
    (found,) = compare(runs).examples
    cells = [next(c for c in r['cells'] if (c['corruption'], c['severity']) == ('fog', 3))
             for r in runs]  # fmt: skip
    assert found['right'] == [bool(unpack_hits(cell)[5]) for cell in cells]


def with_predictions(draw=0, examples=()):
    rng = np.random.default_rng(draw)
    labels = np.random.default_rng(9).integers(0, 10, 40)

    def score(corruption, severity):
        logits = rng.normal(size=(40, 10)) + 2 * np.eye(10)[labels]
        logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        tops = np.argsort(-logs)[:, :5]
        best = np.take_along_axis(logs, tops, 1)
        kept = make_predictions(tops, best, logs[range(40), labels], 10)
        hits, confidence = tops[:, 0] == labels, np.exp(logs.max(1))
        return cell_score(corruption, severity, hits, confidence, kept)

    return make_result(
        name=f'run {draw}', model=dict(config='c.py', weights_sha256='ab', fp16=False),
        data=scorecards.DATA, clean=score(None, 0), cells=[score('fog', s) for s in (1, 2)],
        labels=labels, classes=[f'class of {n}' for n in range(10)], examples=examples,
    )  # fmt: skip


def test_what_each_network_saw_is_named():
    example = dict(corruption='fog', severity=2, image=5, label=1, label_name='cat',
                   prediction_name='dog', png='')  # fmt: skip
    old = scorecards.make('old', 1, ('fog',), (1, 2))
    results = [with_predictions(0, [example]), with_predictions(1), old]
    # As its own picture says; of what the file keeps; not known.
    own, kept, unknown = compare(results).examples[0]['predictions']
    tops = [cell for cell in results[1]['cells'] if cell['severity'] == 2]
    assert own == 'dog' and unknown is None
    assert kept == f'class of {unpack_predictions(tops[0]).classes[5, 0]}'


def test_scores_of_confidence_are_those_of_all_probabilities():
    result = with_predictions()
    fast, whole = confidence_scores(result), probability_scores(result)
    for name in ('nll', 'aurc_pct'):
        assert fast[name] == pytest.approx(whole[name], rel=2e-3)
    assert compare([result]).confidence == (fast,)
    assert confidence_scores(scorecards.make()) is None


def test_flips_and_intervals():
    one, two = (scorecards.make(name, draw, ('fog', 'spatter')) for draw, name in enumerate('ab'))
    found = compare([one, two], 0)
    base, run = (
        np.stack([unpack_hits(c) for c in r['cells'] if c['corruption'] == 'fog'])
        for r in (one, two)
    )
    assert found.flips[0] is None
    assert found.flips[1]['fixed_pct'] == pytest.approx(100 * (run & ~base).mean())
    assert found.flips[1]['broken_pct'] == pytest.approx(100 * (base & ~run).mean())
    # Without the extra ones raw mCE is that of fog alone.
    assert found.intervals[1]['fog'] == pytest.approx(two['summary']['raw_mce_interval_pct'])


@pytest.mark.parametrize(
    ('names', 'position'),
    [
        (['ct_r18', 'bn_r18', 'nobn_r18'], 1),
        (['ct_r18: student', 'ct_r18: teacher'], None),
        (['bn_r18', 'bn_r50'], None),
        (['bn_r18'], None),
    ],
)
def test_the_plain_bn_network_is_recognised(names, position):
    assert plain_bn([scorecards.make(name, corruptions=('fog',)) for name in names]) == position


def test_an_adapted_network_is_not_plain_and_a_config_counts():
    runs = [scorecards.make(name, corruptions=('fog',)) for name in ('bn_adapted', 'mine', 'ct')]
    runs[0]['model']['recalibrate_bn'] = 4
    runs[1]['model']['config'] = 'bn_resnet18_digits.py'
    assert plain_bn(runs) == 1


def test_a_run_is_found_by_its_name():
    runs = [scorecards.make('baseline'), scorecards.make('student')]
    assert find_run(runs, 'student') == 1
    assert find_run([*runs, runs[1]], 'student (2)') == 2
    with pytest.raises(ValueError, match="did you mean 'baseline'"):
        find_run(runs, 'basline')
    with pytest.raises(ValueError, match='nothing to|no results'):
        compare([])


def test_all_intervals_are_of_the_level_of_the_first():
    one, other = scorecards.make('one'), scorecards.make('other', 1)
    narrow = make_result(
        **{key: other[key] for key in ('name', 'model', 'data', 'clean', 'cells')}, level=0.5
    )
    assert narrow['summary']['raw_mce_interval_pct'] != other['summary']['raw_mce_interval_pct']
    found, expected = compare([one, narrow], baseline=0), compare([one, other], baseline=0)
    assert found.differences == expected.differences and found.intervals == expected.intervals
    assert found.results[1]['summary'] == other['summary']


def test_a_corruption_that_one_run_knows_by_name_alone_is_of_the_category_of_the_other():
    names, others = ('fog', 'mine'), dict(weather=['fog'], other=['mine'])
    categories = dict(weather=['fog'], own=['mine'])
    known, unknown = (
        scorecards.make(name, 0, names, categories=kinds)
        for name, kinds in (('known', categories), ('unknown', others))
    )
    found = compare([known, unknown], baseline=0)
    for result in found.results:
        assert list(result['summary']['categories_pct']) == ['weather', 'own']
        assert result['data']['categories'] == categories
    assert found.differences[1]['categories_pct']['own']['value'] == 0
    for result in compare([unknown, known]).results:
        assert list(result['summary']['categories_pct']) == ['weather', 'own']
