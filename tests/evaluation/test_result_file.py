"""Results on disk: read back whole, or refused."""

import base64
import json

import numpy as np
import pytest
import scorecards
from sklearn.metrics import zero_one_loss

from mmct.corruptions import BENCHMARK, CATEGORIES, EXTRA
from mmct.evaluation import ALEXNET, Reference, cell_score, read_result, unpack_hits
from mmct.evaluation.result_file import reference_of


@pytest.fixture
def result():
    return scorecards.make()


def save(path, result):
    path.write_text(json.dumps(result))
    return path


def test_a_cell_has_its_hits_and_their_error():
    rng = np.random.default_rng(0)
    labels, tops = rng.integers(0, 3, 101), rng.integers(0, 3, 101)
    cell = cell_score('fog', 3, labels == tops, rng.random(101))
    np.testing.assert_array_equal(unpack_hits(cell), labels == tops)
    assert cell['error_pct'] == pytest.approx(100 * zero_one_loss(labels, tops))
    assert cell['errors'] == zero_one_loss(labels, tops, normalize=False)


def test_the_summary_by_numpy(result):
    summary = result['summary']
    errors = {(c['corruption'], c['severity']): c['error_pct'] for c in result['cells']}
    table = np.array([[errors[name, s] for s in range(1, 6)] for name in BENCHMARK])
    assert summary['raw_mce_pct'] == pytest.approx(table.mean())
    assert summary['gap_pct'] == pytest.approx(table.mean() - result['clean']['error_pct'])
    for kind in ('noise', 'blur', 'weather', 'digital'):
        rows = [BENCHMARK.index(name) for name in CATEGORIES[kind]]
        assert summary['categories_pct'][kind] == pytest.approx(table[rows].mean())
    extra = np.mean([errors[name, s] for name in EXTRA for s in range(1, 6)])
    assert summary['extra_pct'] == pytest.approx(extra)
    calibration = [c['ece_pct'] for c in result['cells'] if c['corruption'] in BENCHMARK]
    assert summary['ece_pct']['corrupted'] == pytest.approx(np.mean(calibration))
    low, high = summary['raw_mce_interval_pct']
    assert low < table.mean() < high
    assert summary['is_benchmark']
    assert summary['normalised'] is None


def test_normalised_by_another_run(result):
    reference = Reference('other', dict.fromkeys(BENCHMARK, 60.0), 20.0)
    mine = scorecards.make(reference=reference)['summary']
    assert mine['normalised']['reference'] == 'other'
    assert mine['normalised']['mce_pct'] == pytest.approx(100 * mine['raw_mce_pct'] / 60)
    assert mine['normalised']['relative_mce_pct'] == pytest.approx(100 * mine['gap_pct'] / 40)
    np.testing.assert_allclose(
        mine['normalised']['mce_interval_pct'],
        [100 * end / 60 for end in mine['raw_mce_interval_pct']],
    )


@pytest.mark.parametrize(
    'settings',
    [
        dict(),
        dict(clean=False),
        dict(corruptions=('fog',), severities=(2,)),
        dict(corruptions=EXTRA),
        dict(reference=ALEXNET, corruptions=BENCHMARK),
        dict(images=7),
    ],
    ids=str,
)
def test_what_is_written_is_read(tmp_path, settings):
    result = scorecards.make(**settings)
    found = read_result(save(tmp_path / 'r.json', result))
    assert found == json.loads(json.dumps(result))
    assert (reference_of(found['summary']) is None) == ('reference' not in settings)
    whole = settings.get('corruptions', BENCHMARK) == BENCHMARK
    assert found['summary']['is_benchmark'] == whole


def edited(change):
    def edit(result):
        change(result)
        return json.dumps(result)

    return edit


def more_errors(result):
    result['cells'][3]['errors'] += 1


def other_hits(result):
    hits = np.frombuffer(base64.b64decode(result['cells'][3]['hits']), np.uint8) ^ 255
    result['cells'][3]['hits'] = base64.b64encode(hits.tobytes()).decode()


def twice(result):
    result['cells'].append(result['cells'][0])


def picture(**change):
    texts = dict.fromkeys(('label_name', 'prediction_name', 'png'), '')
    shown = dict(corruption=None, severity=0, image=0, label=0, **texts)
    return lambda result: result.update(examples=[shown | change])


