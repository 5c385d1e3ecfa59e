"""A result that is to be gone on with is read as what anybody may have written."""

import json

import numpy as np
import pytest

from mmct.evaluation import cell_score
from mmct.runs import CTError
from mmct.scoring.result_in_progress import ResultInProgress

MARKS = dict(weights_sha256='ab', fp16=False, recalibrate_bn=0, data=dict(images=8))
CELL = cell_score('fog', 1, np.arange(8) < 3, np.full(8, 0.5))


@pytest.mark.parametrize(
    'content',
    ['', '[]', 'null', '{}', dict(marks=[], cells=[], examples=[]),
     dict(marks=MARKS, cells=3, examples=[]), dict(marks=MARKS, cells=[3], examples=[]),
     dict(marks=MARKS, cells=[dict(severity=1)], examples=[]),
     dict(marks=MARKS, cells=[], examples={}),
     dict(marks=dict(MARKS, data=3), cells=[], examples=[]),
     dict(marks=dict(MARKS, data=dict(images=3)), cells=[CELL], examples=[]),
     dict(marks=MARKS, cells=[dict(CELL, hits='')], examples=[]),
     dict(marks=MARKS, cells=[CELL, CELL], examples=[]),
     dict(marks=MARKS, cells=[CELL], examples=[dict(png=3)])],
    ids=str,
)  # fmt: skip
def test_a_file_of_the_wrong_shape_is_named(tmp_path, content):
    partial = ResultInProgress(tmp_path / 'net.json', MARKS)
    partial.close()
    text = content if isinstance(content, str) else json.dumps(content)
    partial.partial.write_text(text)
    with pytest.raises(CTError, match='not a result that can be continued .*: remove it') as error:
        ResultInProgress(tmp_path / 'net.json', MARKS)
    assert '\n' not in str(error.value)
    assert partial.partial.read_text() == text
