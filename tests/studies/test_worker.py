"""What becomes of a cell whose network turns out to be of no use."""

import copy

import pytest
import torch
from mmengine.config import Config

import mmct
from mmct.corruptions.names import REVISIONS
from mmct.runs.errors import DivergedError
from mmct.runs.weights import load_state_dict
from mmct.studies import SCORES, StudyStore, run_cell
from mmct.studies.cell import DONE, FAILED, TRAINING, Cell


@SCORES.register_module(force=True)
class NeverFinite:
    """A score of a network that its last step spoilt."""

    def __init__(self, name):
        self.name = name

    def __call__(self, run):
        raise DivergedError('the network gives no finite scores')


def test_a_network_without_finite_scores_has_diverged_and_is_not_tried_again(tmp_path):
    config = Config.fromfile(mmct.config_path('bn_resnet18_digits'))
    cell = Cell('key', TRAINING, 'BN', 0, config, dict(score=dict(type='NeverFinite')))
    store = StudyStore(tmp_path)
    store.weights('key').parent.mkdir(parents=True)
    torch.save({}, store.weights('key'))
    store.keep_result('key', dict(title='BN, seed 0', diverged=None, scores={}))
    assert run_cell(cell, tmp_path).state == DONE
    assert StudyStore(tmp_path).result('key')['diverged'] == 'the network gives no finite scores'
    assert StudyStore(tmp_path).is_finished(cell)


def test_a_result_names_what_its_scores_depend_on_beside_their_settings(tiny, tmp_path):
    cfg = tiny('bn_resnet18_digits', options={'train_cfg.max_epochs': 1})
    chosen = dict(corruptions=['fog'], severities=[1])
    along = dict(type='AlongTraining', recalibrate_bn=1, **chosen)
    scores = dict(cells=dict(type='CorruptionScore', **chosen), along=along,
                  held_out=dict(type='ValidationError'))  # fmt: skip
    content = dict(val_images='1', test_images='2')
    cell = Cell('key', TRAINING, 'BN', 0, cfg, scores, content=content)
    assert run_cell(cell, tmp_path).state == DONE
    found = StudyStore(tmp_path).result('key')['scores']
    size = cfg.test_dataloader.batch_size
    assert {name: score['given'] for name, score in found.items()} == dict(
        cells=dict(content, cifar=REVISIONS['cifar']),
        along=dict(content, cifar=REVISIONS['cifar'], batch_size=size),
        held_out=content,
    )


@pytest.mark.parametrize('content', [None, b'', b'PK'])
def test_a_checkpoint_that_cannot_be_used_says_how_to_begin_anew(tiny, tmp_path, content):
    folder = StudyStore(tmp_path).run('key')
    folder.mkdir(parents=True)
    (folder / 'last_checkpoint').write_text(str(folder / 'epoch_1.pth'))
    if content is not None:
        (folder / 'epoch_1.pth').write_bytes(content)
    outcome = run_cell(Cell('key', TRAINING, 'BN', 0, tiny('bn_resnet18_digits'), {}), tmp_path)
    assert outcome.state == FAILED
    assert 'epoch_1.pth' in outcome.error
    assert outcome.error.endswith(f'; to train it anew, remove {folder}')


@pytest.mark.parametrize('interval', [2, 10])
def test_the_network_is_that_of_the_last_step_whatever_was_saved(tiny, tmp_path, interval):
    cfg = tiny('bn_resnet18_digits', options={'train_cfg.max_epochs': 3})
    cfg.custom_hooks = [dict(type='EMAHook', momentum=0.5)]
    cfg.default_hooks.checkpoint = dict(
        type='CheckpointHook', interval=interval, save_last=False, by_epoch=True
    )
    seen = {}
    for name in ('every', 'some'):
        cell = Cell(name, TRAINING, 'BN', 0, cfg, {})
        assert run_cell(cell, tmp_path).state == DONE
        seen[name] = load_state_dict(StudyStore(tmp_path).weights(name))
        cfg = copy.deepcopy(cfg)
        cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=1)
    for name, value in seen['every'].items():
        assert torch.equal(value, seen['some'][name])
