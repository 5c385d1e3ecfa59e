"""Gradients that are clipped by the norms of the weights they change."""

import pytest
import torch
from mmengine.hooks import Hook
from torch import nn

from mmct.engine import AdaptiveClippingHook
from mmct.engine.hooks.adaptive_clipping_hook import clip_by_weights


class Gradients(Hook):
    """Keeps, step by step, each gradient's largest ratio to its weights, as the step uses it."""

    priority = 'LOWEST'

    def before_train(self, runner):
        self.found = []
        model, optimizer = runner.model, runner.optim_wrapper.optimizer

        def see(*_):
            ratios = {}
            for name, parameter in model.named_parameters():
                # A vector has units of one value.
                units = (len(parameter), -1)
                grad = parameter.grad.reshape(units).norm(dim=1)
                own = parameter.detach().reshape(units).norm(dim=1)
                ratios[name] = float((grad / own.clamp(min=1e-3)).max())
            self.found.append(ratios)

        optimizer.register_step_pre_hook(see)


def test_the_norm_of_each_unit_is_limited_by_that_of_its_weights():
    weight = nn.Parameter(torch.tensor([[3.0, 4.0], [0.0, 0.0], [1.0, 0.0]]))
    weight.grad = torch.tensor([[6.0, 8.0], [0.0, 2.0], [0.001, 0.0]])
    clip_by_weights([weight], 0.1)
    expected = torch.tensor([[0.3, 0.4], [0.0, 1e-4], [0.001, 0.0]])
    torch.testing.assert_close(weight.grad, expected)


def test_a_vector_is_clipped_value_by_value_and_no_gradient_is_none():
    bias, unused = nn.Parameter(torch.tensor([2.0, 0.0])), nn.Parameter(torch.ones(3))
    bias.grad = torch.tensor([-5.0, 0.0])
    clip_by_weights([bias, unused], 0.01)
    torch.testing.assert_close(bias.grad, torch.tensor([-0.02, 0.0]))
    assert unused.grad is None


@pytest.mark.parametrize('amp', [False, True])
def test_all_but_the_head_is_clipped_before_each_step(tiny, train, amp):
    cfg = tiny('bn_resnet18_digits', options={'train_cfg.max_epochs': 1})
    if amp:
        cfg.optim_wrapper.type = 'BFloat16OptimWrapper'
    seen = Gradients()
    cfg.custom_hooks = [dict(type='AdaptiveClippingHook', clipping=0.001)]
    train(cfg, seen)
    assert seen.found
    for ratios in seen.found:
        head = [ratio for name, ratio in ratios.items() if name.startswith('head')]
        others = [ratio for name, ratio in ratios.items() if not name.startswith('head')]
        assert max(others) < 0.001001
    assert max(head) > 0.001


def test_a_fraction_that_is_none_is_refused():
    with pytest.raises(ValueError, match='clipping must be positive.*got 0'):
        AdaptiveClippingHook(clipping=0)


def test_the_scale_of_a_fused_optimizer_is_taken_into_account(tiny, train):
    """Such an optimizer unscales gradients itself, after the hook has seen them."""
    cfg = tiny('bn_resnet18_digits', options={'train_cfg.max_epochs': 1})
    cfg.optim_wrapper.optimizer = dict(type='SGD', lr=0.01, fused=True)
    cfg.custom_hooks = [dict(type='AdaptiveClippingHook', clipping=0.001)]

    class Scale(Hook):
        priority = 'HIGHEST'

        def before_train(self, runner):
            optimizer = runner.optim_wrapper.optimizer
            optimizer.grad_scale, optimizer.found_inf = torch.tensor(1024.0), torch.tensor(0.0)

    seen = Gradients()
    train(cfg, Scale(), seen)
    largest = max(
        ratio
        for ratios in seen.found
        for name, ratio in ratios.items()
        if not name.startswith('head')
    )
    assert 0.001001 < largest < 1.025
