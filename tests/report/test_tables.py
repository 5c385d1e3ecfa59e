"""Numbers, and the tables that they are written in."""

import io

import pytest
import scorecards
from rich.console import Console

from mmct.messages import visible
from mmct.report import Number, Row, Table, cells_to_csv, errors_note

TABLE = Table(
    ['arm', 'error, %', 'a|b'],
    [
        Row('BN_1', [Number(1.234, error=0.056), 'x & y']),
        Row('BN', [Number(-2.0, interval=(-3.0, 4.5), signed=True), Number(None)], indented=True),
    ],
)


@pytest.mark.parametrize(
    ('number', 'text'),
    [
        (Number(1.234), '1.23'),
        (Number(1.234, error=0.056), '1.23 ± 0.06'),
        (Number(1.234, error=0.056, signed=True), '+1.23 ± 0.06'),
        (Number(1.234, interval=[1, 2.5]), '1.23 [1.00, 2.50]'),
        (Number(-1.0, interval=[-2, 0.5], signed=True), '-1.00 [-2.00, +0.50]'),
        (Number(0.0, interval=[-1, 1], signed=True, remark='same'), '+0.00 same [-1.00, +1.00]'),
        (Number(-0.001, interval=[-0.004, 0.001], signed=True), '+0.00 [+0.00, +0.00]'),
        (Number(-0.001), '0.00'),
        (Number(None), ''),
        (Number(None, error=1.0, interval=[1, 2], remark='better'), ''),
    ],
)
def test_a_number_is_written_with_its_uncertainty(number, text):
    assert str(number) == text


def test_a_table_is_printed_as_markdown():
    assert str(TABLE) == TABLE.to_markdown()


def test_a_mean_over_seeds_has_its_standard_error():
    value = dict(mean=1.234, standard_error=0.056, interval=[1.1, 1.3], count=3)
    assert str(Number.over_seeds(value)) == '1.23 ± 0.06'
    assert str(Number.over_seeds(value, signed=True)) == '+1.23 ± 0.06'
    assert str(Number.over_seeds({**value, 'standard_error': None})) == '1.23'
    assert str(Number.over_seeds(dict(mean=None, standard_error=None))) == ''


ALONE, BOTH, NONE = (
    dict(standard_error=error, **images, differences={})
    for error, images in ((1.0, {}), (1.0, dict(images=9)), (None, {}))
)


@pytest.mark.parametrize(
    ('values', 'said'),
    [
        ([dict(a=ALONE, b=ALONE)], ' over seeds alone.'),
        ([dict(a=BOTH, b=BOTH)], ' over seeds and images.'),
        # What has no error says nothing.
        ([dict(a=BOTH, b=NONE), dict(a=BOTH, b=BOTH)], ' over seeds and images.'),
        ([dict(a=BOTH, b=ALONE)], ': over seeds and images in `a`; over seeds alone in `b`.'),
        ([dict(a=BOTH, b=BOTH), dict(a=ALONE, b=ALONE)],
         ' over seeds, and images where all results have them.'),
        # A row of differences counts, too.
        ([dict(a=BOTH, b=dict(BOTH, differences=dict(c=ALONE)))],
         ': over seeds and images in `a`; over seeds, and images where all results have them, '
         'in `b`.'),
    ],
)  # fmt: skip
def test_a_note_says_what_is_in_the_errors(values, said):
    rows = [dict(values=each) for each in values]
    assert errors_note(['a', 'b'], rows) == f'± is one standard error{said}'


def test_a_note_of_no_errors_is_empty_and_titles_obey_nothing():
    assert errors_note(['a'], [dict(values=dict(a=NONE))]) == ''
    assert errors_note([], []) == ''
    title = 'a|b\x1b[31m\nc'
    note = errors_note([title, 'd'], [dict(values={title: BOTH, 'd': ALONE})])
    assert '\x1b' not in note and '\n' not in note


def test_markdown():
    assert TABLE.to_markdown().splitlines() == [
        '| arm       |             error, % |   a\\|b |',
        '|:----------|---------------------:|-------:|',
        '| BN_1      |          1.23 ± 0.06 |  x & y |',
        '| &nbsp; BN | -2.00 [-3.00, +4.50] |        |',
    ]


def test_latex():
    lines = [line.strip() for line in TABLE.to_latex().splitlines()]
    assert lines[0] == r'\begin{tabular}{lrr}'
    assert r'arm & error, \% & a|b \\' in lines
    assert r'BN\_1 & 1.23 $\pm$ 0.06 & x \& y \\' in lines
    assert r'\quad BN & -2.00 [-3.00, +4.50] &  \\' in lines


def test_terminal():
    file = io.StringIO()
    TABLE.print('Some [red] title', Console(file=file, width=80))
    lines = file.getvalue().splitlines()
    assert lines[0].strip() == 'Some [red] title'
    rows = [[cell.rstrip() for cell in line.split('│')[1:-1]] for line in lines if '│' in line]
    assert rows == [
        [' BN_1', '    1.23 ± 0.06', ' x & y'],
        ['   BN', '          -2.00', ''],
        ['', ' [-3.00, +4.50]', ''],
    ]


def test_a_row_without_numbers_is_empty():
    assert Row('name', ['', Number(None)]).empty
    assert not Row('name', [Number(0.0)]).empty


HOSTILE = ('CT [/bn]', 'CT [no bn]', 'a|b\nc', '\x1b[31mred\x1b]0;title\x07', 'a\u202eb', '=1+2')


@pytest.mark.parametrize('name', HOSTILE)
def test_names_are_shown_and_never_obeyed(name):
    table = Table(['run', name], [Row(name, [Number(1.5)])])
    out = io.StringIO()
    table.print(name, Console(file=out, width=200, force_terminal=True, no_color=True))
    markdown = table.to_markdown()
    for text in (out.getvalue(), markdown):
        assert '\x1b]' not in text and '\x1b[31m' not in text and '\u202e' not in text
    shown = visible(name)
    assert out.getvalue().count(shown) == 3
    assert len(markdown.splitlines()) == 3
    assert shown.replace('|', '\\|') in markdown


def test_a_name_is_no_formula_in_a_spreadsheet():
    rows = cells_to_csv([scorecards.make('=cmd()', corruptions=('fog',))]).splitlines()
    assert all(row.startswith("'=cmd()") for row in rows[1:])
