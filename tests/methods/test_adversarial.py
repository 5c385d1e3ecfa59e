"""The attack, on losses whose worst image is known; adversarial batches, on real digits."""

import pytest
import torch
from mmengine.runner import Runner

from mmct.methods import AdversarialTrainingHook, pgd
from mmct.runs import CTError


def images(level=100.0):
    return torch.full((2, 3, 4, 4), level)


def test_a_linear_loss_is_worst_at_the_corner_of_the_ball():
    slope = torch.where(torch.arange(96).view(2, 3, 4, 4) % 3 == 0, -2.0, 1.0)
    found = pgd(lambda x: (slope * x).sum(), images(), epsilon=8, step=2, num_steps=8)
    assert torch.equal(found, images() + 8 * slope.sign())


def test_pixels_stay_levels_of_an_image():
    low = pgd(lambda x: -x.sum(), images(3.0), epsilon=8, step=8, num_steps=2)
    high = pgd(lambda x: x.sum(), images(250.0), epsilon=8, step=8, num_steps=2)
    assert torch.equal(low, images(0.0)) and torch.equal(high, images(255.0))


def test_it_starts_at_random_within_the_ball():
    torch.manual_seed(0)
    one, other = (pgd(lambda x: 0 * x.sum(), images(), epsilon=4, step=1) for _ in range(2))
    assert not torch.equal(one, other)
    assert (one - 100).abs().max() <= 4 and (one - 100).abs().max() > 3


def test_the_steps_are_of_the_given_length():
    torch.manual_seed(0)
    start = pgd(lambda x: 0 * x.sum(), images(), num_steps=1)
    torch.manual_seed(0)
    after = pgd(lambda x: x.sum(), images(), step=0.5, num_steps=1)
    expected = (start + 0.5).clamp(max=108.0)
    torch.testing.assert_close(after, expected)


def test_uint8_images_become_float_and_the_network_gets_no_gradient():
    network = torch.nn.Linear(3, 2)
    batch = torch.full((1, 3), 9, dtype=torch.uint8)
    found = pgd(lambda x: network(x).square().sum(), batch)
    assert found.dtype == torch.float32 and not found.requires_grad
    assert network.weight.grad is None


@pytest.mark.parametrize('enabled', [True, False])
def test_it_works_where_gradients_are_switched_off(enabled):
    with torch.set_grad_enabled(enabled):
        assert torch.equal(pgd(lambda x: x.sum(), images(), step=8), images(108.0))


@pytest.mark.parametrize(
    'scaled', [lambda x: x / 255, lambda x: (x - 120.0) / 60, lambda x: x - 120.0]
)
def test_pixels_that_the_pipeline_has_scaled_are_refused(tiny, scaled):
    runner = Runner.from_cfg(tiny('bn_resnet18_digits'))
    batch = next(iter(runner.train_dataloader))
    batch['inputs'] = [scaled(image) for image in batch['inputs']]
    with pytest.raises(CTError, match='scales or normalises pixels: leave that to the data_prep'):
        AdversarialTrainingHook().before_train_iter(runner, 0, batch)


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


@pytest.mark.parametrize('name', ['epsilon', 'step'])
def test_wrong_settings_are_refused(name):
    with pytest.raises(ValueError, match=f'AdversarialTrainingHook: {name} must be positive.*0'):
        AdversarialTrainingHook(**{name: 0})


@pytest.mark.parametrize('steps', [0, 1.5, True])
def test_a_number_of_steps_that_is_none_is_refused(steps):
    with pytest.raises(ValueError, match=f'num_steps must be an integer of 1 or more.*{steps}'):
        AdversarialTrainingHook(num_steps=steps)
