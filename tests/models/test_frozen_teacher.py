"""What runs in a teacher's place, against the teacher itself."""

import copy
import pickle
import shutil

import pytest
import torch
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import nn
from torch._dynamo.backends.common import aot_autograd
from torch.utils._python_dispatch import TorchDispatchMode

from mmct.models import FrozenTeacher, NoNorm, calibrate

RESNET = dict(type='ResNet_CIFAR', depth=18, stem_channels=8, base_channels=8)
LINEAR = dict(type='LinearClsHead', num_classes=3, in_channels=64)
MODEL = dict(backbone=RESNET, neck=dict(type='GlobalAveragePooling'), head=LINEAR)
STAGES = MODEL | dict(backbone=RESNET | dict(out_indices=(0, 1, 3)))
LEVIT = dict(
    backbone=dict(type='LeViT', arch='128s', img_size=64),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LeViTClsHead', num_classes=3, in_channels=384, distillation=False),
)


def images(size=16, batch=6):
    return torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(1))


def frozen(model=MODEL, size=16):
    teacher = MODELS.build(dict(type='NormFreeClassifier', **copy.deepcopy(model)))
    return calibrate(teacher, images(size)).requires_grad_(False).eval()


def student(model=MODEL, teacher=None, consistency=None, **speed):
    torch.manual_seed(0)
    made = MODELS.build(
        dict(type='CTClassifier', consistency=consistency, **copy.deepcopy(model))
    )
    made.attach_teacher(teacher or frozen(model), **speed)
    return made.train()


def labels():
    return [DataSample().set_gt_label(i % 3) for i in range(6)]


def gradients(model):
    losses = model.loss(images(), labels())
    (losses['loss'] + losses['loss_consistency']).backward()
    assert losses['loss_consistency'] > 1e-4
    return {name: p.grad for name, p in model.named_parameters()}


SPEEDS = {
    'folded': dict(channels_last=False),
    'channels_last': dict(fold=False),
    'both': dict(),
    'compiled': dict(compile=True),
    'options': dict(compile=dict(backend='eager')),
}


@pytest.mark.parametrize('name', SPEEDS)
def test_the_student_gets_the_gradients_that_it_got(name):
    if name == 'compiled' and not shutil.which('g++'):
        pytest.skip('torch.compile needs g++')
    teacher = frozen()
    expected = gradients(student(teacher=teacher, fold=False, channels_last=False))
    actual = gradients(student(teacher=teacher, **SPEEDS[name]))
    torch.testing.assert_close(actual, expected, rtol=1e-3, atol=1e-5)


def test_the_teacher_itself_stays_as_it_is():
    teacher = frozen()
    before = copy.deepcopy(teacher.state_dict())
    made = student(teacher=teacher)
    made.loss(images(), labels())
    assert made.teacher is teacher
    assert list(before) == list(teacher.state_dict())
    assert all(torch.equal(value, before[key]) for key, value in teacher.state_dict().items())
    assert teacher.backbone.conv1.weight.is_contiguous()
    running = made._teacher._copy
    assert isinstance(running.backbone.bn1, nn.Identity)
    assert running.backbone.conv1.weight.is_contiguous(memory_format=torch.channels_last)
    assert not any(p.requires_grad for p in running.parameters())


def test_a_hook_of_the_teacher_sees_each_pass_once():
    teacher, seen = frozen(), []
    early = teacher.head.register_forward_hook(lambda *args: seen.append('head'))
    made = student(teacher=teacher)
    made.loss(images(), labels())
    assert seen == ['head']
    teacher.backbone.register_forward_pre_hook(lambda *args: seen.append('backbone'))
    teacher.neck.register_forward_hook(
        lambda module, args, kwargs, output: seen.append('neck'), with_kwargs=True
    )
    early.remove()
    made.loss(images(), labels())
    assert seen == ['head', 'backbone', 'neck']


def test_without_gradients_and_for_a_backward_pass():
    teacher = frozen().requires_grad_(True)
    logits = FrozenTeacher(teacher)(images()).logits
    assert not logits.requires_grad
    assert not logits.is_inference()
    torch.testing.assert_close(logits, teacher(images()).detach(), rtol=0, atol=1e-5)


class Calls:
    """Which blocks of the teacher's stages run."""

    def __init__(self, teacher):
        self.names = []
        for name in ('conv1', 'layer1', 'layer2', 'layer3', 'layer4'):
            getattr(teacher.backbone, name).register_forward_pre_hook(self.add(name))
        for name in ('neck', 'head'):
            getattr(teacher, name).register_forward_pre_hook(self.add(name))

    def add(self, name):
        return lambda *args: self.names.append(name)


ALL = ['conv1', 'layer1', 'layer2', 'layer3', 'layer4', 'neck', 'head']


