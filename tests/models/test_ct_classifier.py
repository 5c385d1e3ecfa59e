"""The student against a stock classifier with its weights, and its teacher."""

import copy
import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.analysis import get_model_complexity_info
from mmengine.model import ExponentialMovingAverage
from mmengine.optim import OptimWrapper
from mmpretrain.models import heads
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import nn

from mmct.models import calibrate, class_scores, remove_batch_norm

RESNET = dict(type='ResNet_CIFAR', depth=18, stem_channels=8, base_channels=8)
CONFORMER = dict(
    type='Conformer',
    arch=dict(embed_dims=16, depths=3, num_heads=2, channel_ratio=1),
    base_channels=8,
)
LEVIT = dict(type='LeViT', arch='128s', img_size=64)
GAP = dict(type='GlobalAveragePooling')
LINEAR = dict(type='LinearClsHead', num_classes=3, in_channels=64)
MODEL = dict(backbone=RESNET, neck=GAP, head=LINEAR)
MODELS_BY_HEAD = {
    'linear': MODEL,
    'stacked': MODEL
    | dict(
        head=dict(
            type='StackedLinearClsHead',
            num_classes=3,
            in_channels=64,
            mid_channels=[16],
            dropout_rate=0.5,
            norm_cfg=dict(type='BN1d'),
        )
    ),
    'multi-label': MODEL | dict(head=LINEAR | dict(type='MultiLabelLinearClsHead')),
    'csra': dict(backbone=RESNET, head=LINEAR | dict(type='CSRAClsHead', num_heads=2, lam=0.1)),
    'arcface': MODEL | dict(head=LINEAR | dict(type='ArcFaceClsHead', scale=8.0)),
    'conformer': dict(
        backbone=CONFORMER, head=dict(type='ConformerHead', num_classes=3, in_channels=[32, 16])
    ),
    'levit': dict(
        backbone=LEVIT,
        neck=GAP,
        head=dict(type='LeViTClsHead', num_classes=3, in_channels=384, distillation=False),
    ),
}


def build(kind, model=MODEL, **settings):
    return MODELS.build(dict(type=kind, **copy.deepcopy(model), **settings))


def pair(model=MODEL, size=16, **settings):
    """A student in training mode and the teacher that it got."""
    student = build('CTClassifier', model, **settings)
    teacher = calibrate(build('NormFreeClassifier', model), images(size))
    # Not 'auto', which is bfloat16 on some processors, where numbers differ in the third digit.
    student.attach_teacher(teacher, dtype='float32')
    return student.train(), teacher


def stock_of(student, model=MODEL):
    stock = build('ImageClassifier', model)
    stock.load_state_dict(student.state_dict(), strict=True)
    return stock.train()


def images(size=16):
    return torch.rand(6, 3, size, size, generator=torch.Generator().manual_seed(1))


def labels(multi_label=False):
    return [DataSample().set_gt_label([i % 3, 2] if multi_label else i % 3) for i in range(6)]


def kl(student, teacher):
    p = teacher.softmax(-1)
    return (p * (p.log() - student.softmax(-1).log())).sum(-1).mean()


def bernoulli_kl(student, teacher):
    p, q = teacher.sigmoid(), student.sigmoid()
    return (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).sum(-1).mean()


