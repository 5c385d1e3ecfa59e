"""Stop a training at its first loss that is not finite, and a test at such a prediction."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from .errors import DivergedError, no_scores

REMEDIES = (
    'lower the lr (optim_wrapper.optimizer.lr), clip the gradients '
    '(optim_wrapper.clip_grad=dict(max_norm=1)), or add a warm-up'
)
"""The remedies that help most trainings."""


def check_losses(
    outputs: Mapping[str, Any] | None,
    iteration: int,
    what: str = 'the loss',
    remedies: str = REMEDIES,
) -> None:
    """Refuse losses of a training step that are not finite.

    mmengine has already read the losses for its log, so this adds no waiting on a GPU.

    Args:
        outputs (Mapping, optional): The outputs of the step; entries with 'loss' in their name
            are parts of the loss.
        iteration (int): Number of the step, from 1.
        what (str): Name of the loss in the message. Defaults to 'the loss'.
        remedies (str): Advice for the user. Defaults to :data:`REMEDIES`.

    Raises:
        DivergedError: If a loss is not finite; the message names the iteration, the part of the
            loss, and the remedies.
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
    """Refuse predictions with scores that are not finite, which would count as the first class.

    Args:
        samples (Sequence[DataSample]): Predictions; those without ``pred_score`` are not checked.

    Raises:
        DivergedError: If scores are not finite; the message says for how many images.
    """
    scores = [score.sum() for s in samples if (score := s.get('pred_score')) is not None]
    # A GPU is waited for only once a batch.
    unknown = int((~torch.stack(scores).isfinite()).sum()) if scores else 0
    if unknown:
        raise no_scores(f'{unknown} images of a batch')


class LossHook(Hook):
    """Stop a training at its first loss that is not finite.

    Attributes:
        loss_name (str): Name of the loss in the message.
        remedies (str): Advice for the user.
    """

    loss_name = 'the loss'
    remedies = REMEDIES

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Check the losses of a step, see :func:`check_losses`."""
        check_losses(outputs, runner.iter + 1, self.loss_name, self.remedies)


class DivergenceHook(LossHook):
    """Stop a run whose losses or predictions are not finite.

    Every run that mmct builds has this hook; configs need not list it.
    """

    # After hooks with more specific messages, but before a checkpoint is saved.
    priority = 'LOW'

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
