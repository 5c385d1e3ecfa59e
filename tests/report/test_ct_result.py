"""The table says what the result says."""

import io

from rich.console import Console

from mmct.report import print_ct_result

RESULT = dict(
    measured_on='validation',
    num_images=450,
    teacher_accuracy_pct=91.234,
    student_accuracy_pct=95.678,
    agreement_pct=90.5,
    teacher_source='trained',
    teacher_seconds=61.2,
    student_seconds=3723.0,
)


def _printed(result):
    file = io.StringIO()
    print_ct_result(result, Console(file=file, width=100))
    return file.getvalue()


def test_table():
    text = _printed(RESULT)
    rows = {line.split('│')[1].strip(): line for line in text.splitlines() if '│' in line}
    assert '450 validation images' in text
    assert '91.23 %' in rows['teacher (no BN)']
    assert '0:01:01' in rows['teacher (no BN)']
    assert '95.68 %' in rows['student (BN)']
    assert '1:02:03' in rows['student (BN)']
    assert '90.50 %' in rows['both agree on']


def test_a_given_teacher_has_no_time():
    assert 'given' in _printed({**RESULT, 'teacher_seconds': None})