@pytest.mark.parametrize('name', MODELS_BY_HEAD)
def test_losses_of_each_head(name):
    model = MODELS_BY_HEAD[name]
    multi_label = name in ('multi-label', 'csra')
    x = images(64 if name == 'levit' else 16)
    student, teacher = pair(model, x.shape[-1])
    stock = stock_of(student, model)
    # A second copy for the logits: a margin head's loss does not show them.
    plain = copy.deepcopy(stock)
    torch.manual_seed(1)
    losses = student.loss(x, labels(multi_label))
    torch.manual_seed(1)
    expected = stock.loss(x, labels(multi_label))
    torch.manual_seed(1)
    mine, theirs = (out if isinstance(out, tuple) else (out,) for out in (plain(x), teacher(x)))
    assert set(losses) == {*expected, 'loss_consistency', 'agreement'}
    # Equal only if dropout was drawn once; the statistics, if BN ran once.
    torch.testing.assert_close(losses['loss'], expected['loss'])
    torch.testing.assert_close(student.state_dict(), stock.state_dict())
    if name == 'stacked':
        assert student.head.layers[0].norm.num_batches_tracked == 1
    distance = bernoulli_kl if multi_label else kl
    terms = [distance(s, t) for s, t in zip(mine, theirs, strict=True)]
    assert losses['loss_consistency'] > 1e-4
    torch.testing.assert_close(
        losses['loss_consistency'], sum(terms) / len(terms), rtol=1e-4, atol=1e-6
    )
    mine, theirs = sum(mine), sum(theirs)
    decisions = [out > 0 if multi_label else out.max(1)[1] for out in (mine, theirs)]
    same = (decisions[0] == decisions[1]).float().mean()
    torch.testing.assert_close(losses['agreement'], same)


def test_only_task_and_consistency_loss_are_added():
    student, _ = pair(consistency=dict(loss_weight=2.0, ramp='linear'))
    losses = student.loss(images(), labels())
    total, log = student.parse_losses(losses)
    torch.testing.assert_close(total, losses['loss'] + losses['loss_consistency'])
    assert set(log) == {'loss', 'loss_consistency', 'agreement'}
    student.progress = 0.25
    quarter = student.loss(images(), labels())
    torch.testing.assert_close(4 * quarter['loss_consistency'], losses['loss_consistency'])
    torch.testing.assert_close(quarter['loss'], losses['loss'])


@pytest.mark.parametrize('augment', ['Mixup', 'CutMix'])
def test_soft_labels_and_the_augmented_batch_for_both(augment):
    smooth = dict(type='LabelSmoothLoss', label_smooth_val=0.1, num_classes=3)
    student, teacher = pair(
        MODEL | dict(head=LINEAR | dict(loss=smooth)),
        data_preprocessor=dict(num_classes=3, mean=[0.5] * 3, std=[0.25] * 3),
        train_cfg=dict(augments=dict(type=augment, alpha=1.0)),
    )
    seen = []
    for model in (student, teacher):
        model.backbone.register_forward_pre_hook(lambda _, x: seen.append(x[0].clone()))
    np.random.seed(0)
    torch.manual_seed(0)
    data = student.data_preprocessor(dict(inputs=images(), data_samples=labels()), training=True)
    logits = build('ImageClassifier')
    logits.load_state_dict(student.state_dict())
    logits = logits.train()(data['inputs'])
    losses = student.loss(**data)
    assert torch.equal(seen[0], seen[1])
    assert torch.equal(seen[0], data['inputs'])
    assert not torch.allclose(seen[0], (images() - 0.5) / 0.25)
    soft = torch.stack([sample.gt_score for sample in data['data_samples']])
    assert 0.01 < soft.max(1)[0].min() < 0.99
    expected = F.cross_entropy(logits, 0.9 * soft + 0.1 / 3)
    torch.testing.assert_close(losses['loss'], expected)
    torch.testing.assert_close(losses['loss_consistency'], kl(logits, teacher(seen[0])))


@pytest.mark.parametrize('returned', [(1, 3), (3, 1)])
@pytest.mark.parametrize('stage', [1, 3, -1, 'pre_logits', 'logits'])
def test_what_is_compared(stage, returned):
    model = MODEL | dict(backbone=RESNET | dict(out_indices=returned))
    student, teacher = pair(model, consistency=dict(distance='mse', stage=stage))
    outputs = []
    for net in (stock_of(student, model), teacher):
        if stage == 'logits':
            outputs.append(net(images()))
        elif stage == 'pre_logits':
            outputs.append(net.extract_feat(images(), stage))
        else:
            outputs.append(net.backbone(images())[0 if stage == 1 else 1])
    losses = student.loss(images(), labels())
    torch.testing.assert_close(losses['loss_consistency'], F.mse_loss(*outputs))


