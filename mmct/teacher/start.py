"""Give networks their initial weights, using training images."""

import torch
from mmengine.dist import broadcast, get_world_size
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier
from torch import Tensor, nn

from mmct.models import CTClassifier, start_from_teacher
from mmct.runs.configs import scale_learning_rate
from mmct.runs.isolation import isolated
from mmct.runs.weights import are_folded

_MOST = 256  # images, which a GPU passes at once without gradients


@torch.no_grad()
def training_inputs(runner: Runner, model: ImageClassifier, num_batches: int) -> Tensor:
    """Draw training images at random, and preprocess them.

    Args:
        runner (Runner): The runner that holds the data.
        model (ImageClassifier): The model whose ``data_preprocessor`` is used.
        num_batches (int): Number of training steps; for each the function draws as many images
            as all processes together use in it, of several processes at most 256 or a batch.

    Returns:
        Tensor: Images of shape ``(N, C, H, W)``, on the model's device.
    """
    loader = runner.train_dataloader
    batch_size = getattr(loader.batch_sampler, 'batch_size', None) or 1
    # Each process reads and passes all of them, so many processes do not make it ever more.
    step = min(batch_size * get_world_size(), max(batch_size, _MOST))
    size = num_batches * step
    # A separate generator draws the same images whatever was drawn before.
    order = torch.randperm(
        len(loader.dataset), generator=torch.Generator().manual_seed(0)
    )
    batch = loader.collate_fn([loader.dataset[i] for i in order[:size].tolist()])
    return model.data_preprocessor(batch, False)['inputs']


def start_student(
    runner: Runner, student: CTClassifier, start: str, num_batches: int, lr_mult: float
) -> None:
    """Set a student's initial weights and its learning rate.

    Args:
        runner (Runner): The student's runner, before its first step.
        student (CTClassifier): A student with its teacher attached.
        start (str): 'scratch', or 'teacher' to start from the teacher's weights, see
            :func:`mmct.models.start_from_teacher`.
        num_batches (int): Number of training batches on which BN statistics are measured.
        lr_mult (float): Factor by which the learning rate is multiplied throughout its schedule.

    Raises:
        ValueError: If the student cannot start from its teacher.
    """
    if start == 'teacher':
        with isolated():
            inputs = training_inputs(runner, student, num_batches)
        take_over(student, inputs)
        share(student)
    scale_learning_rate(runner, lr_mult)


def take_over(student: CTClassifier, inputs: Tensor) -> None:
    """Give a student the weights of its teacher, see :func:`mmct.models.start_from_teacher`.

    Args:
        student (CTClassifier): A student with its teacher attached.
        inputs (Tensor): Preprocessed images on which BN statistics are measured.

    Raises:
        ValueError: If the student cannot start from its teacher.
    """
    if not are_folded(student.teacher.state_dict(), student):
        raise ValueError(
            "the student cannot start from its teacher: it would standardise the teacher's plain "
            "weights and so change them; set weight_standardisation=True in NoBNTeacherHook, or "
            "student_start='scratch'"
        )
    start_from_teacher(student, student.teacher, inputs)


def share(model: nn.Module) -> None:
    """Copy weights and buffers from the main process to all others.

    Augmentation differs between ranks, and so do values that are computed from images.

    Args:
        model (nn.Module): The model, which is changed in place.
    """
    for tensor in (*model.parameters(), *model.buffers()):
        broadcast(tensor.data)
