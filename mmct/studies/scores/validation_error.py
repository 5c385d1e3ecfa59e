"""The error on images that are neither trained nor tested on."""

import copy

from mmengine.runner import Runner

from mmct.scoring.accuracy import evaluate

from ..registry import SCORES
from ..trained_run import TrainedRun


@SCORES.register_module()
class ValidationError:
    """Error on ``val_dataloader``.

    Args:
        name (str): Of the score.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, run: TrainedRun) -> dict[str, float]:
        """Measure it.

        Args:
            run (TrainedRun): The network.

        Returns:
            dict[str, float]: ``error_pct``, in %.
        """
        loader = Runner.build_dataloader(copy.deepcopy(run.config.val_dataloader), seed=0)
        return dict(error_pct=100 - evaluate([run.model()], loader).accuracy[0])
