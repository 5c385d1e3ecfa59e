"""Measure clean error, corrupted error and the gap between them, at the end or along training."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device
from mmpretrain.registry import DATASETS

from mmct.datasets import CleanImages, CorruptionSet, GeneratedCorruptionSet
from mmct.datasets.images import order_of_dataset
from mmct.evaluation.summary import error_table, main_corruptions
from mmct.messages import require_counts
from mmct.runs.configs import scoped, type_name
from mmct.scoring import as_network, score_cells
from mmct.scoring.recalibration import batch_norms

from .. import image_errors
from ..registry import SCORES
from ..worker import TrainedRun

_ERRORS = ('clean_error_pct', 'raw_mce_pct', 'gap_pct')


@SCORES.register_module()
class CorruptionScore:
    """The corruption scorecard of a network.

    The full scorecard, with the hits on each image in each cell (a corruption at a
    severity), stays in the folder of the run. The study keeps its summary and how
    often each image was wrong, so that standard errors can include the choice of
    images.

    Args:
        name (str): Name of the score.
        dataset (dict, optional): Config of a corruption set. Defaults to None:
            corruptions generated from the clean images.
        clean (dict, optional): Changes to the data set of the clean images, also for
            generated corruptions. Defaults to None.
        corruptions (Sequence[str], optional): Names of corruptions. Defaults to None:
            all of the set.
        severities (Sequence[int], optional): Severities from 1 to 5. Defaults to None:
            all.
        split (str): The data set of the network's config with the clean images,
            'test' or 'val'. Choose settings on 'val', with other corruptions than
            those of the test. Defaults to 'test'.
        recalibrate_bn (int): Number of batches per cell on which BatchNorm's
            statistics are re-estimated without labels; 0 keeps those of the
            training. This is a separate setting, as it uses test images. Networks
            without BN are scored as they are. Defaults to 0.

    Raises:
        ValueError: If ``split`` is unknown, or ``recalibrate_bn`` is not a number of batches.
    """

    def __init__(
        self,
        name: str,
        dataset: dict | None = None,
        clean: dict | None = None,
        corruptions: Sequence[str] | None = None,
        severities: Sequence[int] | None = None,
        split: str = 'test',
        recalibrate_bn: int = 0,
    ) -> None:
        if split not in ('test', 'val'):
            raise ValueError(f"{type(self).__name__}: split must be 'test' or 'val', got {split!r}")
        require_counts(type(self).__name__, 0, recalibrate_bn=recalibrate_bn)
        self.split, self.recalibrate_bn = split, recalibrate_bn
        self.name, self.dataset, self.own = name, dataset, clean or {}
        self.chosen = dict(corruptions=corruptions, severities=severities)
        # The tables by which images were generated: with other revisions there are other images.
        self.tables: set[str] = set()

    def __call__(self, run: TrainedRun) -> dict[str, Any]:
        """Score a network; an interrupted call continues with the next cell of the set.

        Args:
            run (TrainedRun): The run that trained it.

        Returns:
            dict: ``clean_error_pct``, ``raw_mce_pct``, ``gap_pct`` (the
            difference of these), ``corruption_error_pct`` by name,
            ``severity_error_pct`` by severity, and calibration errors
            (``ece_pct``, ``rms_calibration_pct``), all in %; and
            ``wrong_by_image``, see :class:`~mmct.studies.image_errors.WrongByImage`.
        """
        return self.measure(run, run.folder / 'scores' / f'{self.name}.json')

    def check_data(self, cfg: Config) -> None:
        """Check that the images to predict exist.

        Args:
            cfg (Config): The config of a run.
        """
        self._images(cfg)

    def measure(self, run: TrainedRun, out: Path, checkpoint: Path | None = None) -> dict[str, Any]:
        """Score a network, or an earlier state of it.

        Args:
            run (TrainedRun): The run that trained it.
            out (Path): File of the scorecard.
            checkpoint (Path, optional): Checkpoint of an earlier epoch. Defaults
                to None: the end of training.

        Returns:
            dict: The errors, as calling the score returns them.
        """
        cells, clean = self._images(run.config)
        loader = run.config[f'{self.split}_dataloader']
        model = run.model(checkpoint)
        with_bn = bool(batch_norms(model))
        result = score_cells(
            as_network(model),
            cells,
            clean,
            out=out,
            name=run.title,
            config=Path(run.config.filename).name,
            checkpoint=(checkpoint or run.folder / 'weights.pth').name,
            batch_size=loader.get('batch_size', 128),
            # On a CPU, workers would take the cores of the network.
            num_workers=0 if get_device() == 'cpu' else loader.get('num_workers', 0),
            recalibrate_bn=self.recalibrate_bn if with_bn else 0,
            # Replace a scorecard with other settings, whose summary the study has.
            replace=True,
        )
        if isinstance(cells, GeneratedCorruptionSet):
            self.tables.add(cells.table)
        summary = result['summary']
        kept = (
            *_ERRORS, 'corruption_error_pct', 'categories_pct', 'ece_pct', 'rms_calibration_pct'
        )  # fmt: skip
        table = error_table(result['cells'])
        main = [table[name] for name in main_corruptions(result['data'], table)]
        return dict(
            images=result['data']['images'],
            severity_error_pct={
                str(severity): sum(errors) / len(errors)
                for severity, *errors in zip(summary['severities'], *main, strict=True)
            },
            **{name: summary[name] for name in kept},
            **{image_errors.NAME: image_errors.wrong_by_image(result)},
        )

    def _images(self, cfg: Config) -> tuple[CorruptionSet, CleanImages]:
        loader = cfg.get(f'{self.split}_dataloader')
        if loader is None:
            raise ValueError(f'score {self.name!r} needs a {self.split}_dataloader')
        own = copy.deepcopy(loader.dataset)
        own.update(copy.deepcopy(self.own))
        if self.dataset is None:
            settings = dict(type=scoped(cfg, 'GeneratedCorruptionSet'), dataset=own)
        else:
            settings = dict(copy.deepcopy(self.dataset))
            settings['type'] = scoped(cfg, type_name(settings))
            settings.setdefault('channel_order', order_of_dataset(loader.dataset))
        cells = DATASETS.build({**settings, **self.chosen})
        return cells, cells.clean if self.dataset is None else CleanImages(own)


@SCORES.register_module()
class AlongTraining(CorruptionScore):
    """The errors of each checkpoint that the training kept.

    A network that is merely undertrained has a small gap between corrupted and
    clean error, so gaps are comparable only at equal clean errors. The checkpoint
    hook of the config must keep the checkpoints (``interval``,
    ``max_keep_ckpts=-1``). Its settings are those of :class:`CorruptionScore`.
    """

    def check_data(self, cfg: Config) -> None:
        """Check the images, and that the checkpoints will be kept.

        Args:
            cfg (Config): The config of a run.

        Raises:
            ValueError: If the checkpoint hook keeps some only, or none of epochs.
        """
        super().check_data(cfg)
        hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
        kept = hook.get('max_keep_ckpts', -1) < 1 and hook.get('interval', -1) > 0
        if not (kept and hook.get('by_epoch', True)):
            raise ValueError(
                'AlongTraining needs the checkpoints of all epochs: set default_hooks.checkpoint '
                'to dict(interval=1, max_keep_ckpts=-1), and remove the folders in runs/ of '
                'networks that were trained without'
            )

    def __call__(self, run: TrainedRun) -> dict[str, Any]:
        """Score all checkpoints of a network.

        Args:
            run (TrainedRun): The run that trained it.

        Returns:
            dict: Lists of equal length: ``epoch``, and ``clean_error_pct``,
            ``raw_mce_pct`` and ``gap_pct`` in %.

        Raises:
            ValueError: If the checkpoint of an epoch is missing.
        """
        checkpoints = run.epochs()
        if not checkpoints:
            raise ValueError(
                f'AlongTraining: {run.folder} has no checkpoints of epochs: remove the folder to '
                'train the network again'
            )
        # What the checkpoint hook keeps is not in a cell's key: it may have been trained before.
        hook = run.config.default_hooks.checkpoint
        step = max(1, hook.get('interval', 1))
        every = range(hook.get('save_begin') or step, max(checkpoints), step)
        lost = [epoch for epoch in every if epoch not in checkpoints]
        if lost:
            raise ValueError(
                f'AlongTraining: {run.folder} has no checkpoint of epoch {lost[0]}: remove the '
                'folder to train the network again'
            )
        folder = run.folder / 'scores' / self.name
        found = []
        for number, (epoch, checkpoint) in enumerate(checkpoints.items()):
            found.append(self.measure(run, folder / f'epoch_{epoch}.json', checkpoint))
            run.say((number + 1) / len(checkpoints))
        errors = {name: [each[name] for each in found] for name in _ERRORS}
        return dict(epoch=list(checkpoints), **errors)
