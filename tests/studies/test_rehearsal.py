"""What is wrong with an arm's training shows before any arm is trained."""

import re

import pytest
from mmengine.registry import VISBACKENDS
from mmengine.visualization import BaseVisBackend
from study_files import write_study

from mmct.runs import CTError
from mmct.runs.configs import load_config
from mmct.studies import Planner, StudyStore, check_training, executors, read_study
from mmct.studies.rehearsal import rehearse_cells

ARMS = 'arms = dict(BN=dict(config=bn), CT=dict(config=ct, overlay=dict(custom_hooks=[hook])))\n'
WRONG = {
    'common["train_cfg"]["max_epoch"] = 3': r"arm 'BN' fails: .*max_epoch",
    'common["optim_wrapper"] = dict(optimizer=dict(lr="abc"))': r"arm 'BN' fails: .*lr='abc'",
    'common["val_evaluator"] = dict(topk="abc")': r"arm 'BN' fails: the validation .* 'str' and",
    'common["model"]["head"]["in_channels"] = 31': r"arm 'BN' fails: the training fails: ",
    # Initial weights that are not there.
    'common["model"]["backbone"]["init_cfg"] = dict(type="Pretrained", '
    'checkpoint="no.pth")': r"arm 'BN' fails: no.pth can not be found",
    'common["load_from"] = "no.pth"': r"arm 'BN' fails: .*no.pth",
    'hook.update(length="abc")': "length must be positive, but got 'abc'",
    'hook.update(student_start="teacher"); arms["CT"]["overlay"]["model"] = dict(backbone=dict('
    'norm_cfg=dict(type="BN", affine=False)))': r"arm 'CT' fails: the student fails: .*affine",
}


def cells(folder, text=''):
    cfg = load_config(str(write_study(folder, ARMS + text)))
    return Planner(read_study(cfg), StudyStore(folder / 'out')).cells({})


@pytest.mark.parametrize('text', WRONG)
def test_what_is_wrong_with_an_arm_is_said_with_its_name(tmp_path, text):
    try:
        said = rehearse_cells(cells(tmp_path, text + '\n'))
    except CTError as error:  # of the planner
        said = str(error)
    assert re.search(WRONG[text], said), said
    assert '\n' not in said


def test_sound_arms_are_tried_and_nothing_is_left(tmp_path):
    assert rehearse_cells(cells(tmp_path)) == ''
    assert not (tmp_path / 'out').exists()


@VISBACKENDS.register_module()
class Tracker(BaseVisBackend):
    """As those that open a run of their own."""

    experiment = None

    def add_config(self, config, **_):
        raise AssertionError('a rehearsal is no run')


def test_a_tracker_sees_nothing_of_a_rehearsal(tmp_path):
    tracked = 'common["visualizer"] = dict(vis_backends=[dict(type="Tracker")])\n'
    assert rehearse_cells(cells(tmp_path, tracked)) == ''


class Process:
    exitcode = -9

    def kill(self):
        pass

    join = kill


class Receiver:
    def __init__(self, answer):
        self.answer = answer

    def recv(self):
        if self.answer is None:
            raise EOFError
        return self.answer

    def close(self):
        pass


@pytest.mark.parametrize('answer', ['', "arm 'BN' fails: x", None])
def test_the_process_of_a_rehearsal_is_heard(tmp_path, monkeypatch, answer):
    monkeypatch.setattr(executors, '_spawned', lambda *args: (Process(), Receiver(answer)))
    if answer == '':
        return check_training([], tmp_path)
    said = answer or 'the rehearsal of the arms ended with code -9'
    with pytest.raises(CTError, match=f'{said}; .*rehearsal.txt shows where'):
        check_training([], tmp_path)
