"""A student that starts as its teacher."""

import copy

import pytest
import torch
from mmpretrain.registry import MODELS
from torch import nn

from mmct.models import (
    NoNorm,
    calibrate,
    check_is_copy,
    fold_weights,
    remove_batch_norm,
    standardise_weights,
    start_from_teacher,
)

NETWORKS = {
    'ResNet': dict(type='ResNet_CIFAR', depth=18, stem_channels=4, base_channels=4),
    'WRN': dict(type='WideResNet', depth=10, widen_factor=1, base_channels=4),
    'AllConvNet': dict(type='AllConvNet', base_channels=4, drop_rate=0.0),
}


def images(seed):
    return torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def pair(name):
    torch.manual_seed(0)
    student = MODELS.build(NETWORKS[name])
    student.init_weights()
    teacher = remove_batch_norm(copy.deepcopy(student))
    teacher = calibrate(teacher, images(0), 'channel')
    for parameter in teacher.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return student, teacher


@pytest.mark.parametrize('name', NETWORKS)
def test_the_student_computes_what_the_teacher_does(name):
    student, teacher = pair(name)
    start_from_teacher(student, teacher, images(1))
    teacher.eval()
    student.eval()
    for x in (images(1), images(2)):
        torch.testing.assert_close(student(x), teacher(x), rtol=1e-3, atol=1e-4)
    # In training mode, with the statistics of the batch, on these images.
    student.train()
    torch.testing.assert_close(student(images(1)), teacher(images(1)), rtol=1e-3, atol=1e-4)


def test_a_teacher_with_bn_is_taken_as_it_is():
    student, _ = pair('WRN')
    teacher = copy.deepcopy(student)
    teacher(images(1))
    with torch.no_grad():
        next(teacher.parameters()).add_(1)
    start_from_teacher(student, teacher, images(2))
    torch.testing.assert_close(student.state_dict(), teacher.state_dict(), rtol=0, atol=0)


def test_the_teacher_and_its_modes_are_kept():
    student, teacher = pair('WRN')
    before = copy.deepcopy(teacher.state_dict())
    teacher.train()
    norm = next(m for m in teacher.modules() if isinstance(m, NoNorm)).eval()
    start_from_teacher(student, teacher, images(1))
    assert teacher.training and not norm.training
    torch.testing.assert_close(teacher.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize('lacks', ['weight', 'bias'])
def test_a_batch_norm_that_cannot_take_it_is_named(lacks):
    student = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, affine=lacks == 'bias'))
    student[1].bias = None  # newer ones have a bias=False
    teacher = remove_batch_norm(copy.deepcopy(student))
    before = copy.deepcopy(student.state_dict())
    with pytest.raises(ValueError, match=r"1 is a BatchNorm with affine=False or.*'scratch'"):
        start_from_teacher(student, teacher, images(1))
    torch.testing.assert_close(student.state_dict(), before)


def test_a_layer_that_is_none_of_torchs_is_named():
    class Other(nn.Module):
        """As mmcv's SyncBatchNorm, which is no subclass of torch's."""

    student = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    teacher = remove_batch_norm(copy.deepcopy(student))
    student[1] = Other()
    with pytest.raises(ValueError, match="1 is a Other, which is not .* use sync_bn='torch'"):
        start_from_teacher(student, teacher, images(1))


@pytest.mark.parametrize('with_bn', [False, True])
@pytest.mark.parametrize('name', NETWORKS)
def test_a_student_with_standardised_weights_starts_as_its_teacher(name, with_bn):
    student, _ = pair(name)
    teacher = copy.deepcopy(student) if with_bn else remove_batch_norm(copy.deepcopy(student))
    standardise_weights(teacher)
    if not with_bn:
        calibrate(teacher, images(0), 'layer')
    for parameter in teacher.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    teacher.train()
    teacher(images(0))
    fold_weights(teacher)
    standardise_weights(student)
    check_is_copy(teacher, student, with_bn)
    start_from_teacher(student, teacher, images(1))
    teacher.eval()
    student.eval()
    torch.testing.assert_close(student(images(2)), teacher(images(2)), rtol=1e-3, atol=1e-4)
    # It goes on standardising: a filter whose mean moves computes the same.
    first = next(m for m in student.modules() if isinstance(m, nn.Conv2d))
    before = first.weight.detach().clone()
    first._parameters['weight'].data += 1
    torch.testing.assert_close(first.weight, before, rtol=1e-3, atol=1e-4)
