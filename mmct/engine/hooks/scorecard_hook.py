"""Write a scorecard and a report at the end of training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import DATASETS, HOOKS

from mmct.evaluation import Comparison, compare
from mmct.evaluation.paired import differences
from mmct.models import CTClassifier
from mmct.report import heat_map, pixels, print_outcome, render
from mmct.runs.averages import averaged
from mmct.runs.building import is_training
from mmct.runs.configs import scoped
from mmct.runs.errors import CTError, config_errors
from mmct.runs.files import write_bytes
from mmct.runs.isolation import isolated
from mmct.runs.ranks import unwrapped
from mmct.scoring import as_network, score_cells

from .baseline_hook import BaselineHook

# What tables and figures call a network, by its role.
_NAMES = dict(baseline='plain BN', teacher='teacher without BN', student='CT', model='model')

_ONE_SEED = (
    'One training of each, with seed {}: other seeds give other numbers, `mmct study` gives '
    'their spread.'
)


@HOOKS.register_module()
class ScorecardHook(Hook):
    """Scores the trained network on corruptions of its own test set.

    The test set is the one in the config, and the corruptions are generated in memory. In a CT
    run, the hook scores student and teacher. With an ``EMAHook`` it scores the averaged network, as
    in the checkpoint. With a :class:`~mmct.engine.BaselineHook` it also
    scores the baseline and compares both with it; without one, neither serves as the baseline.

    The hook writes a result file for each network, ``report.html`` and its figures to
    ``<work_dir>/scorecard``. It sends to the visualizer: errors in %, named ``corruption/...``,
    ``teacher/corruption/...`` and ``baseline/corruption/...``; differences in percentage points,
    named ``student_minus_teacher/...`` and ``student_minus_baseline/...``; and the heat map.

    Args:
        corruptions (Sequence[str], optional): Names of corruptions. Defaults to all 19.
        severities (Sequence[int], optional): Severities from 1 to 5. Defaults to all.
        seed (int): Seed of the corruptions. Defaults to 0.
        table (str, optional): Table of severities: 'cifar', 'tiny_imagenet' or 'imagenet'.
            Defaults to None, the table that fits the image size.
        enable (bool): Whether to score the network. Defaults to True.
    """

    # After the hook that compares teacher and student.
    priority = 'VERY_LOW'

    def __init__(
        self,
        corruptions: Sequence[str] | None = None,
        severities: Sequence[int] | None = None,
        seed: int = 0,
        table: str | None = None,
        enable: bool = True,
    ) -> None:
        self._settings = dict(
            corruptions=corruptions, severities=severities, seed=seed, table=table
        )
        self.enable = enable

    def before_run(self, runner: Runner) -> None:
        """Open the test set, so that a run that cannot be scored fails before it trains.

        ``before_train`` would be too late: there the teacher's hook may train for hours.

        Args:
            runner (Runner): The runner of the training.

        Raises:
            CTError: If the config has no test set, or its test set cannot be corrupted.
        """
        if not (self.enable and is_training(runner)):
            return
        if not runner.cfg.get('test_dataloader'):
            raise CTError(
                'ScorecardHook scores on the test set, but the config has none: set '
                'test_dataloader, or leave the hook out'
            )
        try:
            with config_errors():
                self._cells = DATASETS.build(
                    dict(
                        type=scoped(runner.cfg, 'GeneratedCorruptionSet'),
                        dataset=runner.cfg.test_dataloader.dataset,
                        **self._settings,
                    )
                )
        except (CTError, OSError) as error:
            raise CTError(f'ScorecardHook: no test set to score on: {error}') from error

    def after_train(self, runner: Runner) -> None:
        """Score the networks, print the table, and write results, report and curves.

        Args:
            runner (Runner): The runner of the training.
        """
        if not (self.enable and is_training(runner)):
            return
        loader = runner.cfg.test_dataloader
        folder = Path(runner.work_dir) / 'scorecard'
        config = Path(runner.cfg.filename or 'model')
        networks = _networks(runner)
        # On a CPU, workers would take the cores of the network.
        workers = 0 if get_device() == 'cpu' else loader.get('num_workers', 0)
        files = [folder / f'{role}.json' for role in networks]
        with averaged(runner), isolated():
            results = [
                score_cells(
                    as_network(model),
                    self._cells,
                    self._cells.clean,
                    out=file,
                    name=f'{config.stem}: {_NAMES[role]}',
                    config=config.name,
                    batch_size=loader.get('batch_size', 128),
                    num_workers=workers,
                    # It may exist from an earlier training in this work dir.
                    replace=True,
                )
                for file, (role, model) in zip(files, networks.items(), strict=True)
            ]
        if is_main_process():
            # The student is compared with the BN baseline, not with its BN-free teacher.
            roles = list(networks)
            base = roles.index('baseline') if 'baseline' in roles else None
            comparison = compare(results, base)
            page = folder / 'report.html'
            for name, content in render(comparison, page.stem).items():
                write_bytes(page.with_name(name), content)
            self._track(runner, comparison, roles)
            print_outcome(comparison, page, _ONE_SEED.format(runner.seed))

    def _track(self, runner: Runner, comparison: Comparison, roles: Sequence[str]) -> None:
        """Send scores and the heat map to the trackers."""
        numbers = {}
        for role, result in zip(roles, comparison.results, strict=True):
            own = f'{role}/' if role in ('baseline', 'teacher') else ''
            numbers |= _named(f'{own}corruption/', result['summary'])
        results = dict(zip(roles, comparison.results, strict=True))
        student = results.pop('student', None)
        for role, result in results.items() if student else ():
            numbers |= _named(f'student_minus_{role}/', differences(student, result))
        runner.visualizer.add_scalars(numbers, step=runner.iter)
        # MLflow requires a suffix, and LocalVisBackend cannot write into a folder.
        picture = pixels(heat_map(comparison))
        runner.visualizer.add_image('corruption_heat_map.png', picture, runner.iter)


def _named(prefix: str, errors: Mapping[str, Any]) -> dict[str, float]:
    """Return the errors of a summary, or the differences of two, by the names of their curves."""
    found = {name: errors[name] for name in ('clean_error_pct', 'raw_mce_pct')}
    for name, error in errors['corruption_error_pct'].items():
        found[f'{name}_error_pct'] = error
    return {
        f'{prefix}{name}': error['value'] if isinstance(error, Mapping) else error
        for name, error in found.items()
        if error is not None
    }


def _networks(runner: Runner) -> dict[str, ImageClassifier]:
    """Return the networks to score by role, in the order of the tables."""
    network = unwrapped(runner)
    if not isinstance(network, CTClassifier):
        return dict(model=network)
    trained = [hook.network for hook in runner.hooks if isinstance(hook, BaselineHook)]
    networks = dict(teacher=network.teacher, student=network)
    return dict(baseline=trained[0], **networks) if trained else networks