BAD = {
    'not JSON': (lambda result: 'x', 'is not a scorecard result'),
    'a list': (lambda result: '[1]', 'is not a scorecard result'),
    'cut off': (lambda result: json.dumps(result)[:-20], 'is not a scorecard result'),
    'another schema': (edited(lambda r: r.update(schema='other')), "schema 'other'"),
    'version 3': (
        edited(lambda r: r.update(schema_version=3)),
        'schema version 3, but this mmct reads 1 and 2',
    ),
    'no cells': (edited(lambda r: r.pop('cells')), 'cells: Field required'),
    'cells of no kind': (edited(lambda r: r.update(cells=3)), 'cells: .*list, got 3'),
    'other errors': (edited(more_errors), 'contradict each other'),
    'other hits': (edited(other_hits), 'contradict each other'),
    'no base64': (edited(lambda r: r['cells'][0].update(hits='?')), 'damaged'),
    'fewer images': (edited(lambda r: r['data'].update(images=9)), 'same number of images'),
    'a cell twice': (edited(twice), 'occurs twice'),
    'a cell less': (edited(lambda r: r['cells'].pop()), 'severities'),
    'a better mean': (
        edited(lambda r: r['summary'].update(raw_mce_pct=1.0)),
        'summary.raw_mce_pct does not follow',
    ),
    'a huge bootstrap': (
        edited(lambda r: r['summary']['bootstrap'].update(resamples=1_000_000_000)),
        'summary.bootstrap.resamples: .* got 1000000000',
    ),
    'a level of text': (
        edited(lambda r: r['summary']['bootstrap'].update(level='0.95')),
        'summary.bootstrap.level',
    ),
    'an interval of texts': (
        edited(lambda r: r['summary'].update(raw_mce_interval_pct=['a', 'b'])),
        'summary.raw_mce_interval_pct.0: .*number',
    ),
    'no number': (edited(lambda r: r['cells'][4].update(ece_pct=float('nan'))), 'finite'),
    'a name of no kind': (edited(lambda r: r.update(name=['a'])), 'name: .*string'),
    'a corrupted cell of clean images': (
        edited(lambda r: r['cells'][0].update(corruption=None)),
        r'cells\.0\.corruption',
    ),
    'clean images of a corruption': (
        edited(lambda r: r['clean'].update(corruption='fog')), r'clean\.corruption'
    ),
    'a picture of no cell': (edited(picture(corruption='x')), 'an image that was not scored'),
    'a picture of no image': (edited(picture(image=10**30)), 'an image that was not scored'),
    'a mean of hundreds of digits': (
        edited(lambda r: r['summary'].update(raw_mce_pct=10**400)), 'int too large'
    ),
    'a corruption of no category': (
        edited(lambda r: r['data'].update(categories=dict(weather=['fog']))),
        'gaussian_noise is in no category',
    ),
    'outputs of no kind': (edited(lambda r: r['model'].update(outputs='3')), r'model\.outputs'),
    'nested': (lambda result: '[' * 100_000, 'nested too deeply'),
    'another interval': (
        edited(lambda r: r['summary']['raw_mce_interval_pct'].reverse()),
        'summary.raw_mce_interval_pct does not follow',
    ),
}  # fmt: skip


@pytest.mark.parametrize('text, said', BAD.values(), ids=BAD)
def test_a_file_that_is_not_what_it_says_is_refused(tmp_path, result, text, said):
    path = tmp_path / 'r.json'
    path.write_text(text(result))
    with pytest.raises(ValueError, match=said) as error:
        read_result(path)
    assert str(path) in str(error.value)
    assert '\n' not in str(error.value)


def test_intervals_may_be_drawn_by_another_numpy(tmp_path, result):
    low, high = result['summary']['raw_mce_interval_pct']
    result['summary']['raw_mce_interval_pct'] = [low + 0.05 * (high - low), high]
    assert read_result(save(tmp_path / 'r.json', result))['summary'] == result['summary']
    result['summary']['raw_mce_interval_pct'] = [low - (high - low), high]
    with pytest.raises(ValueError, match='raw_mce_interval_pct'):
        read_result(save(tmp_path / 'r.json', result))


def test_an_unfinished_or_missing_file_is_refused(tmp_path, result):
    with pytest.raises(ValueError, match='not finished'):
        read_result(save(tmp_path / 'r.json.partial', result))
    with pytest.raises(FileNotFoundError, match=r'no\.json'):
        read_result(tmp_path / 'no.json')
