"""Training channels last, on real digits."""

import pytest
import torch


def is_channels_last(weight):
    return weight.is_contiguous(memory_format=torch.channels_last)


# With four channels torch 2.14 writes beyond its memory in the backward pass of a CPU
# that has AVX2 alone.
WIDER = {
    'model.backbone.stem_channels': 8,
    'model.backbone.base_channels': 8,
    'model.head.in_channels': 64,
}


@pytest.mark.parametrize('name', ['bn_resnet18_digits', 'ct_resnet18_digits'])
def test_the_layout_changes_and_the_training_does_not(tiny, train, tmp_path, name):
    found = []
    for layout in (None, dict(type='ChannelsLastHook')):
        cfg = tiny(name, options=WIDER)
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
