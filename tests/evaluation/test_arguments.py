"""Public arithmetic refuses what it cannot mean, in one line that says what is allowed."""

from functools import partial

import numpy as np
import pytest
import scorecards

from mmct.corruptions import check_seed, choose_table, corrupt
from mmct.evaluation import (
    adaptive_calibration_error,
    category_means,
    cell_score,
    compare,
    corruption_means,
    expected_calibration_error,
    known_share,
    mean_interval,
    raw_mce,
    rms_calibration_error,
    tempered,
)
from mmct.evaluation.crossed import crossed_error

NAN = float('nan')
IMAGES = np.zeros((2, 8, 8, 3), np.uint8)
CASES = {
    'classes for hits': (expected_calibration_error, [0.5, 0.6], [3, 7]),
    'shares for hits': (rms_calibration_error, [0.5, 0.6], [0.5, 1]),
    'texts for hits': (expected_calibration_error, [0.5, 0.6], ['a', 'b']),
    'hits that are not known': (rms_calibration_error, [0.5, 0.6], [1, NAN]),
    'no hits': (expected_calibration_error, [], []),
    'confidence in %': (expected_calibration_error, [50, 60], [True, False]),
    'confidence that is not known': (rms_calibration_error, [NAN, 0.6], [True, False]),
    'no bins': (expected_calibration_error, [0.5], [True], 0),
    'half a bin': (expected_calibration_error, [0.5], [True], 2.5),
    'bins that are true': (expected_calibration_error, [0.5], [True], True),
    'half a bin of equal mass': (adaptive_calibration_error, [0.5], [True], 2.5),
    'no bins of equal mass': (adaptive_calibration_error, [0.5], [True], 0),
    'logits in place of probabilities': (tempered, [[-0.5, 1.5]], 2),
    'probabilities of one image alone': (tempered, [0.5, 0.5], 2),
    'no cells': (known_share, []),
    'empty bins': (rms_calibration_error, [0.5], [True], -1),
    'a cell of classes': (cell_score, 'fog', 3, [3, 7], [0.5, 0.6]),
    'a cell of no images': (cell_score, 'fog', 3, [], []),
    'severity 6': (cell_score, 'fog', 6, [True], [0.5]),
    'severity 0 of a corruption': (cell_score, 'fog', 0, [True], [0.5]),
    'a severity of clean images': (cell_score, None, 3, [True], [0.5]),
    'an interval of nothing known': (mean_interval, [1, NAN]),
    'half a resample': (mean_interval, [1, 2], 0.95, 1.5),
    'no resamples': (mean_interval, [1, 2], 0.95, 0),
    'a level in %': (mean_interval, [1, 2], 95),
    'a negative seed': (mean_interval, [1, 2], 0.95, 10, -1),
    'an infinite error': (crossed_error, [[1, np.inf], [1, 2]]),
    'an error that is not known': (corruption_means, dict(fog=[NAN])),
    'more than all wrong': (raw_mce, dict(fog=[101])),
    'fewer than none wrong': (category_means, dict(fog=[-1]), dict(weather=['fog'])),
    'a baseline from the end': (compare, [scorecards.make()], -1),
    'a baseline beyond the end': (compare, [scorecards.make()], 1),
    'a seed that is true': (check_seed, True),
    'a size that is not whole': (choose_table, 'cifar', 32.5, 32),
    'a size that is not known': (choose_table, 'imagenet', NAN, 224),
    'floats as images': (corrupt, IMAGES / 255, 'fog', 1),
    'a severity that is true': (corrupt, IMAGES, 'fog', True),
    'negative indices': (partial(corrupt, indices=[-1, 0]), IMAGES, 'fog', 1),
    'indices that are true': (partial(corrupt, indices=[True, False]), IMAGES, 'fog', 1),
}


@pytest.mark.parametrize('function, arguments', [(f, a) for f, *a in CASES.values()], ids=CASES)
def test_it_is_refused(function, arguments):
    with pytest.raises(ValueError) as error:
        function(*arguments)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('hits', [[True, False], [1, 0], [1.0, 0.0], np.array([1, 0], np.uint8)])
def test_hits_may_be_ones_and_zeros(hits):
    assert expected_calibration_error([0.5, 0.6], hits) == pytest.approx(55)
    assert cell_score('fog', np.int64(3), hits, [0.5, 0.6])['errors'] == 1
