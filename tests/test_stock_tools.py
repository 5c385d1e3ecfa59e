"""mmpretrain's own tools on CT configs."""

import runpy
import sys
from pathlib import Path

import mmpretrain
import pytest
from mmengine.config import Config

import mmct
from mmct.methods import add_methods
from mmct.teacher import TeacherRecipe, teacher_config

TOOLS = Path(mmpretrain.__file__).parent / '.mim' / 'tools'


@pytest.fixture
def tool(monkeypatch, tmp_path):
    """Run a tool as a user does, and give what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('MPLBACKEND', 'agg')

    def run(name, *argv):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, argv)])
        runpy.run_path(str(TOOLS / name), run_name='__main__')

    return run


def rates(cfg):
    """The learning rates that vis_scheduler.py draws, of four batches an epoch."""
    script = runpy.run_path(str(TOOLS / 'visualization' / 'vis_scheduler.py'))
    loader = type('FakeDataloader', (list,), dict(dataset=script['MagicMock'](metainfo=None)))
    return script['simulate_train'](loader(range(4)), cfg, True)['lr']


def test_the_schedule_of_each_stage_can_be_drawn(tiny, tmp_path):
    ct = Config.fromfile(mmct.config_path('ct_resnet18_digits'))
    ct.work_dir = str(tmp_path)
    ct.custom_hooks[0].student_lr_mult = 0.3
    add_methods(ct, ['adversarial'])
    plain = tiny('bn_resnet18_digits', options={'train_cfg.max_epochs': ct.train_cfg.max_epochs})
    student, expected = rates(ct), rates(plain)
    assert len(expected) == 4 * ct.train_cfg.max_epochs
    # The student's, with its factor; the teacher takes twice as many steps.
    assert student == pytest.approx([0.3 * rate for rate in expected])
    recipe = TeacherRecipe(length=2, lr=0.05)
    teacher = rates(teacher_config(ct, recipe, str(tmp_path / 'teacher')))
    assert len(teacher) == 2 * len(student) and max(teacher) == pytest.approx(0.05, rel=0.1)


def test_tools_that_draw_and_count(tool, tmp_path, capsys):
    config = mmct.config_path('ct_resnet18_digits')
    tool('visualization/vis_scheduler.py', config, '--not-show', '--save-path', 'lr.png',
         '--cfg-options', 'train_cfg.max_epochs=2')  # fmt: skip
    assert (tmp_path / 'lr.png').stat().st_size > 1000
    # What a config that inherits from mmpretrain's needs, and the mode that draws no axes.
    tool('visualization/browse_dataset.py', config, '--not-show', '-o', 'images', '-n', 2, '-m',
         'original', '--cfg-options', 'visualizer._delete_=True',
         'visualizer.type=UniversalVisualizer')  # fmt: skip
    assert len(list((tmp_path / 'images').iterdir())) == 2
    printed = []
    for kind in ('bn', 'ct'):
        capsys.readouterr()
        config = mmct.config_path(f'{kind}_resnet18_digits')
        tool('analysis_tools/get_flops.py', config, '--shape', '32')
        # Below a table that begins with the name of the class.
        printed.append(capsys.readouterr().out.rpartition('Input shape')[2])
    assert 'Flops: 9.027M' in printed[0] and printed[0] == printed[1]
