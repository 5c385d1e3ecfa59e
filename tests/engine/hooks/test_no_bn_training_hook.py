"""A BN-free run starts from data and stops when it diverges."""

import pytest
import torch
from mmengine.hooks import Hook
from mmpretrain.registry import MODELS

from mmct.engine import NoBNTrainingHook
from mmct.engine.hooks import no_bn_training_hook
from mmct.models import NoNorm
from mmct.runs import CTError
from mmct.runs.averages import averages
from mmct.runs.weights import safe_loading


class Recorder(Hook):
    """Keeps the weights that the first step starts from."""

    priority = 'LOWEST'

    def before_train_epoch(self, runner):
        if runner.epoch == 0:
            weights = runner.model.state_dict()
            self.start = {name: value.clone() for name, value in weights.items()}


def _start(cfg, train):
    recorder = Recorder()
    train(cfg, recorder)
    return recorder.start


@pytest.fixture
def nobn(tiny):
    def make(hook=None, options=None):
        options = {'train_cfg.max_epochs': 1, **(options or {})}
        return tiny('nobn_resnet18_digits', hook, options)

    return make


def test_calibrated_at_the_start(nobn, train):
    literal = _start(nobn(dict(init='identity')), train)
    layer = _start(nobn(), train)
    channel = _start(nobn(dict(granularity='channel', calibration_batches=2)), train)
    key = 'backbone.layer2.0.bn1.'
    assert (literal[key + 'weight'] == 1).all()
    scale = layer[key + 'weight']
    assert (scale == scale[0]).all() and scale[0] != 1
    assert (layer[key + 'bias'] == 0).all()
    assert channel[key + 'weight'].unique().numel() > 1
    assert (channel[key + 'bias'] != 0).any()
    for start in (layer, channel):
        assert torch.equal(start['head.fc.weight'], literal['head.fc.weight'])


