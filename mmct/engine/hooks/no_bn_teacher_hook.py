"""The teacher's life: trained or loaded, checked, frozen, attached."""

import copy
import time
from pathlib import Path
from typing import Any

from mmengine.dist import barrier, broadcast_object_list, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS, MODELS
from torch import Tensor

from mmct.models import CTClassifier, NormFreeClassifier
from mmct.report import print_ct_result

from ..accuracy import Accuracy, evaluate
from ..checkpoint import load_state_dict, safe_loading, write_json
from ..errors import CTError
from ..isolation import isolated, stop_workers
from ..teacher_config import TeacherRecipe, fingerprint, scoped, teacher_config
from ..teacher_store import TeacherStore

# Without validation, accuracies are measured on so many training batches.
_TRAINING_BATCHES = 50


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
        max_epochs (int, optional): Length of the teacher's training; begin,
            end, T_max and milestones of every scheduler are scaled with it.
            Defaults to None, the student's.
        max_iters (int, optional): The same for iteration-based training.
            Defaults to None.
        lr (float, optional): The teacher's learning rate. Defaults to None,
            the student's.
        clip_grad (dict, optional): The teacher's gradient clipping, as in
            mmengine's ``OptimWrapper``; None is the student's. Defaults to
            ``dict(max_norm=1.0)``: at the lr of a BN network, BN-free ones
            tend to diverge without.
        on_weak_teacher (str): 'stop' or 'warn', if the teacher's accuracy is
            not above chance. Defaults to 'stop'.
        retrain (bool): Whether to train a new teacher though there is a
            finished one, which is moved aside. Defaults to False.

    Raises:
        ValueError: If a setting is out of its range.
    """

    def __init__(
        self,
        checkpoint: str | None = None,
        init: str = 'calibrate',
        granularity: str = 'layer',
        calibration_batches: int = 1,
        max_epochs: int | None = None,
        max_iters: int | None = None,
        lr: float | None = None,
        clip_grad: dict | None = dict(max_norm=1.0),  # noqa: B006
        on_weak_teacher: str = 'stop',
        retrain: bool = False,
    ) -> None:
        if on_weak_teacher not in ('stop', 'warn'):
            raise ValueError(
                "NoBNTeacherHook: on_weak_teacher must be 'stop' or 'warn', but got "
                f'{on_weak_teacher!r}'
            )
        self.checkpoint = checkpoint
        self.recipe = TeacherRecipe(
            init, granularity, calibration_batches, max_epochs, max_iters, lr, clip_grad
        )
        self.on_weak_teacher = on_weak_teacher
        self.retrain = retrain
        self._teacher_record: dict[str, Any] = {}
        self._student_started = 0.0

    def before_train(self, runner: Runner) -> None:
        """Get the teacher and attach it to the student.

        Args:
            runner (Runner): The student's runner.

        Raises:
            CTError: If there is no teacher to be had; the message says why.
        """
        student = _unwrapped(runner)
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
        try:
            student.attach_teacher(teacher)
        except ValueError as error:
            raise CTError(f'{error}') from error
        runner.logger.info('Stage 2 of 2: the student learns, the teacher is frozen')
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
        _unwrapped(runner).progress = runner.iter / runner.max_iters

    def after_train(self, runner: Runner) -> None:
        """Compare teacher and student, print the table, write the result.

        Args:
            runner (Runner): The student's runner.
        """
        seconds = time.time() - self._student_started
        student = _unwrapped(runner)
        with isolated():
            result, measured_on = _evaluated(runner, [student.teacher, student])
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

    def _loaded(self, runner: Runner, student: CTClassifier) -> NormFreeClassifier:
        """The teacher of ``checkpoint``, evaluated."""
        weights = load_state_dict(self.checkpoint)
        teacher = _built(runner, weights, self.checkpoint)
        teacher.to(next(student.parameters()).device)
        accuracy, measured_on = _evaluated(runner, [teacher])
        self._teacher_record = _as_record(accuracy, measured_on, self.checkpoint)
        runner.logger.info(
            f'Teacher {self.checkpoint}: accuracy {accuracy.accuracy[0]:.2f} % '
            f'({measured_on}, {accuracy.num_images} images)'
        )
        return teacher

    def _trained(self, runner: Runner) -> NormFreeClassifier:
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
            word = 'goes on with' if state == 'unfinished' else 'trains'
            runner.logger.info(
                f'Stage 1 of 2: {word} the BN-free teacher in {store.folder}'
            )
            self._train(runner, cfg, store, resume=state == 'unfinished')
        self._teacher_record = store.read()
        return _built(runner, store.load(), store.weights)

    def _state(self, store: TeacherStore, marks: dict[str, Any]) -> str:
        """What is in the store; all ranks get the main process's answer."""
        answer: list = [None]
        if is_main_process():
            try:
                if self.retrain and (store.read() or {}).get('finished'):
                    store.set_aside()
                answer = [store.state(marks)]
                if answer == ['none']:
                    store.begin(marks)
            except CTError as error:
                answer = [error]
        broadcast_object_list(answer)
        if isinstance(answer[0], CTError):
            raise answer[0]
        return answer[0]

    def _train(self, outer: Runner, cfg: Any, store: TeacherStore, resume: bool) -> None:
        """Train the teacher with a Runner of its own and keep it."""
        started = time.time()
        cfg.resume = resume
        # The student's seed, also where the config leaves it to chance.
        cfg.randomness = {**(cfg.get('randomness') or {}), 'seed': outer.seed}
        # Runs that begin in the same second would share logger and hub.
        cfg.experiment_name = f'{outer.experiment_name}_teacher'
        runner = RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
        try:
            with safe_loading():
                runner.train()
            accuracy, measured_on = _evaluated(runner, [_unwrapped(runner)])
        finally:
            stop_workers(runner)
        if is_main_process():
            weights = _unwrapped(runner).state_dict()
            record = _as_record(accuracy, measured_on, 'trained')
            store.finish(
                {name: value.cpu() for name, value in weights.items()},
                **record,
                seconds=time.time() - started,
            )
        barrier()

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


