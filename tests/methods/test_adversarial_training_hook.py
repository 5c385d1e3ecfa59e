"""Adversarial batches, on real digits."""

import pytest
import torch
from mmengine.runner import Runner

from mmct.methods import AdversarialTrainingHook


def test_the_batch_becomes_worse_for_the_network_within_the_ball(tiny):
    runner = Runner.from_cfg(tiny('bn_resnet18_digits'))
    batch = next(iter(runner.train_dataloader))
    clean = torch.stack(batch['inputs'])
    model = runner.model.train()
    frozen = model.backbone.bn1.eval() if hasattr(model.backbone, 'bn1') else model.backbone.norm1
    frozen.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    # With what the network then learns from.
    labels = torch.cat([sample.gt_label for sample in batch['data_samples']])

    def loss(images):
        model.eval()
        logits = model(model.data_preprocessor(dict(inputs=images))['inputs'], mode='tensor')
        return float(torch.nn.functional.cross_entropy(logits, labels))

    AdversarialTrainingHook(epsilon=8).before_train_iter(runner, 0, batch)
    assert model.training and not frozen.training
    assert {n: v.tolist() for n, v in model.state_dict().items()} == {
        n: v.tolist() for n, v in before.items()
    }
    assert all(p.grad is None for p in model.parameters())
    found = batch['inputs']
    moved = (found - clean.float()).abs()
    assert moved.max() <= 8 and found.min() >= 0 and found.max() <= 255
    assert loss(found) > loss(clean)


def test_collated_batches_are_attacked_too(tiny):
    runner = Runner.from_cfg(tiny('bn_resnet18_digits'))
    batch = next(iter(runner.train_dataloader))
    images = batch['inputs'] = torch.stack(batch['inputs'])
    AdversarialTrainingHook(num_steps=1).before_train_iter(runner, 0, batch)
    assert batch['inputs'].shape == images.shape
    assert not torch.equal(batch['inputs'], images.float())


@pytest.mark.parametrize('name', ['epsilon', 'step', 'num_steps'])
def test_wrong_settings_are_refused(name):
    with pytest.raises(ValueError, match=f'AdversarialTrainingHook: {name} must be positive.*0'):
        AdversarialTrainingHook(**{name: 0})
