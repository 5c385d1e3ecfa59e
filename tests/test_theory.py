"""tools/theory.py, as a user starts it."""

import json

from PIL import Image
from tool_runs import ROOT, run

THEORY = ROOT / 'tools' / 'theory.py'
NAMES = ('variance', 'width', 'network', 'digits_pixels', 'digits_relu')


def test_figures_and_the_numbers_in_them(tmp_path, monkeypatch):
    # Few points a curve.
    few = dict(RATIOS=(0.1, 1.0), WIDTHS=(24, 60), DIGITS=dict(a=(None, (15, 40)), b=(50, (25,))))
    for name, values in few.items():
        monkeypatch.setattr(f'mmct.cli.theory.{name}', values)
    found = run(THEORY, '-o', 'new', '--draws', '8', cwd=tmp_path)
    assert found.code == 0, found.err
    names = {f'{name}.{kind}' for name in NAMES for kind in ('png', 'json')}
    assert {path.name for path in (tmp_path / 'new').iterdir()} == names
    for name in NAMES:
        with Image.open(tmp_path / 'new' / f'{name}.png') as picture:
            assert min(picture.size) > 300
        numbers = json.loads((tmp_path / 'new' / f'{name}.json').read_text())
        assert numbers['draws'] == (8 if name in ('variance', 'width') else 2)
        for panel in numbers['panels'].values():
            for median, low, high in next(iter(panel.values())):
                assert low <= median <= high


def test_bad_options_are_refused_in_one_line(tmp_path):
    (tmp_path / 'file').write_text('')
    for argv, said in (
        ((), '-o'),
        (('-o', 'x', '--draws', '1'), 'must be 2 or more'),
        (('-o', 'file', '--draws', '2'), 'was not written'),
    ):
        found = run(THEORY, *argv, cwd=tmp_path)
        assert found.code == 2
        assert said in found.err.strip().splitlines()[-1]
