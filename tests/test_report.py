"""tools/report.py, as a user starts it."""

import csv
import json
import os

import pytest
import scorecards
from PIL import Image
from tool_runs import ROOT, run

REPORT = ROOT / 'tools' / 'report.py'
# Of all, drawing takes seconds a page.
FEW = ('gaussian_noise', 'fog', 'snow')


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(('bn', 'ct')):
        save(tmp_path, name, scorecards.make(name, number, FEW))
    return tmp_path


def save(folder, name, result):
    (folder / f'{name}.json').write_text(json.dumps(result))


def refused(folder, *argv):
    result = run(REPORT, *argv, cwd=folder)
    assert result.code == 2, result.out + result.err
    line = result.err.strip().splitlines()[-1]
    assert line.startswith('report.py: error: ')
    return line


def test_page_figures_markdown_and_csv(folder):
    argv = ('bn.json', 'ct.json', '-o', 'new/r.html', '--baseline', 'bn', '--markdown', 'r.md',
            '--latex', 'r.tex', '--csv', 'r.csv')  # fmt: skip
    (folder / 'new').mkdir()
    (folder / 'new' / 'r.html').write_text('an earlier one')
    result = run(REPORT, *argv, cwd=folder)
    assert result.code == 0, result.err
    names = ('dumbbell', 'heatmap', 'severities')
    assert sorted(os.listdir(folder / 'new')) == ['r.html', *(f'r_{name}.png' for name in names)]
    assert 'Differences to bn' in (folder / 'new' / 'r.html').read_text()
    for name in names:
        with Image.open(folder / 'new' / f'r_{name}.png') as picture:
            assert min(picture.size) > 200
    assert '| raw mCE ' in (folder / 'r.md').read_text()
    assert 'raw mCE & ' in (folder / 'r.tex').read_text()
    with (folder / 'r.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [sum(row['run'] == name for row in rows) for name in ('bn', 'ct')] == [16, 16]
    assert 'raw mCE' in result.out


def test_markdown_alone_can_be_piped(folder):
    result = run(REPORT, 'bn.json', '--markdown', '-', cwd=folder)
    assert result.code == 0, result.err
    assert result.out.startswith('Errors in %')


def test_a_baseline_may_be_a_file(folder):
    result = run(REPORT, 'bn.json', 'ct.json', '--baseline', 'ct.json', cwd=folder)
    assert result.code == 0, result.err
    assert 'Differences to ct' in result.out


def test_the_plain_bn_network_is_the_baseline(folder):
    save(folder, 'plain', scorecards.make('bn_resnet18', 4, FEW))
    result = run(REPORT, 'ct.json', 'plain.json', '--markdown', '-', cwd=folder)
    assert result.code == 0, result.err
    assert 'Differences to bn_resnet18' in result.out
    assert 'Differences' not in run(REPORT, 'ct.json', 'bn.json', cwd=folder).out


def test_one_figure_for_a_paper(folder):
    for name, start in (('d.pdf', b'%PDF'), ('d.svg', b'<?xml')):
        argv = ('bn.json', 'ct.json', '--baseline', 'bn', '--figure', 'dumbbell', '-o', name)
        result = run(REPORT, *argv, cwd=folder)
        assert result.code == 0, result.err
        assert (folder / name).read_bytes().startswith(start)
        assert f'dumbbell: {name}' in result.err
    assert not list(folder.glob('*.html'))


def test_runs_with_other_cells(folder):
    save(folder, 'part', scorecards.make('part', 2, ('fog', 'snow')))
    assert '--common' in refused(folder, 'bn.json', 'part.json', '-o', 'r.html')
    assert not (folder / 'r.html').exists()
    result = run(REPORT, 'bn.json', 'part.json', '--common', cwd=folder)
    assert result.code == 0, result.err
    assert 'fog' in result.out and 'gaussian noise' not in result.out


BAD = {
    'missing file': (('no.json',), 'result file no.json does not exist'),
    'twice': (('bn.json', './bn.json'), 'given twice'),
    'baseline with a typo': (('bn.json', 'ct.json', '--baseline', 'bnn'), "did you mean 'bn'"),
    'other images': (('bn.json', 'other.json'), 'not scored on the same images'),
    'another version': (('old.json',), 'schema version 0'),
    'unfinished': (('bn.json.partial',), 'not finished'),
    'a result to write': (('bn.json', '--csv', './bn.json'), 'would be overwritten'),
    'no page': (('bn.json', '-o', 'report.pdf'), '.html'),
    'no format': (('bn.json', '--figure', 'dumbbell', '-o', 'd.jpg'), '.png or .svg or .pdf'),
    'nowhere to draw': (('bn.json', '--figure', 'dumbbell'), '-o FILE'),
    'figure with a typo': (('bn.json', '--figure', 'dumbell', '-o', 'd.png'), 'dumbbell'),
    'folder in the way': (
        ('bn.json', '--figure', 'severities', '-o', 'bn.json/r.png'), 'was not written'
    ),
}


@pytest.mark.parametrize('argv, said', BAD.values(), ids=BAD)
def test_bad_input_is_refused_in_one_line(folder, argv, said):
    save(folder, 'other', scorecards.make('other', 3, images=41))
    save(folder, 'old', {**scorecards.make('old', 4), 'schema_version': 0})
    (folder / 'bn.json.partial').write_text('{}')
    assert said in refused(folder, *argv)
