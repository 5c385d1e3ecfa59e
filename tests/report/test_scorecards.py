"""Scorecards and CT results in words, as tables and as CSV."""

import csv
import io
import re

import pytest
import scorecards
from rich.console import Console

from mmct.corruptions import CATEGORIES, CORRUPTIONS
from mmct.evaluation import Reference, compare, diagnose
from mmct.report import (
    cells_to_csv,
    print_ct_result,
    print_diagnosis,
    print_outcome,
    print_scorecards,
    to_latex,
    to_markdown,
)
from mmct.report.verdict import verdict

EVIL = 'a <b>&"\' run | $x$ [red]'


@pytest.fixture(scope='module')
def results():
    reference = Reference('the <base>', dict.fromkeys(CORRUPTIONS, 50.0), 20.0)
    return [scorecards.make('base', 0), scorecards.make(EVIL, 1, reference=reference)]


@pytest.fixture(scope='module')
def found(results):
    return compare(results, 0)


def printed(function, *args, width=200):
    file = io.StringIO()
    function(*args, Console(file=file, width=width))
    return file.getvalue()


def interval(result):
    low, high = result['summary']['raw_mce_interval_pct']
    return f'{result["summary"]["raw_mce_pct"]:.2f} [{low:.2f}, {high:.2f}]'


def rows_of(text):
    return {line.split('│')[1].strip(): line for line in text.splitlines() if '│' in line}


def test_the_terminal_has_a_column_for_each_run_and_no_markdown(results, found):
    text = printed(print_scorecards, found)
    assert '[red]' in text and '| $x$' in text
    assert interval(results[0]).split(' ')[0] in rows_of(text.split('Differences')[0])['raw mCE']
    assert '|---' not in text and '| raw mCE' not in text
    assert 'not scores on a released set' in text
    assert 'fog' not in rows_of(text)


@pytest.mark.parametrize(
    ('skill', 'said'),
    [
        (0.9, r'\d+\.\d % of the corrupted ones, most often under [a-z ]+ \(\d+\.\d %\)\.'),
        # As often as a guess, and under all alike.
        (-1.0, r'100\.0 % of the corrupted ones\. Guessing among 10 classes is wrong on 90\.0 %\.'),
    ],
)  # fmt: skip
def test_a_single_network_is_compared_with_a_guess(skill, said):
    result = scorecards.make('alone', skill=skill)
    result['classes'] = list('abcdefghij')
    (sentence,) = verdict(compare([result]))
    assert re.fullmatch(rf'alone is wrong on \d+\.\d % of the clean images and {said}', sentence)


def test_the_terminal_has_the_differences_and_a_row_for_each_of_few_corruptions():
    found = compare([scorecards.make(name, draw, ('fog', 'snow'))
                     for draw, name in enumerate('ab')], 0)  # fmt: skip
    scores, differences = map(rows_of, printed(print_scorecards, found).split('Differences to a'))
    fog = [result['summary']['corruption_error_pct']['fog'] for result in found.results]
    assert all(f'{error:.2f}' in scores['fog'] for error in fog)
    assert f'{fog[1] - fog[0]:+.2f}' in differences['fog']
    assert 'Differences' not in printed(print_scorecards, compare(found.results))


def test_names_are_not_cut_in_a_narrow_terminal():
    names = [f'{kind}_wideresnet_of_28_layers' for kind in ('bn', 'ct_long', 'no', 'ct_kl', 'kd')]
    names += ['another_network']
    found = compare([scorecards.make(name, n, ('fog',)) for n, name in enumerate(names)], 0)
    text = printed(print_scorecards, found, width=80)
    assert '…' not in text and max(map(len, text.splitlines())) <= 80
    heads = ''.join(re.findall('[┃│](.*)[┃│]', text)).replace(' ', '').replace('┃', '')
    assert all(text.count(f'{result["summary"]["raw_mce_pct"]:.2f}') for result in found.results)
    assert 'another_network' in text or 'another_network' in heads


def test_the_footnote_is_text_and_not_markup():
    result = scorecards.make(EVIL)
    result['model']['recalibrate_bn'] = 4
    text = printed(print_scorecards, compare([result]))
    assert f'{EVIL}: BatchNorm was adapted to up to 4' in text


def test_no_text_controls_the_terminal():
    results = [scorecards.make('e\x1b[31mvil', draw, subset='\x1b]0;me') for draw in (0, 1)]
    results[0]['model']['recalibrate_bn'] = 3
    shown = [printed(print_scorecards, compare(results, 0))]
    shown += [printed(print_diagnosis, diagnose(results[1:]))]
    assert all(r'e\x1b[31mvil' in text and '\x1b' not in text for text in shown)


