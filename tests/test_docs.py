"""The tables of the docs are those of the kept results; the reference leaves nothing out."""

import csv
import io
import json
import re
import runpy
import sys

import pytest
from tool_runs import ROOT

from mmct.cli.main import COMMANDS
from mmct.studies import StudyStore, write_study_report

STUDIES = ROOT / 'benchmarks'


@pytest.fixture
def writer(monkeypatch):
    """The names of benchmarks/write_tables.py."""
    monkeypatch.syspath_prepend(STUDIES)
    return runpy.run_path(str(STUDIES / 'write_tables.py'))


@pytest.mark.parametrize('name', sorted(file.parent.name for file in STUDIES.glob('*/study.json')))
def test_the_report_of_a_kept_study_is_made_again_from_its_results(name, tmp_path):
    plan = json.loads((STUDIES / name / 'study.json').read_text(encoding='utf-8'))
    # Pictures differ from one version of matplotlib to the next.
    (tmp_path / 'study.json').write_text(json.dumps({**plan, 'figures': {}}))
    (tmp_path / 'results').symlink_to(STUDIES / name / 'results')
    tables = write_study_report(StudyStore(tmp_path))
    assert len(tables) >= 2
    for file in tables:
        assert file.read_bytes() == (STUDIES / name / file.name).read_bytes()


def test_the_tables_of_the_docs_are_those_of_the_results(writer, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['write_tables.py', '--check'])
    assert writer['main']() == 0, capsys.readouterr().out


def test_the_page_of_all_tables_names_the_studies_whose_errors_contain_images():
    text = ' '.join((ROOT / 'docs' / 'evidence_tables.md').read_text(encoding='utf-8').split())
    named = re.search(r'over seeds and images in (.*?), over seeds only in the others', text)[1]
    assert set(re.findall(r'\w+_\w+', named)) == {
        file.parent.name
        for file in STUDIES.glob('*/table.md')
        if 'standard error over seeds and images' in file.read_text(encoding='utf-8')
    }


def test_a_table_that_was_edited_is_found(writer):
    text = (ROOT / 'docs' / 'results.md').read_text(encoding='utf-8')
    assert writer['written'](text) == text
    number = re.search(r'\| no BN \(the teacher\) +\| +(\d+\.\d)', text)
    edited = text.replace(number[1], '12.3', 1)
    assert edited != text and writer['written'](edited) == text


@pytest.mark.parametrize(
    ('page', 'claim'),
    # Of a section with a study's table, and of one that links to it.
    [('results', '8.5 points [5.1, 11.9]'), ('results_in_detail', '11.6 points [8.4, 14.7]')],
)
def test_a_difference_that_the_results_do_not_have_is_found(page, claim, writer):
    text = (ROOT / 'docs' / f'{page}.md').read_text(encoding='utf-8')
    assert writer['unfounded'](text) == []
    edited = text.replace(claim, wrong := claim.replace('[', '[4'), 1)
    assert edited != text and writer['unfounded'](edited) == [wrong]


def test_the_short_table_has_each_main_arm_and_how_ct_differs_from_it(writer, tmp_path):
    titles = 'clean error, %', 'mCE, %', 'noise'

    def row(arm, count=3, **differences):
        stats = dict(mean=10.0, standard_error=1.04, interval=[8.0, 12.0], count=count)
        values = dict.fromkeys(titles, dict(stats, differences=differences))
        return dict(arm=arm, group='a', variant=arm, seeds=list(range(count)), values=values)

    less = dict(mean=-1.0, standard_error=0.3, interval=[-2.0, 0.5])
    equal, added = 'Standard, equal compute (3x)', 'start alone (no term)'
    rows = [row('Standard'), row(equal), row('CT', **{equal: less, 'Standard': less}),
            row('CT, at the full rate', CT=less), row(added, CT=less),
            row('CT + AugMix', count=2, CT=dict(less, interval=None))]  # fmt: skip
    plan = dict(seeds=[0, 1, 2], table=dict.fromkeys([*titles, 'with these, noise']))
    (tmp_path / 'study.json').write_text(json.dumps(plan))
    (tmp_path / 'table.json').write_text(json.dumps(rows))
    lines = writer['short'](tmp_path).splitlines()
    cells = [[cell.strip() for cell in line.split('|')[1:-1]] for line in lines]
    error = '10.0 ± 1.0'
    gain, loss = ['-1.0 [-2.0, +0.5]'] * 2, ['+1.0 [-0.5, +2.0]'] * 2
    columns = [*titles[:2], 'CT minus that, clean', 'CT minus that, mCE', 'noise']
    assert cells[0] == ['', 'seeds', *columns]
    # What was trained for a shorter time, and ingredients, are left to the table of all arms.
    assert cells[2:6] == [
        [equal, '3', error, error, *gain, '10.0'],
        ['CT', '3', error, error, '', '', '10.0'],
        [added, '3', error, error, *loss, '10.0'],
        ['CT + AugMix', '2', error, error, '', '', '10.0'],
    ]
    assert lines[-1].startswith('Means over 2 to 3 seeds. ± is one standard error over seeds alone')


