"""How far a training or a test is, on the console."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from .checkpoint import is_endless
from .console import RunConsole
from .progress import Progress, duration
from .ranks import is_main_rank

# Lines of a training that counts iterations, where it is not validated more often.
_LINES = 10
# Metrics on a line, where the accuracy is not among them.
_METRICS = 3
_ACCURACY = 'accuracy/top1'


class TrainingProgressHook(Hook):
    """Shows a bar with an ETA, and a line for each epoch with its validation.

    A training that counts iterations has a line for each validation, and at least one for each
    tenth of it. What is shown mmengine has put into its message hub anyway: on a GPU nothing is
    waited for once more. ``mmct train`` registers the hook; it needs no place in a config.

    Args:
        console (RunConsole): Shows it.
        stage (str): What is trained, for the bar. Defaults to 'training'.
    """

    # After mmengine's hook that fills the message hub; at the end before the hooks that show what
    # was trained.
    priority = 'VERY_HIGH'

    def __init__(self, console: RunConsole, stage: str = 'training') -> None:
        self._console, self._stage = console, stage
        self._started: float | None = None
        # Iterations that were done when the stage began, and at its last line.
        self._first = self._last = 0
        # A line that waits for the validation that may follow.
        self._line: list[str] = []
        self._rate = ''

    def of_stage(self, stage: str) -> 'TrainingProgressHook':
        """Make the hook for a training inside of this one.

        Args:
            stage (str): What it trains.
        """
        return TrainingProgressHook(self._console, stage)

    def before_train_epoch(self, runner: Runner) -> None:
        """Show the bar at the first epoch; before that, another hook may train a teacher.

        Args:
            runner (Runner): The runner.
        """
        self._show_line(runner)
        if self._started is not None:
            return
        self._started = time.monotonic()
        self._first = self._last = runner.iter
        if runner.iter:
            self._console.say(' '.join(f'goes on at {_position(runner, 1)}'.split()))
        self._console.begin(self._stage, runner.max_iters, runner.iter)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        """Move the bar.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Number of the batch.
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
        """Begin the line of the epoch.

        Args:
            runner (Runner): The runner.
        """
        # To mmengine all of a training that counts iterations is one epoch.
        if not is_endless(runner.train_loop):
            self._begin_line(runner, runner.iter, ahead=1)

    def after_val_epoch(self, runner: Runner, metrics: Mapping[str, float] | None = None) -> None:
        """Show the line, with what was measured.

        Args:
            runner (Runner): The runner.
            metrics (Mapping, optional): By name.
        """
        if not self._line:
            self._begin_line(runner, runner.iter)
        self._line += _measured(metrics or {})
        self._show_line(runner)

    def after_train(self, runner: Runner) -> None:
        """Take the bar away.

        Args:
            runner (Runner): The runner.
        """
        self._show_line(runner)
        self._console.end()

    def _begin_line(self, runner: Runner, done: int, ahead: int = 0) -> None:
        """Say where training is, and the mean of each loss since the last line."""
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
        until = f'{duration(left)} left' if left else f'took {duration(self._seconds())}'
        self._console.say('   '.join(filter(None, [*self._line, self._rate, until])))
        self._line = []

    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _seconds_left(self, done: int, total: int) -> float:
        return self._seconds() / max(1, done - self._first) * (total - done)


def show_stage(runner: Runner, outer: Runner, stage: str) -> None:
    """Show a training inside of another, if that is shown.

    Args:
        runner (Runner): Of the training inside.
        outer (Runner): The other.
        stage (str): What is trained, such as 'teacher', for the bar.
    """
    for hook in outer.hooks:
        if isinstance(hook, TrainingProgressHook):
            runner.register_hook(hook.of_stage(stage))


class TestProgressHook(Hook):
    """Shows how far a test is, and what was measured.

    ``mmct test`` registers it. A loop that calls no hook for its batches shows both itself.

    Args:
        console (RunConsole): Shows it.
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
        """Move the bar; where there is none, print a line every few seconds.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Number of the batch.
            data_batch (Any, optional): The batch.
            outputs (Sequence, optional): Predictions.
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
        """Take the bar away, and print what was measured.

        Args:
            runner (Runner): The runner.
            metrics (Mapping, optional): By name.
        """
        self._console.end()
        if self._lines is not None:
            for name, value in (metrics or {}).items():
                shown = f'{value:.4f}' if isinstance(value, float) else ' '.join(f'{value}'.split())
                self._console.say(f'{name}: {shown}')


def _position(runner: Runner, ahead: int) -> str:
    """Say which epoch or iteration it is, as many as ``ahead`` after those that are done."""
    if is_endless(runner.train_loop):
        unit, done, total = 'iteration', runner.iter, runner.max_iters
    else:
        unit, done, total = 'epoch', runner.epoch, runner.max_epochs
    return f'{unit} {done + ahead:>{len(str(total))}} of {total}'


def _measured(metrics: Mapping[str, float]) -> list[str]:
    """Write the accuracy, or the first metrics if there is none."""
    if _ACCURACY in metrics:
        return [f'accuracy {metrics[_ACCURACY]:5.2f} %']
    return [f'{name} {value:.4g}' for name, value in list(metrics.items())[:_METRICS]]