@pytest.mark.parametrize(
    ('backbone', 'consistency', 'message'),
    [
        (RESNET, dict(stage=2), r'stage 2; its out_indices are \[3\]'),
        (RESNET, dict(stage=-2), 'add the stage to backbone.out_indices'),
        (dict(type='InceptionV3', num_classes=3), dict(stage=0), 'V3 does not say .* stage=-1'),
        (RESNET, dict(stage='neck'), 'stage must be'),
        (RESNET, dict(loss_weight=-1.0), 'loss_weight must be finite and >= 0'),
        (RESNET, dict(temperature=0.0), 'temperature must be finite and > 0'),
        (dict(type='VisionTransformer', arch='deit-t', img_size=32), {}, 'LayerNorm'),
    ],
)
def test_settings_that_do_not_fit_are_refused_when_built(backbone, consistency, message):
    with pytest.raises(ValueError, match=message):
        build('CTClassifier', MODEL | dict(backbone=backbone), consistency=consistency)


@pytest.mark.parametrize(
    ('head', 'message'),
    [
        (None, 'class logits .* but got NoneType'),
        (dict(type='MultiTaskHead', task_heads=dict(a=LINEAR)), 'got MultiTaskHead'),
        ('RegressionHead', 'class logits .* but got RegressionHead'),
        (LINEAR | dict(type='LeViTClsHead'), 'LeViTClsHead with distillation=True'),
        (LINEAR | dict(type='EfficientFormerClsHead'), 'set head.distillation=False'),
    ],
)
def test_heads_that_do_not_fit_are_refused_when_built(head, message):
    if head == 'RegressionHead':
        # Only one of the two stacks has it.
        stub = type('RegressionHead', (heads.ClsHead,), {})
        head = getattr(heads, 'RegressionHead', stub)(loss=nn.L1Loss())
    with pytest.raises(ValueError, match=message):
        build('CTClassifier', MODEL | dict(head=head))


def test_nothing_that_walks_the_student_finds_the_teacher():
    student, teacher = pair()
    stock = stock_of(student)
    assert list(student.state_dict()) == list(stock.state_dict())
    names = [name for name, _ in stock.named_parameters()]
    assert [name for name, _ in student.named_parameters()] == names
    assert not set(teacher.modules()) & set(student.modules())
    children = [name for name, _ in stock.named_children()]
    assert [name for name, _ in student.named_children()] == [*children, 'consistency']
    counts = [get_model_complexity_info(m, (3, 16, 16)) for m in (student, stock)]
    assert counts[0]['params'] == counts[1]['params'] > 0
    assert counts[0]['flops'] == counts[1]['flops'] > 0
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(student)
    assert converted.teacher is teacher
    assert list(converted.state_dict()) == list(stock.state_dict())


@pytest.mark.parametrize(
    'copied',
    [
        copy.deepcopy,
        lambda student: ExponentialMovingAverage(student).module,
        lambda student: pickle.loads(pickle.dumps(student)),
    ],
    ids=['deepcopy', 'ema', 'pickle'],
)
def test_copies_leave_the_teacher_out(copied):
    student, teacher = pair()
    other = copied(student)
    torch.testing.assert_close(other.state_dict(), student.state_dict())
    assert other.teacher is None
    other.half()
    assert student.teacher is teacher
    assert {p.dtype for p in teacher.parameters()} == {torch.float32}


def test_the_teacher_follows():
    student, teacher = pair()
    student.to(memory_format=torch.channels_last)
    weight = teacher.backbone.conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    student.to(torch.float64)
    losses = student.loss(images().double(), labels())
    assert losses['loss_consistency'].dtype == torch.float64
    student.to('meta')
    assert {p.device.type for p in teacher.parameters()} == {'meta'}
    assert teacher.data_preprocessor.device == torch.device('meta')
    # To where the student already is, when it is attached.
    later = build('CTClassifier').to(torch.float64)
    later.attach_teacher(build('NormFreeClassifier'))
    assert {p.dtype for p in later.teacher.parameters()} == {torch.float64}