def test_the_short_table_of_one_seed_has_no_differences_nor_what_was_not_trained(writer, tmp_path):
    for name in ('study.json', 'table.json'):
        (tmp_path / name).write_text((STUDIES / 'cifar10_allconv' / name).read_text())
    rows = json.loads((tmp_path / 'table.json').read_text())
    next(row for row in rows if row['variant'] == 'start alone (no term)')['seeds'] = []
    (tmp_path / 'table.json').write_text(json.dumps(rows))
    lines = writer['short'](tmp_path).strip().splitlines()
    cells = [[c.strip() for c in line.split('|')[1:-1]] for line in lines if line.startswith('|')]
    assert not any('minus' in title or title == 'seeds' for title in cells[0])
    names = [row[0] for row in cells[2:]]
    assert 'CT' in names and 'start alone (no term)' not in names
    assert len(cells) == 11 and all(all(row) for row in cells[2:])
    assert lines[-1].startswith('One seed: ')


def test_the_words_of_the_conclusion_follow_the_intervals(writer, tmp_path):
    kept, free = STUDIES / 'digits_table', 'no BN, equal compute (3x)'
    (tmp_path / 'study.json').write_text((kept / 'study.json').read_text())
    rows = json.loads((kept / 'table.json').read_text())
    of_ct = next(row['values'] for row in rows if row['variant'] == 'CT')

    def said(**intervals):
        for title, interval in intervals.items():
            column = dict(mce='mCE, %', clean='clean error, %').get(title, title)
            of_ct[column]['differences']['Standard, equal compute (3x)']['interval'] = interval
        (tmp_path / 'table.json').write_text(json.dumps(rows))
        return writer['conclusion'](tmp_path)

    assert '; under noise there is no significant difference.' in said()
    text = said(noise=[-3, -1], blur=[-1, 2], weather=[1, 2])
    assert 'CT as a whole gains on plain BN under noise and digital; under blur there is no' in text
    assert '; it loses under weather.' in text
    with pytest.raises(ValueError, match=r'says that CT, minus Standard, .* is unclear: clean'):
        said(clean=[0.5, 1.5])
    said(clean=[-0.5, 1.5])
    with pytest.raises(ValueError, match=r'says that CT, minus Standard, .* is lower: mCE'):
        said(mce=[-1, 1])
    for control, word in ("BN teacher, trained as CT's", 'unclear'), (free, 'higher'):
        difference = of_ct['mCE, %']['differences'][control]
        before = difference['interval']
        difference['interval'] = [-3, -1]
        message = f'says that CT, minus {re.escape(control)}, is {word}'
        with pytest.raises(ValueError, match=message):
            said(mce=[-3, -1])
        difference['interval'] = before


@pytest.mark.parametrize(
    ('place', 'study', 'network', 'other', 'word'),
    [
        ('_OTHERS', 'digits_architectures', 'WRN-16',
         'BN, standardised weights, equal compute (3x)', 'lower'),
        ('_CIFAR', 'cifar10_resnet20', 'ResNet-20', 'Standard, equal compute (3x)', 'unclear'),
    ],
)  # fmt: skip
def test_what_the_conclusion_says_of_other_networks_follows_the_intervals(
    place, study, network, other, word, writer, tmp_path, monkeypatch
):
    kept = STUDIES / study
    (tmp_path / 'study.json').write_text((kept / 'study.json').read_text())
    rows = json.loads((kept / 'table.json').read_text())
    monkeypatch.setitem(writer['conclusion'].__globals__, place, tmp_path)

    def said():
        (tmp_path / 'table.json').write_text(json.dumps(rows))
        return writer['conclusion'](STUDIES / 'digits_table')

    text = said()
    values = {row['arm']: row['values']['mCE, %'] for row in rows}
    difference = values[f'{network}, CT']['differences'][f'{network}, {other}']
    assert f'{difference["mean"]:+.1f} [' in text
    before = difference['interval']
    difference['interval'] = dict(lower=[-3, 1], unclear=[-3, -1])[word]
    message = f'says that CT, minus {re.escape(other)}, is {word}: mCE'
    with pytest.raises(ValueError, match=message):
        said()
    difference['interval'] = before
    values[f'{network}, CT']['mean'] = 1.0
    with pytest.raises(ValueError, match='no BN, equal .* has the lowest error'):
        said()


