"""Names of runs are short but distinct."""

import pytest

from mmct.report.names import short_names, shortened


@pytest.mark.parametrize(
    ('names', 'short'),
    [
        (['bn_resnet18_digits', 'ct_resnet18_digits'], ['bn', 'ct']),
        (['bn_r18_digits', 'ct_r18_digits', 'ct_r18_digits_long'], ['bn', 'ct', 'ct_long']),
        (['ct_r18: student', 'ct_r18: teacher'], ['student', 'teacher']),
        (['bn_r18', 'bn_r18 (adapted)'], ['bn', 'bn (adapted)']),
        # Nothing would be left of one, or two would be equal.
        (['run', 'run (2)'], ['run', 'run (2)']),
        (['a b', 'b a'], ['a b', 'b a']),
        (['a', 'a'], ['a', 'a']),
        (['alone_in_its_report'], ['alone_in_its_report']),
    ],
)
def test_what_all_have_in_common_is_left_out(names, short):
    assert short_names(names) == short


def test_a_long_name_keeps_its_ends_and_is_no_formula():
    assert shortened('a' * 20 + 'b' * 20, 10) == 'aaaa…bbbbb'
    assert shortened('$x$') == r'\$x\$'
    # Matplotlib leaves labels with an underscore out of legends.
    assert shortened('_x') == ' _x'