def test_what_a_network_keeps_in_eval_mode_follows_too():
    # LeViT keeps attention biases that .to() does not know.
    student, teacher = pair(MODELS_BY_HEAD['levit'], 64)
    student.to(torch.bfloat16)
    kept = [module.ab.dtype for module in teacher.modules() if hasattr(module, 'ab')]
    assert set(kept) == {torch.bfloat16}
    assert student.loss(images(64).bfloat16(), labels())['loss_consistency'].isfinite()


def test_autocast_holds_for_both():
    student, teacher = pair()
    expected = student.loss(images(), labels())
    seen = []
    for model in (student, teacher):
        model.head.fc.register_forward_hook(lambda *args: seen.append(args[2].dtype))
    with torch.autocast('cpu', torch.bfloat16):
        losses = student.loss(images(), labels())
    assert seen == [torch.bfloat16] * 2
    assert losses['loss_consistency'].dtype == torch.float32
    torch.testing.assert_close(
        losses['loss_consistency'], expected['loss_consistency'], rtol=0.1, atol=1e-2
    )
    sum(value for key, value in losses.items() if 'loss' in key).backward()


def test_frozen_in_three_places():
    student, teacher = pair()
    student.train().requires_grad_(True)
    assert not any(module.training for module in teacher.modules())
    assert not any(p.requires_grad for p in teacher.parameters())
    # Under no_grad: not even with parameters that want gradients.
    teacher.requires_grad_(True)
    seen = []
    teacher.head.register_forward_hook(lambda *args: seen.append(args[2]))
    student.loss(images(), labels())['loss_consistency'].backward()
    assert not seen[0].requires_grad
    assert all(p.grad is None for p in teacher.parameters())
    assert student.backbone.conv1.weight.grad.abs().sum() > 0


def test_prediction_never_calls_the_teacher():
    student, teacher = pair()

    def refuse(*args):
        raise AssertionError('the teacher was called')

    teacher.backbone.register_forward_pre_hook(refuse)
    with pytest.raises(AssertionError, match='the teacher was called'):
        student.loss(images(), labels())
    stock = stock_of(student).eval()
    student.eval()
    torch.testing.assert_close(student(images()), stock(images()))
    data = dict(inputs=images(), data_samples=labels())
    for mine, theirs in zip(student.test_step(data), stock.test_step(data), strict=True):
        torch.testing.assert_close(mine.pred_score, theirs.pred_score)


def trained(model):
    torch.manual_seed(3)
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    for _ in range(3):
        model.train_step(dict(inputs=images(), data_samples=labels()), optimizer)
    return dict(model.named_parameters())


def test_ct_moves_the_student():
    student, teacher = pair()
    stock = stock_of(student)
    without = build('CTClassifier', consistency=dict(loss_weight=0.0))
    without.load_state_dict(student.state_dict())
    without.attach_teacher(teacher)
    before = copy.deepcopy(teacher.state_dict())
    with_ct, without_ct, plain = map(trained, (student, without.train(), stock))
    torch.testing.assert_close(without_ct, plain)
    moved = [name for name in plain if not torch.allclose(with_ct[name], plain[name])]
    assert 'backbone.conv1.weight' in moved
    torch.testing.assert_close(teacher.state_dict(), before)


def unbatched(teacher):
    """BatchNorm without running statistics is BatchNorm all the same."""
    teacher.backbone.bn1 = nn.BatchNorm2d(8, track_running_stats=False)
    return teacher


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: build('ImageClassifier'), 'not BN-free: backbone.bn1'),
        (lambda: unbatched(build('NormFreeClassifier')), 'not BN-free: backbone.bn1'),
        (
            lambda: build('NormFreeClassifier', MODEL | dict(head=LINEAR | dict(num_classes=4))),
            '2 parameters differ .* head.fc.bias',
        ),
        (
            lambda: build('NormFreeClassifier', MODEL | dict(head=dict(type='ClsHead'))),
            '2 parameters differ .* head.fc.bias',
        ),
        (
            lambda: build('NormFreeClassifier', MODEL | dict(backbone=RESNET | dict(depth=34))),
            "not the student's",
        ),
    ],
)
def test_a_teacher_that_does_not_fit(make, message):
    student = build('CTClassifier')
    with pytest.raises(ValueError, match=message):
        student.attach_teacher(make())
    assert student.teacher is None
    with pytest.raises(RuntimeError, match="add dict.type='NoBNTeacherHook'"):
        student.loss(images(), labels())


