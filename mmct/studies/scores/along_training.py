"""Clean and corrupted error at the ends of epochs."""

from typing import Any

from mmengine.config import Config

from ..registry import SCORES
from ..trained_run import TrainedRun
from .corruption_score import CorruptionScore


@SCORES.register_module()
class AlongTraining(CorruptionScore):
    """Errors of each checkpoint that the training left.

    A network that is merely undertrained has a small gap between corrupted
    and clean error: only at equal clean errors are gaps comparable. The config's
    checkpoint hook has to keep them (``interval``, ``max_keep_ckpts=-1``).

    Args:
        *args: As for :class:`CorruptionScore`.
        **kwargs: As for :class:`CorruptionScore`.
    """

    def __call__(self, run: TrainedRun) -> dict[str, Any]:
        """Measure them.

        Args:
            run (TrainedRun): The network.

        Returns:
            dict: Lists of equal length: ``epoch``, ``clean_error_pct``,
            ``raw_mce_pct`` and ``gap_pct``, the errors in %.

        Raises:
            ValueError: If there are no checkpoints of epochs.
        """
        checkpoints = run.epochs()
        if not checkpoints:
            raise ValueError(
                'AlongTraining needs checkpoints of epochs: set default_hooks.checkpoint to '
                'dict(interval=1, max_keep_ckpts=-1)'
            )
        folder = run.folder / 'scores' / self.name
        found = []
        for number, (epoch, checkpoint) in enumerate(checkpoints.items()):
            found.append(self.measure(run, folder / f'epoch_{epoch}.json', checkpoint))
            run.say((number + 1) / len(checkpoints))
        names = ('clean_error_pct', 'raw_mce_pct', 'gap_pct')
        return dict(epoch=list(checkpoints), **{name: [f[name] for f in found] for name in names})

    def count(self, cfg: Config) -> int:
        """How many images are predicted.

        Args:
            cfg (Config): The network's.
        """
        every = cfg.default_hooks.checkpoint.get('interval', 1)
        return super().count(cfg) * max(1, cfg.train_cfg.get('max_epochs', 1) // max(1, every))