def test_readme_says_what_the_kept_seeds_of_the_demo_say():
    kept = json.loads((STUDIES / 'demo.json').read_text())
    lines = (ROOT / 'README.md').read_text(encoding='utf-8').splitlines()
    text = ' '.join(lines)
    gains = [-seed['corrupted']['ct_minus_plain']['value'] for seed in kept.values()]
    costs = [seed['clean']['ct_minus_plain']['value'] for seed in kept.values()]
    mean = sum(gains) / len(gains)
    assert f'made {min(gains):.0f} to {max(gains):.0f} points fewer errors' in text
    assert f'corrupted digits ({mean:.1f} on average)' in text
    mean = sum(costs) / len(costs)
    assert f'{min(costs):.0f} to {max(costs):.0f} more on clean ones ({mean:.1f} on' in text
    assert gains[0] == max(gains)  # seed 0, which is printed there
    names = dict(baseline='plain BN', teacher='teacher without BN', student='CT')
    for network, name in names.items():
        (line,) = (line for line in lines if line.startswith(f'│ {name:18} │'))
        for kind in ('clean', 'corrupted'):
            assert f' {kept["0"][kind][network]:.2f} │' in line


def test_each_mutation_stands_in_one_place_and_names_tests():
    module = runpy.run_path(str(ROOT / 'benchmarks' / 'mutations.py'))
    for mutation in module['MUTATIONS']:
        assert module['place'](ROOT, mutation.old)
        assert all((ROOT / 'tests' / name).exists() for name in mutation.tests)
    text = (ROOT / 'CONTRIBUTING.md').read_text(encoding='utf-8')
    assert f'breaks the code in {len(module["MUTATIONS"])} places' in text


def test_a_csv_file_has_all_arms_and_differences_of_a_study(writer):
    rows = list(csv.DictReader(io.StringIO(writer['to_csv'](STUDIES / 'digits_table'))))
    # The kept Markdown has them, too, rounded.
    kept = (STUDIES / 'digits_table' / 'table.md').read_text(encoding='utf-8')
    lines = [line for line in kept.splitlines() if line.startswith('| ')][1:]
    assert len(rows) == len(lines) > 30
    for row, line in zip(rows, lines, strict=True):
        name, seeds, clean = (cell.strip() for cell in line.split('|')[1:4])
        assert name == (f'&nbsp; minus {row["minus"]}' if row['minus'] else row['arm'])
        assert seeds == row['seeds']
        # Of another number of digits, so rounded twice they may differ.
        mean, error = (float(row[f'clean error, %{part}']) for part in ('', ' ±'))
        shown = [float(part) for part in clean.split(' ± ')]
        assert shown == pytest.approx([mean, error], abs=0.0051)
        assert clean.startswith('+') == (row['minus'] != '' and mean >= 0)
        assert float(row['clean error, % from']) < mean < float(row['clean error, % to'])


def test_the_reference_has_each_command_and_each_class_that_a_config_can_name():
    pages = sorted((ROOT / 'docs' / 'reference').glob('*.md'))
    text = '\n'.join(page.read_text(encoding='utf-8') for page in pages)
    for command in COMMANDS:
        assert f'\n$ mmct {command} --help\n' in text
    documented = set(re.findall(r'^::: \S+\.(\w+)$', text, re.MULTILINE))
    names = re.compile(r'@\w+\.register_module\(.*\)\n(?:@.*\n)*(?:class|def) (\w+)')
    sources = [file.read_text(encoding='utf-8') for file in (ROOT / 'mmct').rglob('*.py')]
    registered = {name for source in sources for name in names.findall(source)}
    assert len(registered) > 50 and registered <= documented
