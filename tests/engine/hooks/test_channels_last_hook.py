"""Training channels last, on real digits."""

import pytest
import torch

# Strided 1x1 convolutions of 16 channels at the least: narrower ones crash on a CPU.
WIDE = {
    'model.backbone.stem_channels': 16,
    'model.backbone.base_channels': 16,
    'model.head.in_channels': 32,
}


def is_channels_last(weight):
    return weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize('name', ['bn_resnet18_digits', 'ct_resnet18_digits'])
def test_the_layout_changes_and_the_training_does_not(tiny, train, tmp_path, name):
    found = []
    for layout in (None, dict(type='ChannelsLastHook')):
        cfg = tiny(name, options=WIDE)
        cfg.work_dir = str(tmp_path / str(layout))
        cfg.randomness = dict(seed=0)
        if layout:
            cfg.default_hooks.channels_last = layout
        found.append(train(cfg).model)
    plain, faster = (model.backbone.conv1.weight for model in found)
    assert not is_channels_last(plain) and is_channels_last(faster)
    torch.testing.assert_close(faster, plain, rtol=1e-3, atol=1e-4)
    # What was learned outlives a checkpoint of another layout.
    found[0].load_state_dict(found[1].state_dict())
    torch.testing.assert_close(plain, faster, rtol=0, atol=0)


def test_a_network_whose_gradient_would_crash_keeps_its_layout(tiny, train):
    cfg = tiny('bn_resnet18_digits')
    cfg.default_hooks.channels_last = dict(type='ChannelsLastHook')
    weight = train(cfg).model.backbone.conv1.weight
    assert weight.isfinite().all() and not is_channels_last(weight)
