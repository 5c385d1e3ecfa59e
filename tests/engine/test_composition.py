"""What a run of mmengine can switch on, together with CT."""

import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch.testing import assert_close

from mmct.models import CTClassifier

pytestmark = pytest.mark.usefixtures('rehearsed')


@OPTIM_WRAPPERS.register_module(force=True)
class CPUAmpOptimWrapper(AmpOptimWrapper):
    """mmengine's autocast and loss scaling, without its refusal of a CPU."""

    def __init__(self, **kwargs):
        OptimWrapper.__init__(self, **kwargs)
        self.loss_scaler = torch.amp.GradScaler('cpu')
        self._scale_update_param = None
        self.cast_dtype = torch.bfloat16


FEATURES = {
    'EMA': {'custom_hooks': [dict(type='EMAHook', momentum=0.1)]},
    'bfloat16': {'optim_wrapper.type': 'CPUAmpOptimWrapper'},
    # Three does not divide the eight iterations.
    'accumulation': {'optim_wrapper.accumulative_counts': 3},
    'clipping': {'optim_wrapper.clip_grad': dict(max_norm=0.05)},
    'paramwise_cfg': {
        'optim_wrapper.paramwise_cfg': dict(
            norm_decay_mult=0, bias_lr_mult=2, custom_keys={'layer1': dict(lr_mult=0.1)}
        )
    },
}
# A network that compiles in seconds.
ONE_STAGE = {
    'model.backbone.num_stages': 1,
    'model.backbone.strides': (1,),
    'model.backbone.dilations': (1,),
    'model.backbone.out_indices': (0,),
    'model.head.in_channels': 8,
}


@pytest.fixture
def run(tiny, train):
    """Train a config with options: ``run(name, options, loss_weight)``."""

    def run(name, options, loss_weight=None):
        options = dict(options)
        hooks = options.pop('custom_hooks', [])
        if loss_weight is not None:
            options['model.consistency'] = dict(loss_weight=loss_weight)
        cfg = tiny(name, options=options)
        cfg.custom_hooks = [*cfg.get('custom_hooks', []), *hooks]
        return train(cfg)

    return run


def _outcome(runner):
    """Weights, the optimizer's (and loss scaler's) state, averaged weights."""
    averaged = [h.ema_model.state_dict() for h in runner.hooks if isinstance(h, EMAHook)]
    return runner.model.state_dict(), runner.optim_wrapper.state_dict(), averaged


def _assert_same_bits(one, two):
    assert_close(_outcome(one), _outcome(two), rtol=0, atol=0)


def _differ(one, two):
    one, two = one.model.state_dict(), two.model.state_dict()
    return any(not torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize('feature', FEATURES)
def test_at_weight_zero_ct_changes_no_bit_of_a_run_with(feature, run):
    options = FEATURES[feature]
    baseline = run('bn_resnet18_digits', options)
    _assert_same_bits(run('ct_resnet18_digits', options, loss_weight=0.0), baseline)
    assert _differ(run('ct_resnet18_digits', options, loss_weight=1.0), baseline)
    if feature == 'EMA':
        _, _, (averaged,) = _outcome(baseline)
        name = 'backbone.conv1.weight'
        assert not torch.equal(averaged[f'module.{name}'], baseline.model.state_dict()[name])
    else:
        assert _differ(run('bn_resnet18_digits', {}), baseline)


@pytest.mark.slow
def test_at_weight_zero_ct_changes_no_bit_of_a_compiled_run(run, monkeypatch):
    graphs = []  # how many convolutions each has

    @torch._dynamo.register_backend(name='mmct_counting')
    def counting(graph, inputs):
        graphs.append(sum('conv2d' in str(node.target) for node in graph.graph.nodes))
        return graph.forward  # inductor would take minutes

    def attach_teacher(*args, **kwargs):
        graphs.clear()  # those of stage one
        attach(*args, **kwargs)

    attach = CTClassifier.attach_teacher
    monkeypatch.setattr(CTClassifier, 'attach_teacher', attach_teacher)
    options = {**ONE_STAGE, 'train_cfg.max_epochs': 1, 'compile': dict(backend='mmct_counting')}

    def compiled(name, loss_weight=None):
        torch.compiler.reset()  # as in a process of its own
        graphs.clear()
        return run(name, options, loss_weight), graphs.copy()

    baseline, alone = compiled('bn_resnet18_digits')
    without, fresh = compiled('ct_resnet18_digits', 0.0)
    with_term, cached = compiled('ct_resnet18_digits', 1.0)
    _assert_same_bits(without, baseline)
    assert _differ(with_term, baseline)
    # The student is in one graph, the frozen teacher in another: each is whole.
    assert (max(alone), max(fresh)) == (5, 5)
    assert sum(fresh) > sum(alone)
    # As much is compiled after a teacher was trained as when it was cached.
    assert len(fresh) == len(cached)
