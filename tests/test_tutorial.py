"""The tutorial's notebook is that of its page, and runs."""

import json
import os
import runpy
import sys
from pathlib import Path

import nbformat
import pytest
from tool_runs import ROOT

WRITE = runpy.run_path(str(ROOT / 'benchmarks' / 'write_tutorial.py'))
PAGE, NOTEBOOK = WRITE['PAGE'], WRITE['NOTEBOOK']


def test_the_notebook_is_that_of_the_page():
    """Else: ``python benchmarks/write_tutorial.py --notebook``."""
    made = WRITE['notebook_of'](PAGE.read_text(encoding='utf-8'))
    assert nbformat.read(NOTEBOOK, as_version=4) == made
    nbformat.validate(made)


def test_outputs_are_replaced_where_there_is_one():
    page = 'A\n\n```bash\ntrue\n```\n\n```text\nold\n```\n\n```python\n# a.py\nx = 1\n```\nB\n'
    shown = '```bash\ntrue\n```\n\n```text\nnew\n```\n'
    written = WRITE['with_outputs'](page, ['new\n', ''])
    assert written == page.replace('old', 'new') and shown in written
    assert '```text' not in WRITE['with_outputs'](page, ['', ''])
    text, bash, python, end = WRITE['notebook_of'](written).cells
    assert (text.source, bash.source, end.source) == ('A', '%%bash\ntrue', 'B')
    assert python.source == '%%writefile a.py\nx = 1'
    assert bash.outputs[0].text == 'new\n' and not python.outputs


@pytest.mark.slow
def test_the_notebook_runs_and_its_study_says_what_the_page_says(tmp_path, monkeypatch):
    beside = Path(sys.executable).parent
    monkeypatch.setenv('PATH', f'{beside}{os.pathsep}{os.environ["PATH"]}')
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    published = [bool(cell.outputs) for cell in notebook.cells if cell.cell_type == 'code']
    # Each cell that shows something in the page printed something.
    assert [bool(output) for output in WRITE['run'](notebook, tmp_path)] == published
    assert (tmp_path / WRITE['FIGURE']).is_file() and (tmp_path / 'table.tex').is_file()
    table = tmp_path / 'work_dirs' / 'studies' / 'my_study' / 'table.json'
    rows = {row['arm']: row['values']['mCE, %'] for row in json.loads(table.read_text())}
    assert rows['BN, 3x']['count'] == rows['CT']['count'] == 2
    assert rows['CT']['mean'] < rows['BN, 3x']['mean']
