"""DANN and CDANN against DomainBed's formula, with two optimizers."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from domain_classifiers import classifier, samples
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper

DOMAINS = [0, 1, 3] * 4
LABELS = torch.arange(12) % 3
ADAM = dict(lr=1e-2, betas=(0.5, 0.9), weight_decay=1e-3)


def make(**settings):
    model = classifier('AdversarialDomainClassifier', **(dict(num_domains=4, width=8) | settings))
    return model.train()


class Reference:
    """A network and a discriminator, each with an optimizer of its own."""

    def __init__(self, model, weight, penalty, conditional):
        self.model = copy.deepcopy(model)
        self.weight, self.penalty, self.conditional = weight, penalty, conditional
        own = list(self.model.discriminator.parameters())
        others = [p for n, p in self.model.named_parameters() if 'discriminator' not in n]
        self.discriminator = torch.optim.Adam(own, **ADAM)
        self.network = torch.optim.Adam(others, **ADAM)

    def step(self, images, misleads):
        features = self.model.extract_feat(images)[-1]
        seen = features
        if self.conditional:
            seen = features + self.model.discriminator['classes'](LABELS)
        guessed = self.model.discriminator['layers'](seen)
        domains = torch.tensor(DOMAINS)
        each = F.cross_entropy(guessed, domains, reduction='none')
        loss = each.mean()
        if self.conditional:
            # Each class has the same weight: the mean of the classes' means.
            loss = torch.stack([each[LABELS == n].mean() for n in range(3)]).mean()
        (gradient,) = torch.autograd.grad(each.sum(), seen, create_graph=True)
        loss = loss + self.penalty * (gradient**2).sum(1).mean(0)
        self.discriminator.zero_grad()
        self.network.zero_grad()
        if misleads:
            task = F.cross_entropy(self.model.head((features,)), LABELS)
            (task - self.weight * loss).backward()
            self.network.step()
        else:
            loss.backward()
            self.discriminator.step()


@pytest.mark.parametrize(
    ('conditional', 'steps', 'turns'),
    [(False, 1, [1, 0, 1, 0]), (True, 2.7, [0, 1, 0, 0, 1])],
)
def test_steps_are_those_of_two_optimizers(conditional, steps, turns):
    settings = dict(weight=0.7, penalty=0.3, conditional=conditional)
    model = make(discriminator_steps=steps, **settings)
    reference = Reference(model, **settings)
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), **ADAM))
    hub = MessageHub.get_current_instance()
    for step, misleads in enumerate(turns):
        hub.update_info('iter', step)
        images = torch.randn(12, 3, 8, 8)
        before = copy.deepcopy(model.state_dict())
        losses = model.loss(images, samples(DOMAINS))
        assert set(losses) == ({'loss', 'loss_domains'} if misleads else {'loss_discriminator'})
        wrapper.update_params(sum(losses.values()))
        reference.step(images, misleads)
        changed = {
            name for name, value in model.named_parameters() if not torch.equal(value, before[name])
        }
        # The side whose turn it is, and no other.
        assert {name.startswith('discriminator') for name in changed} == {not misleads}
        for name, value in reference.model.named_parameters():
            torch.testing.assert_close(model.get_parameter(name), value, rtol=1e-4, atol=1e-6)


def test_the_features_are_the_inputs_of_the_last_layer():
    head = dict(type='StackedLinearClsHead', mid_channels=[24], loss=dict(type='CrossEntropyLoss'))
    model = classifier(
        'AdversarialDomainClassifier', head, num_domains=4, width=8, conditional=True
    ).train()
    losses = model.loss(torch.randn(4, 3, 8, 8), samples([0, 1, 2, 3]))
    assert model.discriminator['layers'][0].in_features == 24
    assert sum(losses.values()).isfinite()


def test_what_it_cannot_do_is_refused():
    with pytest.raises(ValueError, match='discriminator_steps must be at least 1, but got 0'):
        make(discriminator_steps=0)
    for key in ('weight', 'penalty'):
        for value in (-1.0, math.inf, math.nan, '1'):
            with pytest.raises(ValueError, match=f'Classifier: {key} must be finite and 0 or more'):
                make(**{key: value})
    rules = dict(width='an integer of 1 or more', num_domains='an integer of 2 or more',
                 discriminator_steps='at least 1')  # fmt: skip
    for key, rule in rules.items():
        least = 2 if key == 'num_domains' else 1
        for value in (least - 1, math.nan, '3'):
            with pytest.raises(ValueError, match=f'Classifier: {key} must be {rule}, '):
                make(**{key: value})
    with pytest.raises(ValueError, match='num_domains=4 must be above the number .* got 4'):
        make().loss(torch.randn(2, 3, 8, 8), samples([0, 4]))
    with pytest.raises(ValueError, match='AdversarialDomainClassifier: images come without'):
        make().loss(torch.randn(2, 3, 8, 8), samples([0, None]))
