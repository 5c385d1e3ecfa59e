"""A training ends at its first loss that is not finite, and so does a test at such a prediction."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from .errors import DivergedError, no_scores

REMEDIES = (
    'lower the lr (optim_wrapper.optimizer.lr), clip the gradients '
    '(optim_wrapper.clip_grad=dict(max_norm=1)), or add a warm-up'
)
"""What helps most trainings."""


def check_losses(
    outputs: Mapping[str, Any] | None,
    iteration: int,
    what: str = 'the loss',
    remedies: str = REMEDIES,
) -> None:
    """Refuse losses of a training step that are not finite.

    mmengine has read each of them for its log: on a GPU nothing is waited for once more.

    Args:
        outputs (Mapping, optional): What the step returned; entries with 'loss' in their name
            are parts of the loss.
        iteration (int): Number of the step, from 1.
        what (str): What the loss is, for the message. Defaults to 'the loss'.
        remedies (str): What a user may do. Defaults to :data:`REMEDIES`.

    Raises:
        DivergedError: Names the iteration, the part of the loss, and the remedies.
    """
    losses = {key: _number(value) for key, value in (outputs or {}).items() if 'loss' in key}
    wrong = {key: value for key, value in losses.items() if not math.isfinite(value)}
    if wrong:
        parts = ', '.join(key for key in wrong if key != 'loss')
        named = f' ({parts})' if parts else ''
        value = next(iter(wrong.values()))
        raise DivergedError(f'{what} is {value} at iteration {iteration}{named}: {remedies}')


def _number(value: Any) -> float:
    return value.item() if isinstance(value, Tensor) else float(value)


def check_predictions(samples: Sequence[Any]) -> None:
    """Refuse predictions with scores that are not finite: they would count as the first class.

    Args:
        samples (Sequence[DataSample]): Predictions; without ``pred_score`` nothing is checked.

    Raises:
        DivergedError: Says of how many images.
    """
    scores = [sample.get('pred_score') for sample in samples]
    unknown = sum(score is not None and not math.isfinite(score.sum()) for score in scores)
    if unknown:
        raise no_scores(f'{unknown} images of a batch')


class DivergenceHook(Hook):
    """Ends a run whose losses or predictions are not finite.

    Every run that mmct builds has it; it needs no place in a config.
    """

    # After hooks that say more of it, before a checkpoint of it is saved.
    priority = 'LOW'

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Check the losses of a step, see :func:`check_losses`."""
        check_losses(outputs, runner.iter + 1)

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Check the predictions of a batch, see :func:`check_predictions`."""
        check_predictions(outputs or ())

    after_test_iter = after_val_iter
