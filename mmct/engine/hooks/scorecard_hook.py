"""A scorecard and a report at the end of training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import DATASETS, HOOKS

from mmct.evaluation import Comparison, compare
from mmct.models import CTClassifier
from mmct.report import heat_map, pixels, print_scorecards, render
from mmct.runs.building import is_simulated
from mmct.runs.configs import scoped
from mmct.runs.errors import CTError, config_errors
from mmct.runs.files import write_bytes
from mmct.runs.isolation import isolated
from mmct.runs.quiet_logging import ON_CONSOLE
from mmct.runs.ranks import unwrapped
from mmct.scoring import as_network, score_cells
from mmct.teacher.trackers import PREFIX


@HOOKS.register_module()
class ScorecardHook(Hook):
    """Scores the trained network on corruptions of its own test set.

    The test set is that of the config, the corruptions are generated in
    memory. Of a :class:`~mmct.models.CTClassifier` student and teacher are
    scored; neither is the other's baseline. In ``<work_dir>/scorecard`` there
    is then a result file of each and ``report.html``. The visualizer gets the errors in %, under
    ``corruption/`` and, of the teacher, ``teacher/corruption/``; of both the
    differences, under ``student_minus_teacher/``; and the heat map.

    Args:
        corruptions (Sequence[str], optional): Names. Defaults to all 19.
        severities (Sequence[int], optional): From 1 to 5. Defaults to all.
        seed (int): Of the corruptions. Defaults to 0.
        table (str, optional): 'cifar', 'tiny_imagenet' or 'imagenet'. Defaults to
            by size.
        enable (bool): Whether to do it at all. Defaults to True.
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
        """Open the test set: a run that could not be scored must not train first.

        Not in ``before_train``, where the teacher's hook trains for hours.

        Args:
            runner (Runner): The run.

        Raises:
            CTError: If the config has no test set, or none that can be corrupted.
        """
        if not self._acts(runner):
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
        """Score, print the table, write results, report and curves.

        Args:
            runner (Runner): The run.
        """
        if not self._acts(runner):
            return
        loader = runner.cfg.test_dataloader
        folder = Path(runner.work_dir) / 'scorecard'
        config = Path(runner.cfg.filename or 'model')
        networks = _networks(runner)
        files = [folder / f'{role}.json' for role in networks]
        with isolated():
            results = [
                score_cells(
                    as_network(model),
                    self._cells,
                    self._cells.clean,
                    out=file,
                    name=f'{config.stem}: {role}',
                    config=config.name,
                    batch_size=loader.get('batch_size', 128),
                    # An earlier training's in this work dir.
                    replace=True,
                )
                for file, (role, model) in zip(files, networks.items(), strict=True)
            ]
        if is_main_process():
            # Nothing is the baseline: a teacher without BN is not what a student is measured by.
            comparison = compare(results)
            print_scorecards(comparison)
            page = folder / 'report.html'
            for name, content in render(comparison, page.stem).items():
                write_bytes(page.with_name(name), content)
            self._track(runner, comparison, list(networks))
            scored = ', '.join(str(file) for file in files)
            runner.logger.info(f'result: {scored}  report: {page}', extra=ON_CONSOLE)

    def _track(self, runner: Runner, comparison: Comparison, roles: Sequence[str]) -> None:
        """Send scores and heat map to the trackers."""
        numbers = {}
        for role, result in zip(roles, comparison.results, strict=True):
            own = PREFIX if role == 'teacher' else ''
            numbers |= _named(f'{own}corruption/', result['summary'])
        if len(roles) > 1:
            difference = compare(comparison.results, roles.index('teacher')).differences[0]
            numbers |= _named('student_minus_teacher/', difference)
        runner.visualizer.add_scalars(numbers, step=runner.iter)
        # MLflow wants a suffix, and LocalVisBackend no folder.
        picture = pixels(heat_map(comparison))
        runner.visualizer.add_image('corruption_heat_map.png', picture, runner.iter)

    def _acts(self, runner: Runner) -> bool:
        # The hook is there, too, when the config is only tested, or its schedule is drawn.
        trains = isinstance(runner._train_loop, BaseLoop) and not is_simulated(runner)
        return self.enable and trains


def _named(prefix: str, errors: Mapping[str, Any]) -> dict[str, float]:
    """Name the errors of a summary, or the differences of two, as curves."""
    found = {name: errors[name] for name in ('clean_error_pct', 'raw_mce_pct')}
    for name, error in errors['corruption_error_pct'].items():
        found[f'{name}_error_pct'] = error
    return {
        f'{prefix}{name}': error['value'] if isinstance(error, Mapping) else error
        for name, error in found.items()
        if error is not None
    }


def _networks(runner: Runner) -> dict[str, ImageClassifier]:
    network = unwrapped(runner)
    if isinstance(network, CTClassifier):
        return dict(student=network, teacher=network.teacher)
    return dict(model=network)
