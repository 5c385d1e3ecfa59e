"""Objectives over domains, on cases with a known answer."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from domain_classifiers import classifier, samples
from mmengine.logging import MessageHub
from mmpretrain.registry import MODELS

from mmct.methods import (
    CORAL,
    IRM,
    MMD,
    DomainClassifier,
    GroupDRO,
    VREx,
    coral,
    irm_penalty,
    mmd,
)
from mmct.methods.domain_objectives import DomainOutputs, by_domain
from mmct.runs.errors import CTError

GENERATOR = torch.Generator().manual_seed(0)
ONE = torch.randn(5, 3, generator=GENERATOR)
OTHER = torch.randn(4, 3, generator=GENERATOR) * 2


def outputs(features=None, logits=None, labels=None, losses=None, domains=()):
    return DomainOutputs(features, logits, labels, losses, list(domains))


@pytest.mark.parametrize('domains', [[2, 0, 2, 0, 0], [0, 2, 0, 2, 0, 2], [5], [1, 1, 1]])
def test_rows_are_split_by_domain(domains):
    values = torch.arange(len(domains) * 2).view(-1, 2)
    groups = by_domain(values, domains)
    assert list(groups) == sorted(set(domains))
    for domain, rows in groups.items():
        expected = values[torch.tensor(domains) == domain]
        assert torch.equal(rows, expected)


def test_coral_is_the_difference_of_means_and_covariances():
    one, other = ONE.numpy().astype(float), OTHER.numpy().astype(float)
    means = np.mean((one.mean(0) - other.mean(0)) ** 2)
    covariances = np.mean((np.cov(one.T) - np.cov(other.T)) ** 2)
    assert float(coral(ONE, OTHER)) == pytest.approx(means + covariances, rel=1e-5)
    # A shift of 2 in each of the features.
    assert float(coral(ONE, ONE + 2)) == pytest.approx(4, rel=1e-5)


def test_covariances_are_precise_under_autocast():
    close = ONE + 1e-3 * OTHER.mean(0) * torch.arange(5)[:, None]
    exact = coral(ONE, close)
    with torch.autocast('cpu', torch.bfloat16):
        assert float(coral(ONE, close)) == pytest.approx(float(exact), rel=1e-5)


def test_mmd_is_the_sum_over_all_pairs():
    def mean_kernel(x, y):
        distances = [float((a - b).square().sum()) for a in x for b in y]
        return np.mean([sum(math.exp(-g * d) for g in (0.1, 3.0)) for d in distances])

    by_hand = mean_kernel(ONE, ONE) + mean_kernel(OTHER, OTHER) - 2 * mean_kernel(ONE, OTHER)
    assert float(mmd(ONE, OTHER, (0.1, 3.0))) == pytest.approx(by_hand, rel=1e-4)
    # Two points far apart: 1 + 1 - 0, for each kernel.
    far = torch.tensor([[0.0, 0.0]]), torch.tensor([[500.0, 0.0]])
    assert float(mmd(*far)) == pytest.approx(14, rel=1e-5)


def test_mmd_has_a_finite_gradient_where_points_are_the_same():
    features = ONE.clone().requires_grad_()
    mmd(features, torch.cat([ONE, ONE])).backward()
    assert features.grad.isfinite().all()


@pytest.mark.parametrize('objective', [CORAL, MMD])
def test_the_distance_is_the_mean_over_pairs_of_domains(objective):
    function = coral if objective is CORAL else mmd
    third = ONE + 1
    domains = [0] * 5 + [3] * 4 + [1] * 5
    features = torch.cat([ONE, OTHER, third])
    expected = function(ONE, OTHER) + function(ONE, third) + function(third, OTHER)
    value = objective(weight=0.5)(outputs(features, domains=domains))
    torch.testing.assert_close(value, 0.5 * expected / 3)
    assert float(objective()(outputs(torch.cat([ONE, ONE]), domains=[0] * 5 + [1] * 5))) == (
        pytest.approx(0, abs=1e-6)
    )
    # One domain alone has nothing to be compared with.
    alone = ONE.clone().requires_grad_()
    value = objective()(outputs(alone, domains=[0] * 5))
    value.backward()
    assert value.item() == 0


def test_irm_is_the_squared_gradient_by_a_factor_on_the_logits():
    logits, labels = OTHER, torch.tensor([0, 2, 1, 0])
    factor = torch.ones((), requires_grad=True)
    gradients = [
        torch.autograd.grad(F.cross_entropy(factor * logits[half::2], labels[half::2]), factor)[0]
        for half in (0, 1)
    ]
    torch.testing.assert_close(irm_penalty(logits, labels), gradients[0] * gradients[1])


def test_irms_weight_rises_after_annealing():
    logits, labels = torch.cat([ONE, OTHER]), torch.tensor([0, 1, 2, 0, 1, 0, 2, 1, 0])
    batch = outputs(logits=logits, labels=labels, domains=[0] * 5 + [1] * 4)
    expected = (irm_penalty(ONE, labels[:5]) + irm_penalty(OTHER, labels[5:])) / 2
    hub = MessageHub.get_current_instance()
    irm = IRM(weight=7.0, anneal_iters=10)
    for step, weight in ((9, 1), (10, 7)):
        hub.update_info('iter', step)
        torch.testing.assert_close(irm(batch), weight * expected)


def test_vrex_is_the_variance_of_the_risks():
    losses = torch.tensor([1.0, 3.0, 2.0, 4.0, 0.5, 0.5], requires_grad=True)
    batch = outputs(losses=losses, domains=[0, 2, 0, 2, 3, 3])
    hub = MessageHub.get_current_instance()
    vrex = VREx(weight=5.0, anneal_iters=10)
    for step, weight in ((9, 1), (10, 5)):
        hub.update_info('iter', step)
        # By hand: of 1.5, 3.5 and 0.5.
        assert vrex(batch).item() == pytest.approx(weight * np.var([1.5, 3.5, 0.5]), rel=1e-5)
    vrex(batch).backward()
    assert losses.grad.abs().sum() > 0


@pytest.mark.parametrize('objective', [CORAL, IRM])
def test_one_image_of_a_domain_is_refused_where_it_would_give_nan(objective):
    batch = outputs(ONE, ONE, torch.tensor([0, 1, 2, 0, 1]), ONE[:, 0], [0, 0, 0, 0, 7])
    message = f'^{objective.__name__} needs two images .*domain number 7: raise train_data.*Sampler'
    with pytest.raises(CTError, match=message):
        objective()(batch)
    for other in (MMD(), VREx(), GroupDRO(num_domains=8)):
        assert other(batch).isfinite()


def test_group_dro_follows_its_algorithm():
    losses = torch.tensor([1.0, 3.0, 2.0, 4.0, 0.5, 0.5])
    batch = outputs(losses=losses, domains=[0, 2, 0, 2, 3, 3])
    objective = GroupDRO(num_domains=4, eta=0.1)
    risks, weights = np.array([1.5, 3.5, 0.5]), np.ones(3)
    for _ in range(3):
        weights = weights * np.exp(0.1 * risks)
        weights /= weights.sum()
        value = objective(batch)
    assert float(value + losses.mean()) == pytest.approx((weights * risks).sum(), rel=1e-5)
    kept = objective.weights[[0, 2, 3]] / objective.weights[[0, 2, 3]].sum()
    assert kept.tolist() == pytest.approx(weights, rel=1e-5)
    # The risk of the worst, in the end.
    for _ in range(200):
        value = objective(batch)
    assert float(value + losses.mean()) == pytest.approx(3.5, rel=1e-3)
    # What a checkpoint holds, and what evaluation leaves alone.
    resumed = GroupDRO(num_domains=4, eta=0.1).eval()
    resumed.load_state_dict(objective.state_dict())
    torch.testing.assert_close(resumed(batch), objective.eval()(batch))
    assert torch.equal(resumed.weights, objective.weights)


def test_group_dro_of_two_processes_is_that_of_one(monkeypatch):
    losses = torch.tensor([1.0, 3.0, 2.0, 4.0, 0.5, 0.7, 0.2, 2.0])
    domains = [0, 2, 0, 2, 3, 3, 0, 2]
    factor = torch.ones((), requires_grad=True)
    whole = GroupDRO(num_domains=5, eta=0.1)
    alone = whole(outputs(losses=factor * losses, domains=domains)) + (factor * losses).mean()
    (expected,) = torch.autograd.grad(alone, factor)
    # Neither has all domains; the sums of the other are added to those of each.
    ranks, found = (slice(0, 4), slice(4, 8)), []
    for own, other in (ranks, ranks[::-1]):
        totals = torch.zeros(2, 5)
        for loss, domain in zip(losses[other].tolist(), domains[other], strict=True):
            totals += torch.tensor([[loss], [1.0]]) * (torch.arange(5) == domain)
        name = 'mmct.methods.domain_objectives'
        monkeypatch.setattr(f'{name}.all_reduce', lambda value, more=totals: value.add_(more))
        monkeypatch.setattr(f'{name}.get_world_size', lambda: 2)
        objective = GroupDRO(num_domains=5, eta=0.1)
        value = objective(outputs(losses=factor * losses[own], domains=domains[own]))
        found += torch.autograd.grad(value + (factor * losses[own]).mean(), factor)
        torch.testing.assert_close(objective.weights, whole.weights)
    torch.testing.assert_close(sum(found) / 2, expected)


@pytest.mark.parametrize('apart', [True, False])
def test_live_batch_norm_sees_each_domain_alone_or_all_of_them(apart):
    settings = dict(objective=dict(type='MMD'), domains_apart=apart)
    model = classifier('DomainClassifier', **settings).train()
    seen = []
    model.backbone.norm1.register_forward_hook(lambda _, args, __: seen.append(len(args[0])))
    images, domains = torch.randn(9, 3, 8, 8), [0, 1, 3, 1, 0, 0, 3, 1, 0]
    passed = []
    forward = model.head.forward
    model.head.forward = lambda feats: passed.append(feats[-1]) or forward(feats)
    model.loss(images, samples(domains))
    assert seen == ([4, 3, 2] if apart else [9])
    expected = torch.zeros(9, 32)
    groups = sorted(set(domains)) if apart else [None]
    for group in groups:
        own = torch.tensor([group in (None, domain) for domain in domains])
        expected[own] = model.extract_feat(images[own])[-1]
    torch.testing.assert_close(passed[0], expected)


@pytest.mark.parametrize(
    ('objective', 'apart'),
    # Which domains DomainBed passes alone.
    [
        (dict(type='CORAL'), True),
        (dict(type='MMD'), True),
        (dict(type='IRM'), False),
        (dict(type='VREx'), False),
        (dict(type='GroupDRO', num_domains=4), True),
    ],
)
def test_the_classifier_adds_the_objective_to_its_task(objective, apart):
    model = classifier('DomainClassifier', objective=objective).train()
    assert model.domains_apart is apart
    images = torch.randn(12, 3, 8, 8)
    losses = model.loss(images, samples([0, 1, 3] * 4))
    assert set(losses) == {'loss', 'loss_domains'}
    with torch.no_grad():
        parts = [images[n::3] for n in range(3)] if apart else [images]
        features = torch.stack([model.extract_feat(part)[-1] for part in parts], 1).flatten(0, 1)
        logits = model.head((features,))
    labels = torch.arange(12) % 3
    own = F.cross_entropy(logits, labels, reduction='none')
    torch.testing.assert_close(losses['loss'], own.mean(), rtol=1e-3, atol=1e-4)
    batch = outputs(features, logits, labels, own, [0, 1, 3] * 4)
    again = MODELS.build(objective)(batch)
    torch.testing.assert_close(losses['loss_domains'], again, rtol=1e-3, atol=1e-4)
    sum(losses.values()).backward()
    assert model.backbone.conv1.weight.grad.abs().sum() > 0


def test_images_without_a_domain_and_other_losses_are_refused():
    with pytest.raises(ValueError, match="without their domain: use a MultiDomain .*meta_keys"):
        model = classifier('DomainClassifier', objective=dict(type='CORAL'))
        model.loss(torch.randn(2, 3, 8, 8), samples([0, None]))
    with pytest.raises(ValueError, match='whose loss is a CrossEntropyLoss, but got LinearClsHead'):
        smooth = dict(loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1))
        classifier('DomainClassifier', smooth, objective=dict(type='CORAL'))
    for setting in ('use_soft', 'use_sigmoid'):
        with pytest.raises(ValueError, match=f'one class per image, .*{setting}=True: leave'):
            several = dict(loss={'type': 'CrossEntropyLoss', setting: True})
            classifier('DomainClassifier', several, objective=dict(type='CORAL'))


def test_it_predicts_as_the_stock_classifier():
    model = classifier('DomainClassifier', objective=dict(type='MMD')).eval()
    assert isinstance(model, DomainClassifier)
    stock = classifier('ImageClassifier').eval()
    stock.load_state_dict(model.state_dict())
    images = torch.randn(2, 3, 8, 8)
    assert torch.equal(stock(images), model(images))


@pytest.mark.parametrize(('function', 'one', 'other', 'message'), [
    (coral, torch.ones(1, 3), torch.ones(4, 3), 'at least 2 rows, but got .1, 3. and .4, 3.'),
    (coral, torch.ones(4, 3), torch.ones(4, 1), 'features must be .n, D. and .m, D.'),
    (mmd, torch.ones(0, 3), torch.ones(4, 3), 'at least 1 rows'),
    (mmd, torch.ones(4, 3, 2), torch.ones(4, 3, 2), 'features must be'),
    (irm_penalty, torch.ones(1, 3), torch.zeros(1).long(), 'with n > 1, but got .1, 3. and .1,.'),
    (irm_penalty, torch.ones(4, 3), torch.zeros(2).long(), r'logits must be .* and \(2,\)'),
    (irm_penalty, torch.ones(4, 3), torch.zeros(4), 'labels must be int64, but got torch.float32'),
])  # fmt: skip
def test_what_would_give_nan_or_broadcast_is_refused(function, one, other, message):
    with pytest.raises(ValueError, match=message):
        function(one, other)


def test_wrong_settings_are_refused():
    for kind in (CORAL, MMD, IRM, VREx):
        for weight in (-1, math.nan, math.inf, '1', None):
            message = f'^{kind.__name__}: weight must be finite and 0 or more, but got {weight!r}$'
            with pytest.raises(ValueError, match=message):
                kind(weight=weight)
        assert kind(weight=0).weight == 0
    for kind in (IRM, VREx):
        with pytest.raises(ValueError, match=f'^{kind.__name__}: anneal_iters must be .* got -1'):
            kind(anneal_iters=-1)
    for eta in (-1, 0, math.nan, '1'):
        with pytest.raises(ValueError, match='GroupDRO: eta must be above 0'):
            GroupDRO(4, eta=eta)
    for number in (0, 2.0, '4'):
        with pytest.raises(ValueError, match='GroupDRO: num_domains must be 1 or more'):
            GroupDRO(number)


def test_a_domain_that_group_dro_was_not_told_of_is_named():
    batch = outputs(losses=torch.ones(4), domains=[0, 0, 3, 3])
    with pytest.raises(ValueError, match='GroupDRO: num_domains=3 must be above .* but got 3'):
        GroupDRO(3)(batch)
