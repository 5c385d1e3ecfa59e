"""Freeze the statistics of BatchNorm for the last part of training."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch.nn.modules.batchnorm import _BatchNorm

from mmct.messages import require
from mmct.runs.building import is_simulated, training_progress
from mmct.runs.ranks import average_buffers, unwrapped


@HOOKS.register_module()
class FreezeBNStatisticsHook(Hook):
    """Freezes BatchNorm's running statistics after a given fraction of training.

    From then on, the network trains with the statistics that it is tested with, while scale and
    shift continue to learn. A resumed run freezes them at the same step, and one that goes on in
    another number of processes at the same point of its training.

    This is our choice; the abstract of https://arxiv.org/abs/2207.01548 does not mention it.

    Args:
        begin (float): Fraction of training after which the statistics are frozen, in [0, 1).

    Raises:
        ValueError: If ``begin`` is out of its range.
    """

    def __init__(self, begin: float) -> None:
        rule = 'FreezeBNStatisticsHook: begin must be in [0, 1)'
        require(0 <= begin < 1, rule, begin)
        self.begin = begin
        self._averaged = False

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Put BatchNorm layers into eval mode; each epoch, the loop sets them to train mode.

        Args:
            runner (Runner): The runner of the training.
            batch_idx (int): Index of the batch in its epoch.
            data_batch (dict, optional): The batch.
        """
        if is_simulated(runner) or training_progress(runner, batch_idx) < self.begin:
            return
        model = unwrapped(runner)
        if not self._averaged:
            # Until now, each process had its own, which nothing would average any more but
            # a validation or a checkpoint.
            average_buffers(model)
            self._averaged = True
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.training = False