def test_what_the_mean_leaves_out_is_extra_or_other():
    names, kinds = ('fog', 'mine'), dict(weather=['fog'], own=['mine'])
    text = to_markdown(compare([scorecards.make('a', 0, names, categories=kinds)]))
    assert '1 corruption and 1 other at' in text


def test_markdown_has_a_column_for_each_run_and_the_differences(results, found):
    text = to_markdown(found)
    scores, differences = text.split('Differences to base, in points [95 %]:')
    for part in (scores, differences):
        lines = [line for line in part.splitlines() if line.startswith('|')]
        assert len({len(re.findall(r'(?<!\\)\|', line)) for line in lines}) == 1
    assert 'not scores on a released set' in text
    assert text.startswith('Errors in %. generated: 15 corruptions and 4 extra at severities 1, 2')
    assert interval(results[1]) in scores
    # A row of one run alone.
    (relative,) = [row for row in scores.splitlines() if 'relative mCE by the <base>' in row]
    assert [bool(cell.strip()) for cell in relative.split('|')[2:-1]] == [False, True]
    change = found.differences[1]['raw_mce_pct']
    (row,) = [row for row in differences.splitlines() if '| raw mCE' in row]
    assert f'{change["value"]:+.2f}' in row
    assert f'[{change["low"]:+.2f}, {change["high"]:+.2f}]' in row


def test_latex_escapes_names_and_has_the_differences(results, found):
    scores, differences = to_latex(found).split(r'\end{tabular}')[:2]
    assert r"""a <b>\&"' run | \$x\$ [red]""" in scores
    assert interval(results[0]) in scores
    assert scores.count(r'\\') == 1 + 14
    assert f'raw mCE & {found.differences[1]["raw_mce_pct"]["value"]:+.2f}' in differences
    assert to_latex(compare(results)).count('tabular') == 2


def test_csv_has_a_row_for_each_cell(results):
    rows = list(csv.DictReader(io.StringIO(cells_to_csv(results))))
    assert list(rows[0]) == [
        'run', 'corruption', 'category', 'severity', 'images', 'errors', 'error_pct', 'ece_pct',
        'rms_calibration_pct',
    ]  # fmt: skip
    assert [row['run'] for row in rows] == ['base'] * 96 + [EVIL] * 96
    assert (rows[0]['corruption'], rows[0]['category'], rows[0]['severity']) == ('', 'clean', '0')
    for row, cell in zip(rows[1:96], results[0]['cells'], strict=True):
        assert (row['corruption'], float(row['error_pct'])) == (
            cell['corruption'], cell['error_pct'],
        )  # fmt: skip
        assert row['corruption'] in CATEGORIES[row['category']]
    assert len(cells_to_csv([scorecards.make(clean=False)]).splitlines()) == 1 + 95


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


def test_the_accuracies_of_a_ct_run_are_one_line():
    (line,) = printed(print_ct_result, RESULT, width=60).splitlines()
    assert '450 validation images' in line
    assert 'teacher (no BN) 91.23 %' in line and 'student (BN) 95.68 %' in line
    assert line.endswith('agree on 90.50 %.')


@pytest.mark.parametrize('baseline', [None, 0])
def test_the_outcome_of_a_run_is_a_table_a_sentence_and_files(baseline, tmp_path):
    found = compare([scorecards.make(name, n) for n, name in enumerate(('bn', 'ct'))], baseline)
    file = io.StringIO()
    console = Console(file=file, width=100)
    print_outcome(found, tmp_path / 'report.html', 'One seed.', console)
    text = file.getvalue()
    assert [row.count('│') for row in rows_of(text).values()]
    errors = [result['summary']['raw_mce_pct'] for result in found.results]
    assert all(f'{error:.2f}' in rows_of(text)[name]
               for name, error in zip(('bn', 'ct'), errors, strict=True))  # fmt: skip
    assert ('minus bn' in text) == (f'{errors[1] - errors[0]:+.2f}' in text) == (baseline == 0)
    said = text.splitlines()[-3]
    assert 'One seed. Generated by mmct' in said
    assert text.splitlines()[-2:] == [
        f'Picture: {tmp_path / "report_dumbbell.png"}', f'Report:  {tmp_path / "report.html"}',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ('given', 'classes'),
    [
        (dict(classes=list('abcdefghij')), 10), ({}, None), (dict(predictions=1000), 1000),
        (dict(predictions=1), None),
    ],
)  # fmt: skip
def test_a_guess_is_among_the_classes_that_the_network_has(given, classes):
    result = scorecards.make('alone', skill=-1.0)
    result['classes'] = given.get('classes')
    for cell in result['cells']:
        cell.pop('predictions', None)
        if 'predictions' in given:
            cell['predictions'] = dict(num_classes=given['predictions'])
    (sentence,) = verdict(compare([result]))
    found = re.search(r'Guessing among (\d+) classes', sentence)
    assert (found and int(found[1])) == classes