def test_a_teacher_with_what_folding_added():
    norm_cfg = dict(type='BN', affine=False)
    model = MODEL | dict(backbone=RESNET | dict(norm_cfg=norm_cfg))
    student = build('CTClassifier', model)
    teacher = remove_batch_norm(build('ImageClassifier', model), 'fold')
    student.attach_teacher(teacher)
    names = {name for name, _ in student.named_parameters()}
    assert 'backbone.bn1.weight' not in names
    assert {name for name, _ in teacher.named_parameters()} > names


def test_a_head_that_somebody_patched_stays_patched():
    student, _ = pair()
    original, calls = student.head.forward, []

    def patched(feats):
        calls.append(1)
        return original(feats)

    student.head.forward = patched
    student.loss(images(), labels())
    assert student.head.forward is patched
    assert len(calls) == 1
    assert 'pre_logits' not in vars(student.head)


def test_score_sums_the_branches():
    one, other = torch.rand(2, 3), torch.rand(2, 3)
    torch.testing.assert_close(class_scores((one, other)), one + other)
    torch.testing.assert_close(class_scores(one), one)


def test_several_terms_are_added():
    settings = [dict(loss_weight=0.5), dict(distance='cosine', stage=-1)]
    found = {}
    for name, consistency in (('both', settings), *zip('ab', settings, strict=True)):
        torch.manual_seed(0)
        student, _ = pair(consistency=consistency)
        found[name] = student.loss(images(), labels())['loss_consistency']
    torch.testing.assert_close(found['both'], found['a'] + found['b'])


def test_no_term_at_all_is_the_default_one():
    torch.manual_seed(0)
    one, _ = pair(consistency=[])
    torch.manual_seed(0)
    other, _ = pair()
    torch.testing.assert_close(one.loss(images(), labels()), other.loss(images(), labels()))


def test_a_gate_trusts_the_teacher_where_it_is_right():
    student, teacher = pair(consistency=dict(gate='correct'))
    teacher_says, mine = (net(images()).softmax(-1) for net in (teacher, stock_of(student)))
    right = teacher_says.argmax(-1) == torch.tensor([i % 3 for i in range(6)])
    assert right.any() and not right.all()
    divergences = (teacher_says * (teacher_says / mine).log()).sum(-1)
    expected = (divergences * right).sum() / 6
    found = student.loss(images(), labels())
    torch.testing.assert_close(found['loss_consistency'], expected, rtol=1e-4, atol=1e-6)
    # Mixed labels: the larger share counts.
    mixed = [DataSample().set_gt_score(0.4 * torch.eye(3)[1] + 0.6 * torch.eye(3)[i % 3])
             for i in range(6)]  # fmt: skip
    again = student.loss(images(), mixed)
    torch.testing.assert_close(again['loss_consistency'], expected, rtol=1e-4, atol=1e-6)


def test_a_gate_needs_one_class_an_image():
    with pytest.raises(ValueError, match='gate needs one class per image.*MultiLabelClsHead'):
        build('CTClassifier', MODELS_BY_HEAD['multi-label'], consistency=dict(gate='correct'))


def test_a_teacher_with_bn_is_taken_only_where_it_is_asked_for():
    student, teacher = build('CTClassifier'), build('ImageClassifier')
    with pytest.raises(ValueError, match='not BN-free'):
        student.attach_teacher(teacher)
    student.attach_teacher(teacher, with_bn=True)
    before = copy.deepcopy(teacher.state_dict())
    student.train().loss(images(), labels())
    torch.testing.assert_close(teacher.state_dict(), before, rtol=0, atol=0)
