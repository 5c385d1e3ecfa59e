"""Train or load a teacher, and attach it to its student."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from mmct.messages import is_positive, require, suggestion
from mmct.models import CTClassifier, check_speed, pick_dtype
from mmct.runs.averages import restart_averages
from mmct.runs.building import is_simulated, training_progress
from mmct.runs.checkpoint import load_safely, refuse_code
from mmct.runs.configs import scale_learning_rate
from mmct.runs.divergence import LossHook
from mmct.runs.errors import CTError
from mmct.runs.identity import digest
from mmct.runs.quiet_logging import ON_CONSOLE
from mmct.runs.ranks import on_main_rank, unwrapped
from mmct.teacher.config import TeacherRecipe, teacher_config
from mmct.teacher.evaluation import check_strength, report_result
from mmct.teacher.start import start_student
from mmct.teacher.training import get_teacher, stage
from mmct.teacher.warm_up import too_short

# Keys of a student's checkpoint: the digest of its teacher, and the dtype that it ran in.
_DIGEST, _DTYPE = 'mmct_teacher', 'mmct_teacher_dtype'


@HOOKS.register_module()
class NoBNTeacherHook(LossHook):
    """Gives a :class:`~mmct.models.CTClassifier` its BN-free teacher before it trains.

    The hook uses the first of these teachers that exists:

    1. The one in ``checkpoint``.
    2. The finished one in ``<work_dir>/teacher``, if it was trained for the same model, data,
       schedule and seed.
    3. A new one. A Runner of its own trains it in ``<work_dir>/teacher``, and resumes it there if
       it was interrupted. Its config is the student's with the changes of a
       :class:`~mmct.teacher.TeacherRecipe`.

    At the end of training, the hook compares teacher and student: it prints a line and writes
    ``ct_result.json`` to the work dir.

    A teacher that is "a frozen copy of the same model without BN" is from
    https://arxiv.org/abs/2207.01548; how it is trained is our interpretation.

    Args:
        checkpoint (str, optional): Checkpoint of a BN-free teacher to use. Defaults to None.
        student_start (str): How the student starts: 'scratch', or 'teacher' to start from the
            teacher's weights and compute the same outputs, see
            :func:`mmct.models.start_from_teacher`. Defaults to 'scratch'.
        student_lr_mult (float): Factor by which the student's learning rate is multiplied
            throughout its schedule; the teacher's does not change. A factor below 1 keeps a
            student that starts from its teacher closer to it. Defaults to 1.0.
        on_weak_teacher (str): What to do if the teacher's accuracy is not above chance: 'stop' or
            'warn'. Defaults to 'stop'.
        retrain (bool | str): Whether to train a new teacher even if there is a finished one, which
            is then moved aside; 'unless_trained' keeps one of this config. Defaults to False.
        dtype (str): Type in which the frozen teacher's backbone runs: 'float32', 'bfloat16', or
            'auto' for the faster one, see :func:`mmct.models.pick_dtype`. A resumed run keeps
            its type. Defaults to 'auto'.
        compile (bool | dict): Whether to run the frozen teacher through ``torch.compile``, or the
            arguments to compile it with. Defaults to False.
        **recipe: Settings of the :class:`~mmct.teacher.TeacherRecipe`, such as ``init``,
            ``length`` and ``lr``.

    Raises:
        ValueError: If a setting is unknown or out of its range.
    """

    # After an EMAHook, which loads the average of a `load_from` into the student.
    priority = 'BELOW_NORMAL'
    # Also under mmpretrain's own tools, whose runs have no DivergenceHook.
    loss_name = 'the loss of the student'

    def __init__(
        self,
        checkpoint: str | None = None,
        student_start: str = 'scratch',
        student_lr_mult: float = 1.0,
        on_weak_teacher: str = 'stop',
        retrain: bool | str = False,
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
        rule = "NoBNTeacherHook: retrain must be True, False or 'unless_trained'"
        require(retrain in (True, False, 'unless_trained'), rule, retrain)
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
        # The teacher's digest and dtype, for checkpoints; a resumed run has those it loaded.
        self._marks: dict[str, str] = {}

    def before_run(self, runner: Runner) -> None:
        """Let mmengine resume on both stacks, without loading anything unsafe.

        Args:
            runner (Runner): The student's runner.
        """
        load_safely(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Record in the checkpoint which teacher the student has.

        Args:
            runner (Runner): The student's runner.
            checkpoint (dict): The checkpoint that will be saved.
        """
        checkpoint.update(self._marks)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Remember which teacher a resumed student had.

        Args:
            runner (Runner): The student's runner.
            checkpoint (dict): The checkpoint that was loaded.

        Raises:
            CTError: If resuming would execute code in the checkpoint.
        """
        if runner._resume:
            refuse_code(checkpoint)
            self._marks = {key: checkpoint[key] for key in (_DIGEST, _DTYPE) if key in checkpoint}

    def before_train(self, runner: Runner) -> None:
        """Get the teacher and attach it to the student.

        Args:
            runner (Runner): The student's runner.

        Raises:
            CTError: If the hook cannot provide a teacher; the message says why.
        """
        if is_simulated(runner):
            # The drawn schedule is the student's.
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
            # A resumed student keeps its own weights and learning rate.
            if runner.iter == 0:
                start_student(
                    runner,
                    student,
                    self.student_start,
                    self.recipe.calibration_batches,
                    self.student_lr_mult,
                )
                if self.student_start == 'teacher':
                    restart_averages(runner)
        except ValueError as error:
            raise CTError(f'{error}') from error
        # A resumed student may have begun with another factor, which it keeps.
        rate = self.student_lr_mult if runner.iter == 0 else 1
        at = '' if rate == 1 else f' at {rate:g} of the learning rate'
        runner.logger.info(
            f'{stage(runner, "student")}: the student learns{at}, the teacher is frozen '
            f'({self._marks[_DTYPE]})',
            extra=ON_CONSOLE,
        )

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Tell the student how far training is, for the ramp of the loss weight.

        Args:
            runner (Runner): The student's runner.
            batch_idx (int): Index of the batch in its epoch.
            data_batch (dict, optional): The batch.
        """
        unwrapped(runner).progress = training_progress(runner, batch_idx)

    def after_train(self, runner: Runner) -> None:
        """Compare teacher and student, print the outcome and write the result.

        Args:
            runner (Runner): The student's runner.
        """
        if not is_simulated(runner):
            report_result(runner, self._record)

    def _too_short(self, runner: Runner) -> str:
        """Return a message if the teacher's training is too short for its warm-up, else ''."""
        if self.checkpoint:
            return ''
        cfg = teacher_config(runner.cfg, self.recipe, '')
        return too_short(cfg, len(runner.train_dataloader))

    def _set_marks(self, runner: Runner, found: str) -> None:
        """Determine the teacher's digest and dtype; a resumed run keeps both."""
        if self._marks.get(_DIGEST, found) != found:
            source = self.checkpoint or Path(runner.work_dir) / 'teacher'
            raise CTError(
                'the checkpoint to resume is of a student that learned from another '
                f'teacher than the one in {source}: give that one with --teacher, or '
                'start without --resume'
            )
        dtype = self.dtype
        if dtype == 'auto':
            # All processes of a run use the same dtype, and so does a run resumed elsewhere.
            device = next(runner.model.parameters()).device
            fast = on_main_rank(lambda: pick_dtype('auto', device))
            dtype = self._marks.get(_DTYPE, fast)
            if (dtype, fast) == ('bfloat16', 'float32'):
                runner.logger.warning(
                    "the run was begun with a teacher in bfloat16, which is slow here: dtype="
                    "'float32' in NoBNTeacherHook is faster, but the run is then another "
                    '(--allow-other-config)'
                )
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
