"""BatchNorm whose statistics stay what they are for the last part of a training."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch.nn.modules.batchnorm import _BatchNorm

from mmct.messages import require
from mmct.runs.building import is_simulated
from mmct.runs.ranks import unwrapped


@HOOKS.register_module()
class FreezeBNStatisticsHook(Hook):
    """Use BatchNorm's running statistics, and no longer update them, from some moment on.

    The network then trains with what it will be tested with; scale and shift go on learning.
    The moment is told by the iteration, so that a resumed run has the same.

    Ours: https://arxiv.org/abs/2207.01548 (abstract) says nothing of it.

    Args:
        begin (float): Fraction of training after which they are frozen, in [0, 1).

    Raises:
        ValueError: If ``begin`` is out of its range.
    """

    def __init__(self, begin: float) -> None:
        rule = 'FreezeBNStatisticsHook: begin must be in [0, 1)'
        require(0 <= begin < 1, rule, begin)
        self.begin = begin

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Put BatchNorms into eval mode; a training loop puts all into train mode each epoch.

        Args:
            runner (Runner): The runner of the training.
            batch_idx (int): Number of the batch in its epoch.
            data_batch (dict, optional): The batch.
        """
        if runner.iter < self.begin * runner.max_iters or is_simulated(runner):
            return
        for module in unwrapped(runner).modules():
            if isinstance(module, _BatchNorm):
                module.training = False
