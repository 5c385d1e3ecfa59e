"""Measure a teacher alone, and compare it with its student."""

import math
from logging import Logger
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier

from mmct.report import print_ct_result
from mmct.runs.averages import averaged
from mmct.runs.errors import CTError
from mmct.runs.files import write_json
from mmct.runs.isolation import isolated
from mmct.runs.ranks import unwrapped
from mmct.runs.training_time import trained_seconds
from mmct.scoring.accuracy import Accuracy, evaluate

# Number of training batches on which accuracies are measured without a validation set.
_TRAINING_BATCHES = 50


def measure(runner: Runner, models: list[ImageClassifier]) -> tuple[Accuracy, str]:
    """Measure accuracy on the validation set, or on training images if there is none.

    Args:
        runner (Runner): The runner that holds the data.
        models (list[ImageClassifier]): Models to score.

    Returns:
        tuple[Accuracy, str]: The accuracies, and the data they were measured on, 'validation' or
        'training'.
    """
    if runner.val_loop is not None:
        return evaluate(models, runner.val_loop.dataloader), 'validation'
    loader = runner.train_dataloader
    # At most each image once, where a sampler never ends.
    size = getattr(loader.batch_sampler, 'batch_size', None) or 1
    batches = min(_TRAINING_BATCHES, math.ceil(len(loader.dataset) / size))
    return evaluate(models, loader, batches), 'training'


def teacher_record(runner: Runner, teacher: ImageClassifier, source: str) -> dict[str, Any]:
    """Measure a teacher's accuracy for its record.

    Args:
        runner (Runner): The runner that holds the data.
        teacher (ImageClassifier): The teacher.
        source (str): 'trained', or the teacher's file.

    Returns:
        dict[str, Any]: Values that fit JSON; ``accuracy_pct`` and ``chance_pct`` are in %.
    """
    accuracy, measured_on = measure(runner, [teacher])
    return dict(
        source=source,
        accuracy_pct=accuracy.accuracy[0],
        chance_pct=accuracy.chance,
        num_images=accuracy.num_images,
        measured_on=measured_on,
    )


def is_above_chance(record: dict[str, Any]) -> bool:
    """Check whether a teacher's accuracy is above chance.

    Args:
        record (dict): The teacher's record, see :func:`teacher_record`.
    """
    accuracy, chance, num_images = (
        record[key] for key in ('accuracy_pct', 'chance_pct', 'num_images')
    )
    return Accuracy((accuracy,), 100.0, chance, num_images).above_chance()


def check_strength(
    record: dict[str, Any], on_weak_teacher: str, logger: Logger, cause: str = ''
) -> None:
    """Reject a teacher whose accuracy is not above chance, or warn of it.

    Args:
        record (dict): The teacher's record, see :func:`teacher_record`.
        on_weak_teacher (str): Whether to 'stop' or to 'warn'.
        logger (Logger): The logger for the warning.
        cause (str): The cause if it is known, see :func:`mmct.teacher.warm_up.too_short`.
            Defaults to '', unknown.

    Raises:
        CTError: If the teacher is weak and the run should stop; the message names remedies.
    """
    if is_above_chance(record):
        return
    message = (
        f'the teacher is not above chance: accuracy {record["accuracy_pct"]:.2f} % on '
        f'{record["num_images"]} images ({record["measured_on"]}), '
        f'chance {record["chance_pct"]:.2f} %'
    )
    if cause:
        message += f'; {cause}'
        remedy = 'train it longer, shorten the warm-up (end of param_scheduler)'
    else:
        remedy = (
            'train it longer or with a lower lr (max_epochs, lr, clip_grad of NoBNTeacherHook)'
        )
    if on_weak_teacher == 'stop':
        raise CTError(f'{message}; {remedy}, or continue with --allow-weak-teacher')
    logger.warning(message)


def report_result(runner: Runner, record: dict[str, Any]) -> None:
    """Compare teacher and student, print the outcome, and write ``ct_result.json`` and curves.

    Args:
        runner (Runner): The student's runner, after training.
        record (dict): The teacher's record, see :func:`teacher_record`.
    """
    student = unwrapped(runner)
    with averaged(runner), isolated():
        result, measured_on = measure(runner, [student.teacher, student])
    summary = dict(
        measured_on=measured_on,
        num_images=result.num_images,
        teacher_accuracy_pct=result.accuracy[0],
        student_accuracy_pct=result.accuracy[1],
        agreement_pct=result.agreement,
        teacher_source=record['source'],
        teacher_seconds=record.get('seconds'),
        student_seconds=trained_seconds(runner),
    )
    if is_main_process():
        write_json(Path(runner.work_dir) / 'ct_result.json', summary)
        print_ct_result(summary)
        numbers = {f'ct/{name}': value for name, value in summary.items() if name.endswith('_pct')}
        runner.visualizer.add_scalars(numbers, step=runner.iter)
