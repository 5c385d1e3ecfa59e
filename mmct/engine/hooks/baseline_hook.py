"""Train the network with which CT is compared."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import HOOKS

from mmct.messages import is_positive, require
from mmct.runs.building import is_training
from mmct.runs.errors import CTError
from mmct.runs.ranks import unwrapped
from mmct.teacher import teacher_hook
from mmct.teacher.training import check_baseline, get_baseline


@HOOKS.register_module()
class BaselineHook(Hook):
    """Trains the baseline of a CT run: the same network with BN and without CT.

    The hook trains it after the student, in ``<work_dir>/baseline``, with a Runner of its own. It
    uses the student's config without CT and the same initial weights, and resumes a training that
    was killed. A :class:`~mmct.engine.ScorecardHook` scores the baseline, and compares teacher
    and student with it.

    Args:
        length (float, optional): Length of the baseline's training, in multiples of the student's.
            Defaults to None: that of teacher and student together, also if the teacher is given
            or was trained before.

    Raises:
        ValueError: If the length is not positive.

    Attributes:
        network (ImageClassifier): The baseline after training; None before.
    """

    # After the hook that compares teacher and student, and before the scorecard.
    priority = 'LOW'

    def __init__(self, length: float | None = None) -> None:
        rule = 'BaselineHook: length must be positive'
        require(length is None or is_positive(length), rule, length)
        self.length = length
        self.network: ImageClassifier | None = None

    def before_run(self, runner: Runner) -> None:
        """Refuse a run that can have no baseline, before anything is trained.

        Args:
            runner (Runner): The runner of the training.

        Raises:
            CTError: If the run has no student, or its baseline could not be trained.
        """
        if not is_training(runner):
            return
        if teacher_hook(runner.cfg) is None:
            raise CTError('BaselineHook needs a run of CT: this run is a baseline itself')
        check_baseline(runner, self.length)

    def after_train(self, runner: Runner) -> None:
        """Train the baseline, or load it if it is already trained.

        Args:
            runner (Runner): The student's runner.
        """
        if is_training(runner):
            self.network = get_baseline(runner, self.length)
            self.network.to(next(unwrapped(runner).parameters()).device)
