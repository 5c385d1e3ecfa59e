"""Adapt BatchNorm to the test set before the test."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from mmct.messages import require
from mmct.runs.errors import CTError
from mmct.runs.quiet_logging import ON_CONSOLE
from mmct.runs.ranks import unwrapped
from mmct.scoring import drawn_batches, reestimate_batch_norm


@HOOKS.register_module()
class RecalibrateBNHook(Hook):
    """Re-estimates BatchNorm's statistics on test images, without labels.

    It adapts the network that is tested: an ``EMAHook`` swaps in its averaged weights first.
    See :func:`mmct.scoring.reestimate_batch_norm`.

    Args:
        num_batches (int): Number of random test batches, each of the loader's batch size.

    Raises:
        ValueError: If ``num_batches`` is not positive.
    """

    priority = 'LOWEST'

    def __init__(self, num_batches: int) -> None:
        require(num_batches >= 1, 'RecalibrateBNHook: num_batches must be at least 1', num_batches)
        self.num_batches = num_batches

    def before_test_epoch(self, runner: Runner) -> None:
        """Adapt the network that is about to be tested.

        Args:
            runner (Runner): The runner of the test.

        Raises:
            CTError: If the network has no BatchNorm.
        """
        loader, model = runner.test_dataloader, unwrapped(runner)
        size = getattr(loader.batch_sampler, 'batch_size', None) or loader.batch_size or 1
        drawn = drawn_batches(len(loader.dataset), self.num_batches, size)
        batches = (
            model.data_preprocessor(loader.collate_fn([loader.dataset[i] for i in batch]), False)
            for batch in drawn
        )
        try:
            reestimate_batch_norm(model, (batch['inputs'] for batch in batches))
        except ValueError as error:
            raise CTError(f'--recalibrate-bn: {error}') from error
        runner.logger.info(
            f'BatchNorm adapted to {len(drawn)} unlabelled test batches: report this apart from '
            'networks that saw no test image',
            extra=ON_CONSOLE,
        )
