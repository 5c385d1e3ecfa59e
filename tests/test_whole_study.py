"""A study of real digits, from the first cell to the figures."""

import json

import pytest
from study_files import SHARED, InThisProcess, results_of, starts_of, write_study
from tool_runs import ROOT, contents, succeed

STUDY = ROOT / 'tools' / 'study.py'


def study(folder, *argv):
    return succeed(STUDY, 'study.py', '--work-dir', 'out', *argv, cwd=folder)


@pytest.mark.slow
def test_a_study_from_the_first_cell_to_the_figures(tmp_path, monkeypatch):
    monkeypatch.setattr('mmct.cli.studying.LocalExecutor', InThisProcess)
    write_study(tmp_path, SHARED)
    shown = study(tmp_path, '--jobs', '2')
    results = results_of(tmp_path / 'out')
    assert sorted(results) == sorted(
        [f'{arm}, seed {seed}' for arm in ('BN', 'none', 'CT 1.0', 'CT 2.0') for seed in (0, 1)]
        # One for both weights.
        + [f'CT 1.0, teacher, seed {seed}' for seed in (0, 1)]
        + [f'none, trial {point}, seed 9' for point in (0, 1)]
    )
    assert set(starts_of(tmp_path / 'out').values()) == {1}
    own = results['CT 2.0, seed 1']['scores']
    assert own['along']['value']['epoch'] == [1, 2, 3]
    assert own['corruption']['value']['images'] == 40
    assert len(own['features']['value']['layers']) == 10
    assert results['CT 1.0, teacher, seed 0']['scores'] == {}
    rows = {row['arm']: row for row in json.loads((tmp_path / 'out' / 'table.json').read_text())}
    errors = [
        results[f'none, seed {seed}']['scores']['corruption']['value']['clean_error_pct']
        for seed in (0, 1)
    ]
    assert rows['none']['values']['error']['mean'] == pytest.approx(sum(errors) / 2)
    assert rows['none']['chosen']['optim_wrapper']['optimizer']['lr'] in (0.01, 0.1)
    # In the terminal as a table, in the file as Markdown.
    assert '│ none ' in shown.out and '| none ' not in shown.out
    assert '| none ' in (tmp_path / 'out' / 'table.md').read_text()
    for figure in ('errors', 'paths', 'spectra', 'reliance'):
        assert (tmp_path / 'out' / f'{figure}.png').read_bytes().startswith(b'\x89PNG')

    # Again: nothing is run.
    before = contents(tmp_path / 'out' / 'results')
    study(tmp_path)
    assert contents(tmp_path / 'out' / 'results') == before
    assert set(starts_of(tmp_path / 'out').values()) == {1}

    # From the small files alone.
    for path in ('study.json', 'results'):
        (tmp_path / 'copy').mkdir(exist_ok=True)
        (tmp_path / 'out' / path).rename(tmp_path / 'copy' / path)
    table = (tmp_path / 'out' / 'table.md').read_bytes()
    succeed(STUDY, 'study.py', '--work-dir', 'copy', '--report-only', cwd=tmp_path)
    assert (tmp_path / 'copy' / 'table.md').read_bytes() == table
    assert (tmp_path / 'copy' / 'errors.png').is_file()