def _unwrapped(runner: Runner) -> Any:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def _built(
    runner: Runner, weights: dict[str, Tensor], source: str | Path
) -> NormFreeClassifier:
    """The BN-free network of the student's config with these weights."""
    cfg = copy.deepcopy(runner.cfg.model)
    cfg.type = scoped(runner.cfg, 'NormFreeClassifier')
    cfg.pop('consistency', None)
    # A copy: building a model fills in what its config leaves out.
    cfg.setdefault('data_preprocessor', copy.deepcopy(runner.cfg.get('data_preprocessor')))
    with_bn = [name for name in weights if name.endswith('running_var')]
    if with_bn:
        raise CTError(
            f'teacher {source} is not BN-free, it has {with_bn[0]}: give a checkpoint '
            'of a BN-free run, or let CT train the teacher (no --teacher)'
        )
    teacher = MODELS.build(cfg)
    try:
        teacher.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:]]
        raise CTError(
            f"teacher {source} does not fit the student's architecture: {lines[0][:200]}"
        ) from error
    return teacher


def _evaluated(runner: Runner, models: list) -> tuple[Accuracy, str]:
    """Accuracy on the validation set, or on training images without one."""
    if runner.val_loop is not None:
        return evaluate(models, runner.val_loop.dataloader), 'validation'
    batches = evaluate(models, runner.train_dataloader, _TRAINING_BATCHES)
    return batches, 'training'


def _as_record(accuracy: Accuracy, measured_on: str, source: str) -> dict[str, Any]:
    return dict(
        source=source,
        accuracy_pct=accuracy.accuracy[0],
        chance_pct=accuracy.chance,
        num_images=accuracy.num_images,
        measured_on=measured_on,
    )
