"""Test a network on each corruption and severity of a corruption set."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from mmpretrain.registry import LOOPS
from torch.utils.data import DataLoader, Dataset

from mmct.datasets import CleanImages, CorruptionSet
from mmct.evaluation import compare
from mmct.evaluation.metrics import CorruptionError, flat
from mmct.image_content import ImageError
from mmct.messages import missing_data, require_counts
from mmct.report import print_scorecards, render
from mmct.runs.errors import CTError
from mmct.runs.files import write_bytes
from mmct.runs.ranks import unwrapped
from mmct.scoring import as_network, score_cells
from mmct.scoring.cell_sources import in_order_of, select


@LOOPS.register_module()
class CorruptionTestLoop(BaseLoop):
    """Scores a network on each cell of a corruption set, and writes a result file.

    A cell is one corruption at one severity. The loop reads whole batches, moves each to the
    device once, as uint8, and normalises it there; the scores equal those of mmengine's own loop.
    It writes the result file after each cell, and a run that was killed resumes with the next
    cell. Hooks are called before and after the test, but not for each batch.

    Args:
        runner (Runner): The runner of the test.
        dataloader (DataLoader | dict): Loader of a :class:`~mmct.datasets.CorruptionSet`; it sets
            batch size and number of workers.
        evaluator (Evaluator | dict | list): Evaluator with a single
            :class:`~mmct.evaluation.metrics.CorruptionError`.
        fp16 (bool): Whether to run in mixed precision. Defaults to False.
        clean (dict, optional): Config of the data set of clean images. Defaults to None, the
            images that the corruptions are generated from, if the set has them.
        with_clean (bool): Whether to score clean images. Defaults to True.
        out (str, optional): The result file. Defaults to None, ``scorecard_<set>.json`` in the
            work dir.
        name (str, optional): Name of the run. Defaults to None: that in the result file, if it
            is continued, or the config's.
        channels_last (bool, optional): Whether inputs are stored channels last. Defaults to None,
            only on CUDA.
        recalibrate_bn (int): Number of batches on which BatchNorm is re-estimated, see
            :func:`mmct.scoring.score`; a default name then says so. Defaults to 0.
        classes (Sequence[str], optional): Class names of the network's outputs. Defaults to
            None, unknown.
        classes_by_position (bool): Whether to skip comparing the class names with those of the
            set. Defaults to False.
        subset (int | Sequence[str], optional): Images to score, see
            :func:`mmct.scoring.cell_sources.select`. Defaults to None, all images.
        report (bool): Whether to write a report page next to the result file. Defaults to True.

    Raises:
        ValueError: If the data set or the evaluator is of another kind, or a setting is not
            allowed.
        CTError: If the clean images cannot be read.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Evaluator | dict | list,
        fp16: bool = False,
        clean: dict | None = None,
        with_clean: bool = True,
        out: str | None = None,
        name: str | None = None,
        channels_last: bool | None = None,
        recalibrate_bn: int = 0,
        classes: Sequence[str] | None = None,
        classes_by_position: bool = False,
        subset: int | Sequence[str] | None = None,
        report: bool = True,
    ) -> None:
        require_counts(type(self).__name__, 0, recalibrate_bn=recalibrate_bn)
        super().__init__(runner, dataloader)
        self.evaluator = (
            evaluator if isinstance(evaluator, Evaluator) else runner.build_evaluator(evaluator)
        )
        self.fp16, self.out, self.name, self.channels_last = fp16, out, name, channels_last
        self.recalibrate_bn = recalibrate_bn
        self.classes, self.classes_by_position = classes, classes_by_position
        self.report = report
        self.cells = self.dataloader.dataset
        _check_parts(self.cells, self.evaluator.metrics)
        self.clean = None
        if with_clean:
            own = getattr(self.cells, 'clean', None)
            self.clean = own if clean is None else _clean_images(clean)
        if subset is not None:
            self.clean = self.clean and select(
                in_order_of(self.cells, self.clean, classes_by_position), subset
            )
            self.cells = select(self.cells, subset, classes_by_position)
        # It may reject the cells, so call it now and not after hours of scoring.
        self._options = self.evaluator.metrics[0].options(self.cells)

    def run(self) -> dict[str, float]:
        """Score all cells that are not scored yet.

        Returns:
            dict[str, float]: Errors in %, named as by
            :class:`~mmct.evaluation.metrics.CorruptionError`.

        Raises:
            CTError: If the result file belongs to another run.
        """
        runner = self.runner
        runner.call_hook('before_test')
        runner.call_hook('before_test_epoch')
        network = as_network(unwrapped(runner), classes=self.classes)
        settings = self._settings()
        result = score_cells(network, self.cells, self.clean, **settings)
        metric = self.evaluator.metrics[0]
        metrics = {f'{metric.prefix}/{name}': v for name, v in flat(result['summary']).items()}
        runner.call_hook('after_test_epoch', metrics=metrics)
        runner.call_hook('after_test')
        if is_main_process():
            self._tell(result, settings['out'])
        return metrics

    def _tell(self, result: dict[str, Any], out: Path) -> None:
        """Print the table, write the page, and print where the files are."""
        comparison = compare([result])
        print_scorecards(comparison)
        files = f'result: {out}'
        if self.report:
            page = out.with_suffix('.html')
            write_bytes(page, render(comparison, page.stem)[page.name])
            files += f'  report: {page}'
        print(files)

    def _settings(self) -> dict[str, Any]:
        runner, loader = self.runner, self.dataloader
        kind = self.cells.metainfo['corruptions']['set']
        config, checkpoint = Path(runner.cfg.filename or 'model'), runner._load_from
        out = self.out or Path(runner.work_dir) / f'scorecard_{kind}.json'
        adapted = ' (BN of test batches)' if self.recalibrate_bn else ''
        return dict(
            out=Path(out),
            name=self.name or f'{config.stem}{adapted}',
            keep_name=self.name is None,
            **self._options,
            config=config.name,
            checkpoint=Path(checkpoint).name if checkpoint else '',
            # If the config sets a batch sampler, the loader itself has no batch size.
            batch_size=loader.batch_size or getattr(loader.batch_sampler, 'batch_size', 128),
            num_workers=loader.num_workers,
            fp16=self.fp16,
            channels_last=self.channels_last,
            recalibrate_bn=self.recalibrate_bn,
            classes_by_position=self.classes_by_position,
        )


def _check_parts(cells: Dataset, metrics: list[BaseMetric]) -> None:
    if not isinstance(cells, CorruptionSet):
        raise ValueError(
            'CorruptionTestLoop: test_dataloader.dataset must be a corruption set such as '
            f'CIFAR10C or GeneratedCorruptionSet, got {type(cells).__name__}'
        )
    if len(cells) != len(cells.cells) * cells.num_images:
        raise ValueError(
            'CorruptionTestLoop: test_dataloader.dataset must have all images of each cell: '
            'leave out indices'
        )
    if len(metrics) != 1 or not isinstance(metrics[0], CorruptionError):
        raise ValueError(
            "CorruptionTestLoop: test_evaluator must be dict(type='CorruptionError'), got "
            f'{[type(metric).__name__ for metric in metrics]}'
        )


def _clean_images(dataset: dict) -> CleanImages:
    try:
        return CleanImages(dataset)
    except (CTError, ImageError) as error:
        raise CTError(
            f'clean images: {error}; or leave them out with --no-clean (with_clean=False)'
        ) from error
    except (OSError, RuntimeError, ValueError) as error:
        raise CTError(
            f'no clean images: {missing_data(error)}; put the test set of the config there, or '
            'leave them out with --no-clean (with_clean=False)'
        ) from error
