"""The hook that brings student and teacher together."""

import time
from dataclasses import fields
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from mmct.messages import is_positive, require, suggestion
from mmct.models import CTClassifier, check_speed, pick_dtype
from mmct.runs.building import is_simulated
from mmct.runs.checkpoint import load_safely, refuse_code
from mmct.runs.configs import scale_learning_rate
from mmct.runs.divergence import check_losses
from mmct.runs.errors import CTError
from mmct.runs.identity import digest
from mmct.runs.quiet_logging import ON_CONSOLE
from mmct.runs.ranks import on_main_rank, unwrapped
from mmct.teacher.config import TeacherRecipe, teacher_config
from mmct.teacher.evaluation import check_strength, report_result
from mmct.teacher.stages import stage
from mmct.teacher.start import start_student
from mmct.teacher.training import get_teacher
from mmct.teacher.warm_up import too_short

# Where a student's checkpoint names its teacher, and the dtype that it ran in.
_DIGEST, _DTYPE = 'mmct_teacher', 'mmct_teacher_dtype'


@HOOKS.register_module()
class NoBNTeacherHook(Hook):
    """Gives a :class:`CTClassifier` its BN-free teacher before it trains.

    The teacher is, in this order: the one in ``checkpoint``; the finished one
    in ``<work_dir>/teacher``, if it was trained for the same model, data,
    schedule and seed; or a new one, trained there by a Runner of its own (and
    resumed there, if it was interrupted) from the student's config with the
    changes of a :class:`~mmct.teacher.TeacherRecipe`. At the end of training both
    are compared: a table, and ``ct_result.json`` in the work dir.

    A teacher that is "a frozen copy of the same model without BN" is from
    https://arxiv.org/abs/2207.01548; its training is our reading.

    Args:
        checkpoint (str, optional): A BN-free teacher to use. Defaults to None.
        student_start (str): 'scratch', or 'teacher': from the teacher's
            weights, computing what it computes, see
            :func:`mmct.models.start_from_teacher`. Defaults to 'scratch'.
        student_lr_mult (float): Factor of the student's learning rate, over all
            of its schedule; the teacher's stays. A student that starts from its
            teacher stays nearer to it with less than 1. Defaults to 1.0.
        on_weak_teacher (str): 'stop' or 'warn', if the teacher's accuracy is
            not above chance. Defaults to 'stop'.
        retrain (bool): Whether to train a new teacher though there is a
            finished one, which is moved aside. Defaults to False.
        dtype (str): In which the frozen teacher's backbone runs: 'float32',
            'bfloat16', or 'auto', the faster one, see
            :func:`mmct.models.pick_dtype`; a resumed run keeps what it had.
            Defaults to 'auto'.
        compile (bool | dict): Whether the frozen teacher runs through
            ``torch.compile``, or the arguments of it. Defaults to False.
        **recipe: The settings of :class:`~mmct.teacher.TeacherRecipe`:
            ``init``, ``length``, ``lr`` and so on.

    Raises:
        ValueError: If a setting is unknown or out of its range.
    """

    def __init__(
        self,
        checkpoint: str | None = None,
        student_start: str = 'scratch',
        student_lr_mult: float = 1.0,
        on_weak_teacher: str = 'stop',
        retrain: bool = False,
        dtype: str = 'auto',
        compile: bool | dict = False,
        **recipe: Any,
    ) -> None:
        for name, value, allowed in (
            ('on_weak_teacher', on_weak_teacher, ('stop', 'warn')),
            ('student_start', student_start, ('scratch', 'teacher')),
        ):
            rule = f'NoBNTeacherHook: {name} must be {allowed[0]!r} or {allowed[1]!r}'
            require(value in allowed, rule, value)
        rule = 'NoBNTeacherHook: student_lr_mult must be positive'
        require(is_positive(student_lr_mult), rule, student_lr_mult)
        check_speed('NoBNTeacherHook', dtype, compile)
        known = [field.name for field in fields(TeacherRecipe)]
        for name in recipe.keys() - known:
            raise ValueError(f'NoBNTeacherHook has no setting {name!r}: {suggestion(name, known)}')
        self.recipe = TeacherRecipe(**recipe)
        self.checkpoint = checkpoint
        self.student_start = student_start
        self.student_lr_mult = student_lr_mult
        self.on_weak_teacher = on_weak_teacher
        self.retrain = retrain
        self.dtype = dtype
        self.compile = compile
        self._record: dict[str, Any] = {}
        self._student_started = 0.0
        # What a checkpoint keeps of the teacher; after a resume, what it kept.
        self._marks: dict[str, str] = {}

    def before_run(self, runner: Runner) -> None:
        """Let mmengine resume, and nothing unsafe be loaded, on both stacks.

        Args:
            runner (Runner): The student's runner.
        """
        load_safely(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note in the checkpoint which teacher the student has.

        Args:
            runner (Runner): The student's runner.
            checkpoint (dict): What will be saved.
        """
        checkpoint.update(self._marks)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note which teacher a resumed student had.

        Args:
            runner (Runner): The student's runner.
            checkpoint (dict): What was loaded.

        Raises:
            CTError: If resuming would execute something in it.
        """
        if runner._resume:
            refuse_code(checkpoint)
            self._marks = {key: checkpoint[key] for key in (_DIGEST, _DTYPE) if key in checkpoint}

    def before_train(self, runner: Runner) -> None:
        """Get the teacher and attach it to the student.

        Args:
            runner (Runner): The student's runner.

        Raises:
            CTError: If there is no teacher to be had; the message says why.
        """
        if is_simulated(runner):
            # Its curve is to be the student's.
            scale_learning_rate(runner, self.student_lr_mult)
            return
        student = _student(runner)
        teacher, self._record = get_teacher(
            runner, self.recipe, self.checkpoint, self.retrain, self.student_start
        )
        check_strength(
            self._record, self.on_weak_teacher, runner.logger, self._too_short(runner)
        )
        self._set_marks(runner, digest(teacher.state_dict()))
        try:
            student.attach_teacher(
                teacher,
                self._marks[_DTYPE],
                compile=self.compile,
                with_bn=not self.recipe.remove_bn,
            )
            # A resumed student goes on with its own weights and learning rate.
            if runner.iter == 0:
                start_student(
                    runner,
                    student,
                    self.student_start,
                    self.recipe.calibration_batches,
                    self.student_lr_mult,
                )
        except ValueError as error:
            raise CTError(f'{error}') from error
        rate = self.student_lr_mult
        at = '' if rate == 1 else f' at {rate:g} of the learning rate'
        runner.logger.info(
            f'{stage(runner, "student")}: the student learns{at}, the teacher is frozen '
            f'({self._marks[_DTYPE]})',
            extra=ON_CONSOLE,
        )
        self._student_started = time.time()

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Tell the student how far training is, for the loss weight's ramp.

        Args:
            runner (Runner): The student's runner.
            batch_idx (int): Number of the batch in its epoch.
            data_batch (dict, optional): The batch.
        """
        unwrapped(runner).progress = runner.iter / runner.max_iters

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Stop at the first loss that is not finite, under stock tools, too.

        Args:
            runner (Runner): The student's runner.
            batch_idx (int): Number of the batch in its epoch.
            data_batch (dict, optional): The batch.
            outputs (dict, optional): Losses of the step.

        Raises:
            DivergedError: Names the iteration and the remedies.
        """
        if not is_simulated(runner):
            check_losses(outputs, runner.iter + 1, 'the loss of the student')

    def after_train(self, runner: Runner) -> None:
        """Compare teacher and student, print the table, write the result.

        Args:
            runner (Runner): The student's runner.
        """
        if not is_simulated(runner):
            report_result(runner, self._record, time.time() - self._student_started)

    def _too_short(self, runner: Runner) -> str:
        """Say that the teacher's training is hardly longer than its warm-up."""
        if self.checkpoint:
            return ''
        cfg = teacher_config(runner.cfg, self.recipe, '')
        return too_short(cfg, len(runner.train_dataloader))

    def _set_marks(self, runner: Runner, found: str) -> None:
        """Settle the teacher's identity and dtype; a resumed run keeps both."""
        if self._marks.get(_DIGEST, found) != found:
            source = self.checkpoint or Path(runner.work_dir) / 'teacher'
            raise CTError(
                'the checkpoint to resume is of a student that learned from another '
                f'teacher than the one in {source}: give that one with --teacher, or '
                'start without --resume'
            )
        dtype = self.dtype
        if dtype == 'auto':
            # The processes of a run, and a run that goes on elsewhere, share one.
            device = next(runner.model.parameters()).device
            dtype = self._marks.get(_DTYPE) or on_main_rank(lambda: pick_dtype(dtype, device))
        self._marks = {_DIGEST: found, _DTYPE: dtype}


def _student(runner: Runner) -> CTClassifier:
    student = unwrapped(runner)
    if not isinstance(student, CTClassifier):
        raise CTError(
            f'NoBNTeacherHook needs a CTClassifier, but model.type is '
            f'{type(student).__name__}: set model=dict(type="CTClassifier")'
        )
    if not runner.cfg.get('model'):
        raise CTError(
            'NoBNTeacherHook builds the teacher from the config: make the Runner '
            'with Runner.from_cfg(cfg)'
        )
    return student
