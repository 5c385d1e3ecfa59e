"""Mixtures of two domains' images."""

import math

import pytest
import torch
import torch.nn.functional as F
from domain_classifiers import classifier, samples

from mmct.methods.domain_classifiers import pairs

DOMAINS = [0, 2, 3] * 4


@pytest.mark.parametrize('domains', [DOMAINS, [0, 0, 0, 1, 1, 5]])
def test_each_image_is_mixed_with_one_of_the_next_domain(domains):
    seen = set()
    for _ in range(30):
        rows, shares = pairs(domains, 0.2)
        following = {}
        for row, (other, share) in enumerate(zip(rows, shares, strict=True)):
            following.setdefault(domains[row], set()).add((domains[other], share))
            assert 0 <= share <= 1
        # One domain and one share for all images of a domain.
        assert all(len(values) == 1 for values in following.values())
        after = {domain: values.pop()[0] for domain, values in following.items()}
        assert all(domain != other for domain, other in after.items())
        assert set(after.values()) == set(domains)
        seen.add(tuple(sorted(after.items())))
    # Three domains have two circles.
    assert len(seen) == 2
    assert pairs([1, 1, 1], 0.2)[0] == [0, 1, 2]  # nothing to be mixed with


@pytest.mark.parametrize(('alpha', 'variance'), [(0.2, 1 / 5.6), (4.0, 1 / 36)])
def test_shares_are_from_the_beta_distribution(alpha, variance):
    shares = torch.tensor([share for _ in range(3000) for share in pairs([0, 1], alpha)[1]])
    # Mean 1/2, variance 1 / (4 (2 alpha + 1)): of 6,000 draws within four standard errors.
    assert float(shares.mean()) == pytest.approx(0.5, abs=4 * math.sqrt(variance / 6000))
    assert float(shares.var()) == pytest.approx(variance, rel=0.1)


def test_the_loss_is_that_of_mixed_images_and_classes():
    model = classifier('InterdomainMixup', alpha=0.7).train()
    images, labels = torch.randn(12, 3, 8, 8), torch.arange(12) % 3
    torch.manual_seed(5)
    losses = model.loss(images, samples(DOMAINS))
    assert set(losses) == {'loss'}
    torch.manual_seed(5)
    rows, shares = pairs(DOMAINS, 0.7)
    mixed = [share * images[row] + (1 - share) * images[other]
             for row, (other, share) in enumerate(zip(rows, shares, strict=True))]  # fmt: skip
    targets = [share * F.one_hot(labels[row], 3) + (1 - share) * F.one_hot(labels[other], 3)
               for row, (other, share) in enumerate(zip(rows, shares, strict=True))]  # fmt: skip
    with torch.no_grad():
        # The images of each domain alone.
        parts = [torch.stack(mixed[n::3]) for n in range(3)]
        features = torch.stack([model.extract_feat(part)[-1] for part in parts], 1).flatten(0, 1)
        logits = model.head((features,))
    expected = -(torch.stack(targets) * logits.log_softmax(-1)).sum(-1).mean()
    torch.testing.assert_close(losses['loss'].detach(), expected, rtol=1e-3, atol=1e-4)
    losses['loss'].backward()
    assert model.backbone.conv1.weight.grad.abs().sum() > 0


def test_what_it_cannot_do_is_refused():
    with pytest.raises(ValueError, match='InterdomainMixup: alpha must be above 0, but got 0'):
        classifier('InterdomainMixup', alpha=0)
    with pytest.raises(ValueError, match='InterdomainMixup: images come without their domain'):
        classifier('InterdomainMixup').loss(torch.randn(2, 3, 8, 8), samples([0, None]))
    smooth = dict(loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1))
    with pytest.raises(ValueError, match='InterdomainMixup needs a head whose loss is a CrossEnt'):
        classifier('InterdomainMixup', smooth)
