"""The teacher's life: trained or loaded, checked, frozen, attached."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mmengine.dist import broadcast, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import HOOKS

from mmct.models import CTClassifier, check_compile, start_from_teacher
from mmct.report import print_ct_result
from mmct.runs.checkpoint import digest, load_state_dict, refuse_code, safe_loading
from mmct.runs.configs import scale_learning_rate
from mmct.runs.errors import CTError
from mmct.runs.files import write_json
from mmct.runs.identity import fingerprint
from mmct.runs.isolation import isolated
from mmct.runs.ranks import on_main_rank, unwrapped
from mmct.scoring.accuracy import Accuracy
from mmct.teacher.config import TeacherRecipe, teacher_config
from mmct.teacher.store import TeacherStore
from mmct.teacher.training import as_record, build_teacher, measure, train_teacher, training_inputs

# Where a student's checkpoint names its teacher.
_KEY = 'mmct_teacher'


@HOOKS.register_module()
class NoBNTeacherHook(Hook):
    """Gives a :class:`CTClassifier` its BN-free teacher before it trains.

    The teacher is, in this order: the one in ``checkpoint``; the finished one
    in ``<work_dir>/teacher``, if it was trained for the same model, data,
    schedule and seed; or a new one, trained there by a Runner of its own (and
    resumed there, if it was interrupted) from the student's config with the
    changes below. At the end of training both are compared: a table, and
    ``ct_result.json`` in the work dir.

    A teacher that is "a frozen copy of the same model without BN" is from
    https://arxiv.org/abs/2207.01548; its training is our reading.

    Args:
        checkpoint (str, optional): A BN-free teacher to use. Defaults to None.
        init (str): How the teacher starts: 'identity', 'fold' or 'calibrate',
            see :func:`mmct.models.remove_batch_norm`.
            Defaults to 'calibrate'.
        granularity (str): 'layer' or 'channel', see
            :func:`mmct.models.calibrate`. Defaults to 'layer'.
        calibration_batches (int): Training batches to calibrate on.
            Defaults to 1.
        length (float): The teacher's training, in multiples of the student's;
            begin, end, T_max and milestones of every scheduler are scaled
            with it. Defaults to 1.0.
        max_epochs (int, optional): The same in epochs, in place of ``length``.
            Defaults to None.
        max_iters (int, optional): The same for iteration-based training.
            Defaults to None.
        lr (float, optional): The teacher's learning rate. Defaults to None,
            the student's.
        clip_grad (dict, optional): The teacher's gradient clipping, as in
            mmengine's ``OptimWrapper``; None is the student's. Defaults to
            ``dict(max_norm=1.0)``: at the lr of a BN network, BN-free ones
            tend to diverge without.
        remove_bn (bool): False keeps the teacher's BN (and its training the
            student's: no calibration, no clipping of its own): the control
            that shows what distillation alone gains. Defaults to True.
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
        compile (bool | dict): Whether the frozen teacher runs through
            ``torch.compile``, or the arguments of it. Defaults to False.

    Raises:
        ValueError: If a setting is out of its range.
    """

    def __init__(
        self,
        checkpoint: str | None = None,
        init: str = 'calibrate',
        granularity: str = 'layer',
        calibration_batches: int = 1,
        length: float = 1.0,
        max_epochs: int | None = None,
        max_iters: int | None = None,
        lr: float | None = None,
        clip_grad: dict | None = dict(max_norm=1.0),  # noqa: B006
        remove_bn: bool = True,
        student_start: str = 'scratch',
        student_lr_mult: float = 1.0,
        on_weak_teacher: str = 'stop',
        retrain: bool = False,
        compile: bool | dict = False,
    ) -> None:
        if on_weak_teacher not in ('stop', 'warn'):
            raise ValueError(
                "NoBNTeacherHook: on_weak_teacher must be 'stop' or 'warn', but got "
                f'{on_weak_teacher!r}'
            )
        if student_start not in ('scratch', 'teacher'):
            raise ValueError(
                "NoBNTeacherHook: student_start must be 'scratch' or 'teacher', but got "
                f'{student_start!r}'
            )
        if not (isinstance(student_lr_mult, (int, float)) and student_lr_mult > 0):
            raise ValueError(
                'NoBNTeacherHook: student_lr_mult must be positive, but got '
                f'{student_lr_mult!r}'
            )
        check_compile('NoBNTeacherHook', compile)
        self.checkpoint = checkpoint
        self.recipe = TeacherRecipe(
            init,
            granularity,
            calibration_batches,
            length,
            max_epochs,
            max_iters,
            lr,
            clip_grad,
            remove_bn,
        )
        self.student_start = student_start
        self.student_lr_mult = student_lr_mult
        self.on_weak_teacher = on_weak_teacher
        self.retrain = retrain
        self.compile = compile
        self._teacher_record: dict[str, Any] = {}
        self._student_started = 0.0
        self._loading = ExitStack()
        # The teacher's mark, and that of the one a resumed student had.
        self._digest = ''
        self._resumed_digest: str | None = None

    def before_run(self, runner: Runner) -> None:
        """Let mmengine resume, and nothing unsafe be loaded, on both stacks.

        Args:
            runner (Runner): The student's runner.
        """
        self._loading.enter_context(safe_loading())

    def after_run(self, runner: Runner) -> None:
        """Leave torch's loader as it was.

        Args:
            runner (Runner): The student's runner.
        """
        self._loading.close()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note in the checkpoint which teacher the student has.

        Args:
            runner (Runner): The student's runner.
            checkpoint (dict): What will be saved.
        """
        checkpoint[_KEY] = self._digest

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
            self._resumed_digest = checkpoint.get(_KEY)

    def before_train(self, runner: Runner) -> None:
        """Get the teacher and attach it to the student.

        Args:
            runner (Runner): The student's runner.

        Raises:
            CTError: If there is no teacher to be had; the message says why.
        """
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
        with isolated():
            if self.checkpoint:
                teacher = self._loaded(runner, student)
            else:
                teacher = self._trained(runner)
        self._check_strength(runner)
        self._digest = digest(teacher.state_dict())
        if self._resumed_digest not in (None, self._digest):
            source = self.checkpoint or Path(runner.work_dir) / 'teacher'
            raise CTError(
                'the checkpoint to resume is of a student that learned from another '
                f'teacher than the one in {source}: give that one with --teacher, or '
                'start without --resume'
            )
        try:
            student.attach_teacher(
                teacher, compile=self.compile, with_bn=not self.recipe.remove_bn
            )
            # A resumed student goes on with its own weights and learning rate.
            if runner.iter == 0:
                if self.student_start == 'teacher':
                    self._start(runner, student)
                scale_learning_rate(runner, self.student_lr_mult)
        except ValueError as error:
            raise CTError(f'{error}') from error
        rate = self.student_lr_mult
        at = '' if rate == 1 else f' at {rate:g} of the learning rate'
        runner.logger.info(f'Stage 2 of 2: the student learns{at}, the teacher is frozen')
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

    def after_train(self, runner: Runner) -> None:
        """Compare teacher and student, print the table, write the result.

        Args:
            runner (Runner): The student's runner.
        """
        seconds = time.time() - self._student_started
        student = unwrapped(runner)
        with isolated():
            result, measured_on = measure(runner, [student.teacher, student])
        record = self._teacher_record
        summary = dict(
            measured_on=measured_on,
            num_images=result.num_images,
            teacher_accuracy_pct=result.accuracy[0],
            student_accuracy_pct=result.accuracy[1],
            agreement_pct=result.agreement,
            teacher_source=record['source'],
            teacher_seconds=record.get('seconds'),
            student_seconds=seconds,
        )
        if is_main_process():
            write_json(Path(runner.work_dir) / 'ct_result.json', summary)
            print_ct_result(summary)

    def _start(self, runner: Runner, student: CTClassifier) -> None:
        """Put the teacher's weights into the student."""
        with isolated():
            inputs = training_inputs(runner, student, self.recipe.calibration_batches)
        start_from_teacher(student, student.teacher, inputs)
        # Augmentation differs from rank to rank, and with it the statistics.
        for tensor in (*student.parameters(), *student.buffers()):
            broadcast(tensor.data)

    def _loaded(self, runner: Runner, student: CTClassifier) -> ImageClassifier:
        """The teacher of ``checkpoint``, evaluated."""
        weights = load_state_dict(self.checkpoint)
        teacher = build_teacher(runner, weights, self.checkpoint, self.recipe)
        teacher.to(next(student.parameters()).device)
        accuracy, measured_on = measure(runner, [teacher])
        self._teacher_record = as_record(accuracy, measured_on, self.checkpoint)
        runner.logger.info(
            f'Teacher {self.checkpoint}: accuracy {accuracy.accuracy[0]:.2f} % '
            f'({measured_on}, {accuracy.num_images} images)'
        )
        return teacher

    def _trained(self, runner: Runner) -> ImageClassifier:
        """The teacher in the work dir, trained first if it is not there."""
        store = TeacherStore(Path(runner.work_dir) / 'teacher')
        cfg = teacher_config(runner.cfg, self.recipe, str(store.folder))
        dataset = runner.train_dataloader.dataset
        classes = getattr(dataset, 'metainfo', {}).get('classes')
        marks = fingerprint(cfg, len(dataset), classes, get_world_size())
        state = self._state(store, marks)
        if state == 'finished':
            runner.logger.info(f'Stage 1 of 2: done, the teacher is in {store.folder}')
        else:
            kind = 'BN-free' if self.recipe.remove_bn else 'BN'
            word = 'goes on with' if state == 'unfinished' else 'trains'
            runner.logger.info(
                f'Stage 1 of 2: {word} the {kind} teacher in {store.folder}'
            )
            train_teacher(runner, cfg, store, resume=state == 'unfinished')
        self._teacher_record = store.read()
        return build_teacher(runner, store.load(), store.weights, self.recipe)

    def _state(self, store: TeacherStore, marks: dict[str, Any]) -> str:
        """What is in the store; all ranks get the main process's answer."""

        def decide() -> str:
            if self.retrain and not store.is_unfinished():
                store.set_aside()
            state = store.state(marks)
            if state == 'none':
                # Another config's unfinished run must not be resumed.
                store.set_aside()
                store.begin(marks)
            return state

        return on_main_rank(decide)

    def _check_strength(self, runner: Runner) -> None:
        """Refuse a teacher that knows nothing."""
        record = self._teacher_record
        accuracy = Accuracy(
            (record['accuracy_pct'],), 100.0, record['chance_pct'], record['num_images']
        )
        if accuracy.above_chance():
            return
        message = (
            f'the teacher is not above chance: accuracy {record["accuracy_pct"]:.2f} % '
            f'on {record["num_images"]} images ({record["measured_on"]}), chance '
            f'{record["chance_pct"]:.2f} %'
        )
        if self.on_weak_teacher == 'stop':
            raise CTError(
                f'{message}; train it longer or with a lower lr (max_epochs, lr, '
                'clip_grad of NoBNTeacherHook), or go on with --allow-weak-teacher'
            )
        runner.logger.warning(message)
