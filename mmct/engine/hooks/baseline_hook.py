"""Train the network with which CT is compared."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import HOOKS

from mmct.messages import is_positive, require
from mmct.models import CTClassifier
from mmct.runs.building import is_simulated
from mmct.runs.errors import CTError
from mmct.runs.ranks import unwrapped
from mmct.teacher import teacher_hook
from mmct.teacher.training import get_baseline


@HOOKS.register_module()
class BaselineHook(Hook):
    """Trains the baseline of a CT run: the same network with BN and without CT.

    The hook trains it after the student, in ``<work_dir>/baseline``, with a Runner of its own. It
    uses the student's config without CT and the same initial weights, and resumes a training that
    was killed. A :class:`~mmct.engine.ScorecardHook` scores the baseline, and compares teacher
    and student with it.

    Args:
        length (float, optional): Length of the baseline's training, in multiples of the student's.
            Defaults to None, as many steps as teacher and student take together.

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
        """Reject a run without CT before anything is trained.

        Args:
            runner (Runner): The runner of the training.

        Raises:
            CTError: If the run has no student, or ``length`` is needed but not given.
        """
        if is_simulated(runner) or runner._train_loop is None:
            return
        if not isinstance(unwrapped(runner), CTClassifier):
            raise CTError('BaselineHook needs a CTClassifier: this run is a baseline itself')
        self._length(runner)

    def after_train(self, runner: Runner) -> None:
        """Train the baseline, or load it if it is already trained.

        Args:
            runner (Runner): The student's runner.
        """
        if not is_simulated(runner):
            self.network = get_baseline(runner, self._length(runner))
            self.network.to(next(unwrapped(runner).parameters()).device)

    def _length(self, runner: Runner) -> float:
        if self.length is not None:
            return self.length
        hook = teacher_hook(runner.cfg) or {}
        if hook.get('max_epochs') or hook.get('max_iters'):
            raise CTError(
                'BaselineHook: the length of the teacher is given in epochs or iterations, so '
                'that of the baseline has to be given, too, in multiples of the student\'s: length'
            )
        given = 0 if hook.get('checkpoint') else hook.get('length', 1)
        return 1 + given
