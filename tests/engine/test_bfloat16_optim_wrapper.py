"""Training in bfloat16 on a CPU: what is computed in it, and what is said where it does not pay."""

import pytest
import torch
from mmengine.hooks import Hook

from mmct.engine import bfloat16_optim_wrapper
from mmct.models import frozen_teacher


class Dtypes(Hook):
    """Keeps the dtypes of what the network computes while it trains."""

    def before_train(self, runner):
        self.found = []
        layer = runner.model.backbone.conv1
        layer.register_forward_hook(lambda *args: self.found.append(args[-1].dtype))

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        assert outputs['loss'].isfinite()


@pytest.fixture
def bfloat16(tiny, train):
    def run(name, **hook):
        cfg = tiny(name, hook or None, {'train_cfg.max_epochs': 1})
        cfg.optim_wrapper.type = 'BFloat16OptimWrapper'
        seen = Dtypes()
        return train(cfg, seen), seen.found

    return run


def test_the_network_computes_in_bfloat16_and_keeps_float32_weights(bfloat16):
    runner, dtypes = bfloat16('bn_resnet18_digits')
    # Also validation, which is in float32.
    assert dtypes[0] is torch.bfloat16 and dtypes.count(torch.bfloat16) == runner.max_iters
    assert {p.dtype for p in runner.model.parameters()} == {torch.float32}


def test_student_and_standardised_teacher_train_in_it(bfloat16):
    runner, dtypes = bfloat16('ct_resnet18_digits', weight_standardisation=True)
    assert dtypes.count(torch.bfloat16) == runner.max_iters
    assert {p.dtype for p in runner.model.teacher.parameters()} == {torch.float32}


@pytest.mark.parametrize(('ratio', 'said'), [(8.0, True), (0.5, False)])
def test_where_it_does_not_pay_the_log_says_so_once(bfloat16, monkeypatch, ratio, said):
    monkeypatch.setattr(frozen_teacher, '_bfloat16_ratio', lambda: ratio)
    logged = []
    monkeypatch.setattr(
        bfloat16_optim_wrapper, 'print_log', lambda text, **kwargs: logged.append(text)
    )
    bfloat16('bn_resnet18_digits')
    text = 'bfloat16 is not faster than float32 on this cpu: leave --amp out'
    assert logged == [text] * said