@pytest.mark.parametrize(
    ('stage', 'needed'),
    [(0, ALL[:2]), (1, ALL[:3]), (3, ALL), (-1, ALL), ('pre_logits', ALL), ('logits', ALL)],
)
def test_nothing_runs_after_what_the_loss_reads(stage, needed):
    teacher = frozen(STAGES)
    settings = dict(distance='mse', stage=stage)
    expected = student(STAGES, teacher, settings, fold=False).loss(images(), labels())
    made = student(STAGES, teacher, settings)
    made.loss(images(), labels())
    calls = Calls(teacher)
    losses = made.loss(images(), labels())
    assert calls.names == needed
    assert ('agreement' in losses) == (needed == ALL) == ('agreement' in expected)
    torch.testing.assert_close(losses['loss_consistency'], expected['loss_consistency'])
    # The values of the stage, not only that something was compared.
    if isinstance(stage, int):
        mine = FrozenTeacher(teacher, made._last_needed)(images()).stages
        position = {0: 0, 1: 1, 3: 2, -1: 2}[stage]
        theirs = teacher.backbone(images())[position]
        torch.testing.assert_close(mine[position], theirs, rtol=0, atol=1e-4)


def test_the_compiler_drops_what_the_loss_does_not_read():
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    teacher, backend = frozen(STAGES), aot_autograd(fw_compiler=backend)
    out = FrozenTeacher(teacher, position=0, compile=dict(backend=backend))(images())
    assert out.logits is None
    torch.testing.assert_close(
        out.stages[0], teacher.backbone(images())[0], rtol=0, atol=1e-4
    )
    convolutions = [n for n in graphs[0].graph.nodes if 'convolution' in str(n.target)]
    # The stem's and those of the first stage's two blocks.
    assert len(graphs) == 1
    assert len(convolutions) == 5


def test_a_stage_that_is_changed_later_is_not_taken_early():
    class Backbone(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 64, 1)

        def forward(self, x):
            x = self.first(x)
            return x.mul_(2), self.second(x)

    teacher = frozen()
    teacher.backbone = Backbone()
    out = FrozenTeacher(teacher, position=0)(images())
    torch.testing.assert_close(out.stages[0], teacher.backbone.first(images()) * 2)


def test_a_stage_from_a_layer_that_is_called_twice_is_not_taken_early():
    class Backbone(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.last = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 64, 1)

        def forward(self, x):
            x = self.conv(self.conv(x))
            return x, self.last(x)

    teacher = frozen()
    teacher.backbone = Backbone()
    out = FrozenTeacher(teacher, position=0)(images())
    torch.testing.assert_close(out.stages[0], teacher.backbone(images())[0])


class NoWaiting(TorchDispatchMode):
    """Refuses to read a value from the device, as ``item()`` does."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert 'local_scalar_dense' not in str(func)
        return func(*args, **(kwargs or {}))


def test_no_step_but_the_first_waits_for_the_device():
    made = student()
    made.loss(images(), labels())
    with NoWaiting():
        losses = made.loss(images(), labels())
        (losses['loss'] + losses['loss_consistency']).backward()
        with pytest.raises(AssertionError, match='local_scalar_dense'):
            losses['agreement'].item()


def test_it_follows_the_student_after_the_first_step():
    made = student()
    made.loss(images(), labels())
    made.to(torch.float64)
    losses = made.loss(images().double(), labels())
    assert losses['loss_consistency'].dtype == torch.float64
    assert {p.dtype for p in made._teacher._copy.parameters()} == {torch.float64}


def test_a_network_that_cannot_be_channels_last_stays_as_it_is():
    class Backbone(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 64, 3)

        def forward(self, x):
            x = self.conv(x)
            return (x.view(x.shape[0], -1)[:, :64, None, None],)

    teacher = frozen()
    teacher.backbone = Backbone()
    running = FrozenTeacher(teacher)
    torch.testing.assert_close(running(images()).logits, teacher(images()))
    assert running._memory_format is torch.preserve_format


def test_a_network_that_cannot_be_tried_runs_as_it_is():
    class Backbone(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 64, 3), NoNorm(64)

        def forward(self, x):
            return (self.norm(self.conv(x.float())),)

    teacher = frozen()
    teacher.backbone = Backbone()
    running = FrozenTeacher(teacher)
    assert torch.equal(running(images()).logits, teacher(images()))
    assert isinstance(running._copy.backbone.norm, NoNorm)


def test_a_network_that_keeps_tensors_in_eval_mode():
    teacher = frozen(LEVIT, 64)
    running = FrozenTeacher(teacher)
    logits = running(images(64)).logits
    torch.testing.assert_close(logits, teacher(images(64)), rtol=0, atol=1e-5)
    # The trial did not fail: the convolutions before its blocks are folded.
    norms = [sum(isinstance(m, NoNorm) for m in net.modules()) for net in (running._copy, teacher)]
    assert norms[0] < norms[1]


def test_under_autocast_the_folds_are_found_as_well():
    made = student()
    with torch.autocast('cpu', torch.bfloat16):
        losses = made.loss(images(), labels())
    assert isinstance(made._teacher._copy.backbone.bn1, nn.Identity)
    assert losses['loss_consistency'].isfinite()


def test_copies_are_empty_and_settings_checked():
    running = FrozenTeacher(frozen())
    running(images())
    for other in (copy.deepcopy(running), pickle.loads(pickle.dumps(running))):
        assert other.module is None
    with pytest.raises(ValueError, match="compile must be True, .* but got 'yes'"):
        FrozenTeacher(compile='yes')
