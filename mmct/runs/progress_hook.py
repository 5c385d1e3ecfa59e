"""Show the progress of a training or a test on the console."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from .checkpoint import is_endless
from .console import RunConsole
from .progress import Progress, duration
from .ranks import is_main_rank
from .training_time import trained_seconds

# Least number of lines of an iteration-based training.
_LINES = 10
# Number of metrics on a line if the accuracy is not among them.
_METRICS = 3
_ACCURACY = 'accuracy/top1'


class TrainingProgressHook(Hook):
    """Shows a bar with the remaining time, and a line for each epoch with its validation.

    An iteration-based training gets a line for each validation, and at least one for each tenth
    of its length. The numbers come from mmengine's message hub, so showing them does not make a
    GPU wait. ``mmct train`` registers the hook; configs need not contain it.

    Args:
        console (RunConsole): The console to print on.
        stage (str): Name of the training, for the bar. Defaults to 'training'.
    """

    # After mmengine's hook that fills the message hub, and at the end of training before the
    # hooks that show its results.
    priority = 'VERY_HIGH'

    def __init__(self, console: RunConsole, stage: str = 'training') -> None:
        self._console, self._stage = console, stage
        self._started: float | None = None
        # Number of iterations that were done when the stage began, and at its last line.
        self._first = self._last = 0
        # The next line, held back until a validation may have followed.
        self._line: list[str] = []
        self._rate = ''

    def of_stage(self, stage: str) -> 'TrainingProgressHook':
        """Make the hook for a training inside this one.

        Args:
            stage (str): Name of that training.
        """
        return TrainingProgressHook(self._console, stage)

    def before_train_epoch(self, runner: Runner) -> None:
        """Show the bar from the first epoch on; before it, another hook may train a teacher.

        Args:
            runner (Runner): The runner.
        """
        self._show_line(runner)
        if self._started is not None:
            return
        self._started = time.monotonic()
        self._first = self._last = runner.iter
        if runner.iter:
            self._console.say(' '.join(f'continues at {_position(runner, 1)}'.split()))
        self._console.begin(self._stage, runner.max_iters, runner.iter)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        """Advance the bar.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch.
            data_batch (Any, optional): The batch.
            outputs (dict, optional): Losses of the step.
        """
        self._show_line(runner)
        done, total = runner.iter + 1, runner.max_iters
        self._console.advance(done, self._seconds_left(done, total))
        due = done == total or done - self._last >= max(1, total // _LINES)
        if due and is_endless(runner.train_loop):
            self._begin_line(runner, done, ahead=1)

    def after_train_epoch(self, runner: Runner) -> None:
        """Prepare the line of the epoch.

        Args:
            runner (Runner): The runner.
        """
        # mmengine treats all of an iteration-based training as one epoch.
        if not is_endless(runner.train_loop):
            self._begin_line(runner, runner.iter, ahead=1)

    def after_val_epoch(self, runner: Runner, metrics: Mapping[str, float] | None = None) -> None:
        """Show the line with the metrics of the validation.

        Args:
            runner (Runner): The runner.
            metrics (Mapping, optional): The metrics by name.
        """
        if not self._line:
            self._begin_line(runner, runner.iter)
        self._line += _measured(metrics or {})
        self._show_line(runner)

    def after_train(self, runner: Runner) -> None:
        """Remove the bar.

        Args:
            runner (Runner): The runner.
        """
        self._show_line(runner)
        self._console.end()

    def _begin_line(self, runner: Runner, done: int, ahead: int = 0) -> None:
        """Prepare a line with the position, and the mean of each loss since the last line."""
        scalars = runner.message_hub.log_scalars
        losses = [name for name in scalars if name.startswith('train/') and 'loss' in name]
        window = max(1, done - self._last)
        self._last = done
        self._line = [_position(runner, ahead)]
        self._line += [
            f'{name.removeprefix("train/")} {scalars[name].mean(window):.4f}' for name in losses
        ]
        self._rate = f'lr {scalars["train/lr"].current():<7.2g}' if 'train/lr' in scalars else ''

    def _show_line(self, runner: Runner) -> None:
        if not self._line:
            return
        left = self._seconds_left(runner.iter, runner.max_iters)
        took = trained_seconds(runner) or self._seconds()
        until = f'{duration(left)} left' if left else f'took {duration(took)}'
        self._console.say('   '.join(filter(None, [*self._line, self._rate, until])))
        self._line = []

    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _seconds_left(self, done: int, total: int) -> float:
        return self._seconds() / max(1, done - self._first) * (total - done)


def show_stage(runner: Runner, outer: Runner, stage: str) -> None:
    """Show the progress of a training inside another, if the outer one's is shown.

    Args:
        runner (Runner): The runner of the inner training.
        outer (Runner): The runner of the outer training.
        stage (str): Name of the inner training, such as 'teacher', for the bar.
    """
    for hook in outer.hooks:
        if isinstance(hook, TrainingProgressHook):
            runner.register_hook(hook.of_stage(stage))


class TestProgressHook(Hook):
    """Shows the progress of a test, and its metrics.

    ``mmct test`` registers the hook. A loop that calls no hook for its batches shows both itself.

    Args:
        console (RunConsole): The console to print on.
    """

    priority = 'VERY_HIGH'
    __test__ = False  # to pytest it looks like one

    def __init__(self, console: RunConsole) -> None:
        self._console = console
        self._lines: Progress | None = None
        self._started = 0.0

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence | None = None,
    ) -> None:
        """Advance the bar; without one, print a line every few seconds.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch.
            data_batch (Any, optional): The batch.
            outputs (Sequence, optional): The predictions.
        """
        done, total = batch_idx + 1, len(runner.test_dataloader)
        if self._lines is None:
            self._started = time.monotonic()
            self._lines = Progress(total, unit='batches')
            self._console.begin('test', total)
        passed = time.monotonic() - self._started
        self._console.advance(done, passed / done * (total - done))
        if is_main_rank() and not self._console.has_bar:
            self._lines.add('test', 1)

    def after_test_epoch(self, runner: Runner, metrics: Mapping[str, Any] | None = None) -> None:
        """Remove the bar, and print the metrics.

        Args:
            runner (Runner): The runner.
            metrics (Mapping, optional): The metrics by name.
        """
        self._console.end()
        if self._lines is not None:
            for name, value in (metrics or {}).items():
                shown = f'{value:.4f}' if isinstance(value, float) else ' '.join(f'{value}'.split())
                self._console.say(f'{name}: {shown}')


def _position(runner: Runner, ahead: int) -> str:
    """Name the epoch or iteration that is ``ahead`` after the last one done, and the total."""
    if is_endless(runner.train_loop):
        unit, done, total = 'iteration', runner.iter, runner.max_iters
    else:
        unit, done, total = 'epoch', runner.epoch, runner.max_epochs
    return f'{unit} {done + ahead:>{len(str(total))}} of {total}'


def _measured(metrics: Mapping[str, float]) -> list[str]:
    """Format the accuracy, or the first metrics if there is none."""
    if _ACCURACY in metrics:
        return [f'accuracy {metrics[_ACCURACY]:5.2f} %']
    return [f'{name} {value:.4g}' for name, value in list(metrics.items())[:_METRICS]]