def test_the_same_seed_gives_the_same_start(nobn, train):
    one, two = (_start(nobn(), train) for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_fold_starts_from_a_bn_checkpoint(nobn, train, tmp_path):
    cfg = nobn(dict(init='fold', checkpoint=str(tmp_path / 'bn.pth')))
    del cfg.model['weight_standardisation']
    bn_cfg = {**cfg.model, 'type': 'ImageClassifier'}
    bn_cfg['data_preprocessor'] = cfg.data_preprocessor
    network = MODELS.build(bn_cfg)
    network.init_weights()
    for module in network.modules():
        if hasattr(module, 'running_var'):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    torch.save(dict(state_dict=network.state_dict()), tmp_path / 'bn.pth')
    start = _start(cfg, train)
    bn_free = MODELS.build({**bn_cfg, 'type': 'NormFreeClassifier'})
    bn_free.load_state_dict(start)
    images = torch.randn(4, 3, 8, 8)
    torch.testing.assert_close(bn_free.eval()(images), network.eval()(images))


def test_what_folding_would_not_survive_is_refused(nobn, train, tmp_path):
    with pytest.raises(CTError, match="init='fold' does not go with weight_standardisation"):
        train(nobn(dict(init='fold')))


def test_fold_takes_the_network_that_the_config_starts_from(nobn, train, tiny, tmp_path):
    bn = train(tiny('bn_resnet18_digits', options={'train_cfg.max_epochs': 1})).model
    torch.save(dict(state_dict=bn.state_dict()), tmp_path / 'bn.pth')
    cfg = nobn(dict(init='fold'), {'load_from': str(tmp_path / 'bn.pth')})
    del cfg.model['weight_standardisation']
    free = MODELS.build({**cfg.model, 'data_preprocessor': cfg.data_preprocessor})
    free.load_state_dict(_start(cfg, train))
    images = torch.randn(4, 3, 8, 8)
    torch.testing.assert_close(free.eval()(images), bn.eval()(images), rtol=1e-4, atol=1e-4)


def test_calibrate_keeps_the_checkpoints_weights(nobn, train, tmp_path):
    first = train(nobn()).model.state_dict()
    torch.save(first, tmp_path / 'first.pth')
    start = _start(nobn(dict(checkpoint=str(tmp_path / 'first.pth'))), train)
    assert torch.equal(start['head.fc.weight'], first['head.fc.weight'])


def test_a_resumed_run_is_not_calibrated_again(nobn, train, monkeypatch):
    from mmct.runs.weights import safe_loading

    train(nobn())
    cfg = nobn(options={'train_cfg.max_epochs': 2})
    cfg.resume = True
    monkeypatch.setattr(
        'mmct.engine.hooks.no_bn_training_hook.calibrate', lambda *_: pytest.fail()
    )
    with safe_loading():
        assert train(cfg).epoch == 2


def test_a_loss_that_is_not_finite_stops_the_run(nobn, train):
    cfg = nobn(options={'optim_wrapper.optimizer.lr': 1e18})
    cfg.optim_wrapper.clip_grad = None
    with pytest.raises(CTError) as error:
        train(cfg)
    message = str(error.value)
    assert 'at iteration 2' in message or 'at iteration 3' in message
    for remedy in ('lower the lr', 'clip', 'calibrate', 'warm-up'):
        assert remedy in message


@pytest.mark.parametrize(
    'setting',
    [dict(init='none'), dict(granularity='all'), dict(calibration_batches=0)],
)
def test_settings_out_of_range(setting):
    name = next(iter(setting))
    with pytest.raises(ValueError, match=f'NoBNTrainingHook: {name} must be'):
        NoBNTrainingHook(**setting)


def test_only_no_norm_layers_change(nobn, train):
    cfg = nobn()
    model = MODELS.build({**cfg.model, 'data_preprocessor': cfg.data_preprocessor})
    names = {n for n, m in model.named_modules() if isinstance(m, NoNorm)}
    literal, layer = _start(nobn(dict(init='identity')), train), _start(cfg, train)
    changed = {n.rpartition('.')[0] for n in layer if not torch.equal(layer[n], literal[n])}
    # A residual branch whose last layer starts at 0 stays there at any scale.
    assert changed == {n for n in names if literal[f'{n}.weight'].any()}


def test_an_average_begins_with_the_folded_network(nobn, train, tiny, tmp_path):
    average = dict(type='EMAHook', momentum=0.1)
    bn = tiny('bn_resnet18_digits')
    bn.work_dir = str(tmp_path / 'bn')
    bn.custom_hooks = [average]
    train(bn)
    start = str(next((tmp_path / 'bn').glob('epoch_*.pth')))
    cfg = nobn(dict(init='fold'), {'load_from': start})
    del cfg.model['weight_standardisation']
    cfg.custom_hooks.append(average)

    class Spy(Hook):
        priority = 'LOWEST'

        def after_train_iter(self, runner, batch_idx, *args, **kwargs):
            if batch_idx == 0:
                (ema,) = averages(runner)
                pairs = zip(ema.module.parameters(), runner.model.parameters(), strict=True)
                self.same = all(torch.equal(one, other) for one, other in pairs)

    spy = Spy()
    with safe_loading():  # as mmct's commands do
        train(cfg, spy)
    assert spy.same


@pytest.mark.parametrize('init', ['calibrate', 'fold', 'identity'])
def test_that_pretrained_weights_are_lost_is_said(nobn, train, tiny, tmp_path, monkeypatch, init):
    said = []
    monkeypatch.setattr(no_bn_training_hook, 'print_log', lambda text, **_: said.append(text))
    network = MODELS.build(tiny('bn_resnet18_digits').model)
    torch.save(dict(state_dict=network.state_dict()), tmp_path / 'bn.pth')
    for start in ({}, {'load_from': str(tmp_path / 'bn.pth')}):
        said.clear()
        options = {'model.weight_standardisation': False, **start}
        train(nobn(dict(init=init), options), Recorder())
        told = any('lose most of what they have learned' in line for line in said)
        assert told == bool(start and init == 'calibrate')
