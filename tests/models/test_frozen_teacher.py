"""What the loss gets from a teacher, against the teacher itself."""

import copy
import pickle

import pytest
import torch
from mmengine.logging import MMLogger
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmct.models import FrozenTeacher, calibrate, frozen_teacher, pick_dtype

RESNET = dict(type='ResNet_CIFAR', depth=18, stem_channels=8, base_channels=8)
LINEAR = dict(type='LinearClsHead', num_classes=3, in_channels=64)
MODEL = dict(backbone=RESNET, neck=dict(type='GlobalAveragePooling'), head=LINEAR)
LEVIT = dict(
    backbone=dict(type='LeViT', arch='128s', img_size=64),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LeViTClsHead', num_classes=3, in_channels=384, distillation=False),
)
CONFORMER = dict(
    backbone=dict(
        type='Conformer',
        arch=dict(embed_dims=16, depths=3, num_heads=2, channel_ratio=1),
        base_channels=8,
    ),
    head=dict(type='ConformerHead', num_classes=3, in_channels=[32, 16]),
)
PLAIN = dict(dtype='float32', channels_last=False)


def images(size=16, batch=6):
    return torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(1))


def frozen(model=MODEL, size=16):
    teacher = MODELS.build(dict(type='NormFreeClassifier', **copy.deepcopy(model)))
    return calibrate(teacher, images(size)).requires_grad_(False).eval()


def student(teacher=None, **speed):
    torch.manual_seed(0)
    made = MODELS.build(dict(type='CTClassifier', **copy.deepcopy(MODEL)))
    made.attach_teacher(teacher or frozen(), **speed)
    return made.train()


def labels():
    return [DataSample().set_gt_label(i % 3) for i in range(6)]


def gradients(model):
    losses = model.loss(images(), labels())
    (losses['loss'] + losses['loss_consistency']).backward()
    assert losses['loss_consistency'] > 1e-4
    return torch.cat([p.grad.flatten() for p in model.parameters()])


@pytest.mark.parametrize(
    ('speed', 'tolerance'),
    [
        (dict(dtype='float32'), 1e-4),
        (dict(dtype='float32', compile=dict(backend='eager')), 1e-4),
        (dict(dtype='bfloat16'), 2e-2),
        (dict(dtype='bfloat16', compile=dict(backend='eager')), 2e-2),
    ],
)
def test_the_student_gets_the_gradients_that_it_got(speed, tolerance):
    teacher = frozen()
    expected = gradients(student(copy.deepcopy(teacher), **PLAIN))
    actual = gradients(student(teacher, **speed))
    assert (actual - expected).norm() < tolerance * expected.norm()


def test_the_backbone_alone_is_in_bfloat16():
    teacher, seen = frozen(), {}
    for name in ('backbone.conv1', 'neck', 'head.fc'):
        teacher.get_submodule(name).register_forward_hook(
            lambda module, args, output, name=name: seen.update({name: output[0].dtype})
        )
    out = FrozenTeacher(teacher, 'bfloat16')(images())
    assert seen.pop('backbone.conv1') == torch.bfloat16
    assert seen == {'neck': torch.float32, 'head.fc': torch.float32}
    assert {x.dtype for x in (*out.stages, out.pre_logits, out.logits)} == {torch.float32}


@pytest.mark.parametrize('model', [MODEL, LEVIT, CONFORMER], ids=['resnet', 'levit', 'conformer'])
@pytest.mark.parametrize(('dtype', 'tolerance'), [('float32', 1e-5), ('bfloat16', 5e-2)])
def test_outputs_are_the_teachers(model, dtype, tolerance):
    size = 16 if model is MODEL else 64
    teacher = frozen(model, size)
    expected = teacher(images(size))
    actual = FrozenTeacher(teacher, dtype)(images(size)).logits
    scale = max(x.abs().max() for x in expected)
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance * scale)


def test_a_backbone_may_return_none_in_eval_mode():
    class Backbone(nn.Module):
        """As InceptionV3, without its auxiliary scores."""

        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 64, 3)

        def forward(self, x):
            return None, self.conv(x).mean((2, 3))

    teacher = frozen()
    teacher.backbone, teacher.neck = Backbone(), None
    outputs = FrozenTeacher(teacher, 'bfloat16')(images())
    assert outputs.stages[0] is None
    assert outputs.logits.dtype == torch.float32


def test_the_teacher_keeps_its_values():
    teacher = frozen()
    before = copy.deepcopy(teacher.state_dict())
    made = student(teacher)
    made.loss(images(), labels())
    assert made.teacher is teacher
    torch.testing.assert_close(teacher.state_dict(), before, rtol=0, atol=0)
    assert teacher.backbone.conv1.weight.is_contiguous(memory_format=torch.channels_last)


def test_a_hook_of_the_teacher_sees_each_pass_once():
    teacher, seen = frozen(), []
    teacher.head.register_forward_hook(lambda *args: seen.append('head'))
    made = student(teacher)
    made.loss(images(), labels())
    assert seen == ['head']
    made.loss(images(), labels())
    assert seen == ['head', 'head']


def test_without_gradients_and_for_a_backward_pass():
    teacher = frozen().requires_grad_(True)
    logits = FrozenTeacher(teacher)(images()).logits
    assert not logits.requires_grad
    assert not logits.is_inference()


