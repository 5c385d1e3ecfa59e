"""Start networks from training images, outside the training loop."""

import torch
from mmengine.dist import broadcast, get_world_size
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier
from torch import Tensor, nn

from mmct.models import CTClassifier, start_from_teacher
from mmct.runs.configs import scale_learning_rate
from mmct.runs.isolation import isolated


@torch.no_grad()
def training_inputs(runner: Runner, model: ImageClassifier, num_batches: int) -> Tensor:
    """Draw preprocessed training images at random.

    Args:
        runner (Runner): Holds the data.
        model (ImageClassifier): Its ``data_preprocessor`` is used.
        num_batches (int): As many images as all processes see in that many
            steps.

    Returns:
        Tensor: Shape ``(N, C, H, W)``, on the model's device.
    """
    loader = runner.train_dataloader
    batch_size = getattr(loader.batch_sampler, 'batch_size', None) or 1
    size = num_batches * batch_size * get_world_size()
    # A generator of its own: the same images whatever was drawn before.
    order = torch.randperm(
        len(loader.dataset), generator=torch.Generator().manual_seed(0)
    )
    batch = loader.collate_fn([loader.dataset[i] for i in order[:size].tolist()])
    return model.data_preprocessor(batch, False)['inputs']


def start_student(
    runner: Runner, student: CTClassifier, start: str, num_batches: int, lr_mult: float
) -> None:
    """Give a student that has its teacher the weights and the rate it begins with.

    Args:
        runner (Runner): The student's, before its first step.
        student (CTClassifier): With a teacher attached.
        start (str): 'scratch' or 'teacher', see
            :func:`mmct.models.start_from_teacher`.
        num_batches (int): Training batches whose statistics are taken.
        lr_mult (float): Factor of the learning rate, over all of its schedule.

    Raises:
        ValueError: If the student cannot start from its teacher.
    """
    if start == 'teacher':
        with isolated():
            inputs = training_inputs(runner, student, num_batches)
        start_from_teacher(student, student.teacher, inputs)
        share(student)
    scale_learning_rate(runner, lr_mult)


def share(model: nn.Module) -> None:
    """Give all processes the main one's weights and buffers.

    Augmentation differs from rank to rank, and with it what is computed from images.

    Args:
        model (nn.Module): Changed in place.
    """
    for tensor in (*model.parameters(), *model.buffers()):
        broadcast(tensor.data)
