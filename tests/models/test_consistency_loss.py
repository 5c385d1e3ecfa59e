"""Distances against plain Python, weights against the ramps' formulas."""

import math

import pytest
import torch
from mmpretrain.registry import MODELS
from scipy.spatial.distance import cosine, jensenshannon
from scipy.special import expit, rel_entr, softmax

from mmct.models import CTConsistencyLoss, consistency, gate_weights, register_distance

STUDENT = [[1.0, -2.0, 0.5, 0.0], [0.3, 0.0, -1.0, 2.0], [3.0, 3.0, -3.0, 0.1]]
TEACHER = [[0.5, 1.0, -0.5, 0.2], [0.3, 0.1, -1.0, 1.0], [-1.0, 2.0, 4.0, 0.0]]


def kl(p, q):
    return rel_entr(p, q).sum()


def js(p, q):
    # scipy gives the distance, the square root of the divergence.
    return jensenshannon(p, q) ** 2


@pytest.mark.parametrize('temperature', [1.0, 4.0])
@pytest.mark.parametrize(('distance', 'divergence'), [('kl', kl), ('js', js)])
@pytest.mark.parametrize('multi_label', [False, True])
def test_divergences(distance, divergence, temperature, multi_label):
    total = 0.0
    for s, t in zip(STUDENT, TEACHER, strict=True):
        s, t = ([value / temperature for value in row] for row in (s, t))
        if multi_label:
            for one, other in zip(s, t, strict=True):
                q, p = ([expit(z), 1 - expit(z)] for z in (one, other))
                total += divergence(p, q)
        else:
            total += divergence(softmax(t), softmax(s))
    value = consistency(
        torch.tensor(STUDENT), torch.tensor(TEACHER), distance, temperature, multi_label
    )
    assert float(value) == pytest.approx(temperature**2 * total / 3, rel=1e-5)


@pytest.mark.parametrize('shape', [(3, 4), (3, 2, 2), (3, 1, 2, 2)])
def test_mse_and_cosine_over_all_dimensions_but_the_first(shape):
    s, t = torch.tensor(STUDENT), torch.tensor(TEACHER)
    pairs = list(zip(STUDENT, TEACHER, strict=True))
    mse = sum((a - b) ** 2 for x, y in pairs for a, b in zip(x, y, strict=True)) / 12
    angle = sum(cosine(x, y) for x, y in pairs) / 3
    s, t = s.reshape(shape), t.reshape(shape)
    assert float(consistency(s, t, 'mse')) == pytest.approx(mse)
    assert float(consistency(s, t, 'cosine')) == pytest.approx(angle)


@pytest.mark.parametrize('distance', ['kl', 'js', 'mse', 'cosine'])
def test_normalize_and_sign(distance):
    s, t = torch.tensor(STUDENT), torch.tensor(TEACHER)
    units = [[[v / math.hypot(*row) for v in row] for row in rows] for rows in (s, t)]
    expected = consistency(*map(torch.tensor, units), distance)
    value = consistency(5 * s, t, distance, normalize=True)
    torch.testing.assert_close(value, expected)
    assert value > 0.01
    assert consistency(s, s, distance).abs() < 1e-6


@pytest.mark.parametrize('distance', ['kl', 'js', 'mse', 'cosine'])
def test_precision_and_gradients(distance):
    s = torch.tensor(STUDENT, dtype=torch.float16, requires_grad=True)
    t = torch.tensor(TEACHER, dtype=torch.float16, requires_grad=True)
    value = consistency(s, t.detach(), distance)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, consistency(s.float(), t.float(), distance))
    value.backward()
    assert s.grad.dtype == torch.float16
    assert s.grad.abs().sum() > 0
    fine = consistency(s.double(), t.double(), distance)
    assert fine.dtype == torch.float64
    # Logits so far apart that a probability underflows.
    far = torch.tensor([[300.0, -300.0]], dtype=torch.float16)
    assert consistency(far, -far, distance).isfinite()


def test_what_cannot_be_compared():
    with pytest.raises(ValueError, match=r'the same shape, but got \(2, 3\) and \(2, 1\)'):
        consistency(torch.rand(2, 3), torch.rand(2, 1))
    with pytest.raises(ValueError, match="one of .*, but got 'l1'"):
        consistency(torch.rand(2, 3), torch.rand(2, 3), 'l1')


@pytest.mark.parametrize(
    ('ramp', 'length', 'weights'),
    [
        (None, 1.0, [3, 3, 3, 3, 3]),
        ('linear', 1.0, [0, 0.75, 1.2, 1.5, 3]),
        ('linear', 0.4, [0, 1.875, 3, 3, 3]),
        ('cosine', 1.0, [0, 1.5 * (1 - 0.5**0.5), 1.036475, 1.5, 3]),
        ('cosine', 0.5, [0, 1.5, 2.713525, 3, 3]),
    ],
)
def test_weight_at(ramp, length, weights):
    loss = CTConsistencyLoss(loss_weight=3.0, ramp=ramp, ramp_length=length)
    points = [0, 0.25, 0.4, 0.5, 1]
    assert [loss.weight_at(point) for point in points] == pytest.approx(weights)