class NoWaiting(TorchDispatchMode):
    """Refuses to read a value from the device, as ``item()`` does."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert 'local_scalar_dense' not in str(func)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_no_step_waits_for_the_device(dtype):
    made = student(dtype=dtype)
    with NoWaiting():
        losses = made.loss(images(), labels())
        (losses['loss'] + losses['loss_consistency']).backward()
        with pytest.raises(AssertionError, match='local_scalar_dense'):
            losses['agreement'].item()


def test_a_student_in_double_precision_has_such_a_teacher():
    made = student(dtype='bfloat16')
    made.loss(images(), labels())
    made.to(torch.float64)
    losses = made.loss(images().double(), labels())
    assert losses['loss_consistency'].dtype == torch.float64
    expected = student(made.teacher.float(), **PLAIN).loss(images(), labels())
    torch.testing.assert_close(
        losses['loss_consistency'].float(), expected['loss_consistency'], rtol=1e-3, atol=1e-6
    )


class Flattening(nn.Module):
    """Cannot be channels_last: a view across channels and pixels."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 3)

    def forward(self, x):
        x = self.conv(x)
        return (x.view(x.shape[0], -1)[:, :64, None, None],)


class Volumes(nn.Module):
    """Has weights that cannot be channels_last."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(3, 64, 1)

    def forward(self, x):
        return (self.conv(x[:, :, None]).squeeze(2),)


class Single(nn.Module):
    """Cannot be in bfloat16: an operator that has no such kernel."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 3)

    def forward(self, x):
        x = self.conv(x)
        if x.dtype == torch.bfloat16:
            raise RuntimeError('not implemented for BFloat16')
        return (x,)


@pytest.mark.parametrize('backbone', [Flattening, Volumes, Single])
def test_a_network_that_cannot_runs_plainly(backbone, caplog, monkeypatch):
    monkeypatch.setattr(MMLogger.get_current_instance(), 'handlers', [caplog.handler])
    teacher = frozen()
    teacher.backbone = backbone()
    expected = copy.deepcopy(teacher)(images())
    running = FrozenTeacher(teacher, 'bfloat16')
    for _ in range(2):
        assert torch.equal(running(images()).logits, expected)
    assert teacher.backbone.conv.weight.is_contiguous()
    assert caplog.text.count('the faster mode failed') == 1


def test_other_errors_are_raised():
    running = FrozenTeacher(frozen())
    with pytest.raises(RuntimeError, match='channels'):
        running(torch.rand(6, 4, 16, 16))
    running(images())
    with pytest.raises(RuntimeError, match='channels'):
        running(torch.rand(6, 4, 16, 16))


@pytest.mark.parametrize('error', [
    torch.OutOfMemoryError('CUDA out of memory'),
    RuntimeError('CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`'),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    RuntimeError('MPS backend out of memory'),
])  # fmt: skip
def test_lack_of_memory_is_no_reason_to_take_more_of_it(error):
    teacher, calls = frozen(), []

    def fail(inputs):
        calls.append(inputs.dtype)
        raise error

    teacher.backbone.forward = fail
    with pytest.raises(RuntimeError, match=str(error)[:12]):
        FrozenTeacher(teacher, 'bfloat16')(images())
    assert len(calls) == 1


def test_copies_are_empty_and_settings_checked():
    running = FrozenTeacher(frozen())
    running(images())
    assert copy.deepcopy(running) is None
    assert pickle.loads(pickle.dumps(running)) is None
    with pytest.raises(ValueError, match="compile must be True, .* but got 'yes'"):
        FrozenTeacher(frozen(), compile='yes')
    with pytest.raises(ValueError, match="dtype must be one of .* but got 'float16'"):
        FrozenTeacher(frozen(), dtype='float16')


def test_what_auto_is(monkeypatch):
    cpu, cuda, other = map(torch.device, ('cpu', 'cuda', 'meta'))
    state = torch.get_rng_state()
    assert pick_dtype('auto', cpu) == pick_dtype('auto', cpu) in ('float32', 'bfloat16')
    assert torch.equal(torch.get_rng_state(), state)
    for has_it, expected in ((True, 'bfloat16'), (False, 'float32')):
        monkeypatch.setattr('torch.cuda.is_bf16_supported', lambda **emulation: has_it)  # noqa: B023
        assert pick_dtype('auto', cuda) == expected
        assert pick_dtype('float32', cuda) == 'float32'
    assert pick_dtype('auto', other) == 'float32'
    assert pick_dtype('bfloat16', cpu) == 'bfloat16'


def test_the_dtype_is_measured_on_one_thread(monkeypatch):
    threads, seen = torch.get_num_threads(), []
    other = threads + 1

    def repeat(*args, **settings):
        seen.append(torch.get_num_threads())
        return [1.0]

    monkeypatch.setattr(frozen_teacher.timeit, 'repeat', repeat)
    torch.set_num_threads(other)
    try:
        assert frozen_teacher._bfloat16_ratio.__wrapped__() == 1
        assert (seen, torch.get_num_threads()) == ([1, 1], other)
    finally:
        torch.set_num_threads(threads)
