"""What the docs say was measured is what the kept results say."""

import json

import pytest
from tool_runs import ROOT

from mmct.evaluation import compare, read_result
from mmct.report import to_markdown

KEPT = ROOT / 'benchmarks' / 'cifar10' / 'scorecards'
RESULTS = (ROOT / 'docs' / 'results.md').read_text(encoding='utf-8')


@pytest.fixture(scope='module')
def found():
    return compare([read_result(KEPT / f'{name}.json') for name in ('bn', 'teacher', 'ct')], 0)


def test_the_table_of_cifar_10_is_that_of_the_results(found):
    table = [line for line in to_markdown(found.results).splitlines() if line.startswith('|')]
    assert len(table) > 10
    for line in table:
        assert line in RESULTS


def test_the_difference_in_the_text_is_that_of_the_results(found):
    difference = found.differences[2]['raw_mce_pct']
    assert f'{-difference["value"]:.2f} points lower' in RESULTS
    assert f'[{difference["low"]:+.2f}, {difference["high"]:+.2f}]' in RESULTS


def test_the_numbers_of_the_theory_are_those_of_its_figures():
    folder = ROOT / 'docs' / 'figures' / 'theory'
    text = (ROOT / 'docs' / 'theory.md').read_text(encoding='utf-8')
    numbers = json.loads((folder / 'variance.json').read_text(encoding='utf-8'))
    point = numbers['deviation of the low-variance half'].index(0.1)
    ways = 'without normalisation', 'with normalisation'
    said = dict(zip(numbers['panels'], ('1.96 -> 0.70', '5.4 -> 83', '0.34 -> 0.70', '0.35 -> 13'),
                    strict=True))  # fmt: skip
    for panel, arrow in said.items():
        assert arrow in text
        found = [numbers['panels'][panel][way][point][0] for way in ways]
        for value, word in zip(found, arrow.split(' -> '), strict=True):
            digits = len(word.partition('.')[2])
            assert f'{value:.{digits}f}' == word