def test_the_module_applies_its_settings():
    settings = dict(distance='js', temperature=2.0, normalize=True)
    loss = MODELS.build(dict(type='CTConsistencyLoss', loss_weight=4.0, ramp='linear', **settings))
    s, t = torch.tensor(STUDENT), torch.tensor(TEACHER)
    for multi_label in (False, True):
        expected = consistency(s, t, multi_label=multi_label, **settings)
        value = loss(s, t, progress=0.25, multi_label=multi_label)
        torch.testing.assert_close(value, expected)
        torch.testing.assert_close(loss(s, t, multi_label=multi_label), 4 * expected)
    assert not loss.state_dict()
    assert not list(loss.parameters())


def test_defaults_are_kl_on_logits_with_weight_one():
    loss = CTConsistencyLoss()
    assert loss.stage == 'logits'
    s, t = torch.tensor(STUDENT), torch.tensor(TEACHER)
    torch.testing.assert_close(loss(s, t), consistency(s, t, 'kl', temperature=1.0))


@pytest.mark.parametrize(
    'setting',
    [
        dict(distance='l1'),
        dict(stage='neck'),
        dict(stage=True),
        dict(stage=1.0),
        dict(loss_weight=-0.1),
        dict(loss_weight=math.inf),
        dict(loss_weight=math.nan),
        dict(temperature=0.0),
        dict(temperature=-1.0),
        dict(temperature=math.nan),
        dict(ramp='step'),
        dict(ramp_length=0.0),
        dict(ramp_length=1.5),
    ],
    ids=str,
)
def test_settings_out_of_range(setting):
    ((name, value),) = setting.items()
    with pytest.raises(ValueError, match=rf'^CTConsistencyLoss: {name} .* {value!r}$'):
        CTConsistencyLoss(**setting)


@pytest.mark.parametrize('distance', ['kl', 'js', 'mse', 'cosine'])
def test_weights_of_samples_keep_their_number(distance):
    s, t = torch.tensor(STUDENT), torch.tensor(TEACHER)
    single = [consistency(s[[n]], t[[n]], distance) for n in range(3)]
    weight = torch.tensor([1.0, 0.0, 0.25])
    value = consistency(s, t, distance, sample_weight=weight)
    torch.testing.assert_close(value, (single[0] + 0.25 * single[2]) / 3)


def test_confidence_is_the_probability_of_the_top_class():
    found = gate_weights(torch.tensor(TEACHER), [], 'confident')
    expected = [max(softmax(row)) for row in TEACHER]
    assert found.tolist() == pytest.approx(expected)


def largest(student, teacher):
    return (student - teacher).abs().amax(1)


def test_a_distance_of_ones_own(monkeypatch):
    monkeypatch.setattr('mmct.models.consistency_loss._OWN', {})
    with pytest.raises(ValueError, match="must be one of .*'cosine'.*got 'largest'"):
        CTConsistencyLoss(distance='largest')
    register_distance('largest', largest)
    register_distance('largest', largest)  # its module may be imported again
    loss = CTConsistencyLoss(distance='largest', loss_weight=2.0)
    student, teacher = torch.tensor(STUDENT, requires_grad=True), torch.tensor(TEACHER)
    # By hand: 3.0, 1.0 and 7.0.
    value = loss(student.reshape(3, 2, 2), teacher.reshape(3, 2, 2))
    assert value.item() == pytest.approx(2 * 11 / 3)
    value.backward()
    assert student.grad.count_nonzero() == 3


@pytest.mark.parametrize(
    ('name', 'function', 'message'),
    [
        ('kl', largest, "there is a distance 'kl' already"),
        ('largest', torch.dist, "there is a distance 'largest' already"),
        ('a b', largest, "must be a word, got 'a b'"),
        ('new', 1.0, 'distance new: it must be a function, got float'),
    ],
)
def test_a_distance_that_cannot_be_registered_says_why(name, function, message, monkeypatch):
    monkeypatch.setattr('mmct.models.consistency_loss._OWN', dict(largest=largest))
    with pytest.raises(ValueError, match=message):
        register_distance(name, function)


@pytest.mark.parametrize('wrong', [lambda s, t: (s - t).mean(), lambda s, t: s - t, lambda s, t: 1])
def test_a_distance_must_give_a_value_for_each_sample(wrong, monkeypatch):
    monkeypatch.setattr('mmct.models.consistency_loss._OWN', dict(wrong=wrong))
    with pytest.raises(ValueError, match=r"'wrong' must return a tensor of shape \(3,\), got"):
        consistency(torch.tensor(STUDENT), torch.tensor(TEACHER), 'wrong')
