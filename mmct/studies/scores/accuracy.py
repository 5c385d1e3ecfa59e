"""Measure accuracy on held-out images and on left-out domains."""

import copy
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.runner import Runner
from mmpretrain.registry import DATASETS

from mmct.scoring.accuracy import evaluate

from ..registry import SCORES
from ..worker import TrainedRun


@SCORES.register_module()
class ValidationError:
    """Error on ``val_dataloader``.

    Args:
        name (str): Name of the score.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, run: TrainedRun) -> dict[str, float]:
        """Measure the error of a network.

        Args:
            run (TrainedRun): The run that trained it.

        Returns:
            dict[str, float]: ``error_pct``, in %.
        """
        loader = Runner.build_dataloader(copy.deepcopy(run.config.val_dataloader), seed=0)
        return dict(error_pct=100 - evaluate([run.model()], loader).accuracy[0])

    def check_data(self, cfg: Config) -> None:
        """Check that there are images to predict.

        Args:
            cfg (Config): The config of a run.

        Raises:
            ValueError: If the config has no ``val_dataloader``.
        """
        if cfg.get('val_dataloader') is None:
            raise ValueError(f'score {self.name!r} needs a val_dataloader')
        DATASETS.build(copy.deepcopy(cfg.val_dataloader.dataset))


@SCORES.register_module()
class DomainScore:
    """Accuracy on each domain of a :class:`mmct.datasets.MultiDomain`, in %.

    These are the measurements of DomainBed (https://arxiv.org/abs/2007.01434). On a
    left-out domain, the ``training`` part gives the reported accuracy, and the
    hold-out gives the accuracy for selection by an oracle. On the other domains the
    hold-outs are measured. The pipeline is that of ``test_dataloader``.

    Args:
        name (str): Name of the score.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, run: TrainedRun) -> dict[str, Any]:
        """Measure the accuracies of a network.

        Args:
            run (TrainedRun): The run that trained it.

        Returns:
            dict: ``test_pct`` by left-out domain, its mean ``accuracy_pct``,
            ``holdout_pct`` by domain, and ``validation_pct``, the mean over the
            hold-outs of the training domains.
        """
        model = run.model()
        sets = _sets(run.config)
        found: dict[str, dict[str, float]] = dict(training={}, holdout={})
        for number, (part, domain) in enumerate(sets):
            run.say(number / len(sets))
            loader = copy.deepcopy(run.config.test_dataloader)
            loader.dataset.update(_chosen(domain, part))
            loader = Runner.build_dataloader(loader, seed=0)
            found[part][domain] = evaluate([model], loader).accuracy[0]
        tested, holdout = found['training'], found['holdout']
        return dict(
            test_pct=tested,
            holdout_pct=holdout,
            accuracy_pct=float(np.mean(list(tested.values()))),
            validation_pct=float(np.mean([holdout[d] for d in holdout if d not in tested])),
        )

    def check_data(self, cfg: Config) -> None:
        """Check that the images to predict exist.

        Args:
            cfg (Config): The config of a run.

        Raises:
            ValueError: If no domain is left out.
        """
        for part, domain in _sets(cfg):
            dataset = dict(cfg.test_dataloader.dataset)
            DATASETS.build({**dataset, **_chosen(domain, part)})


def _chosen(domain: str, part: str) -> dict[str, Any]:
    return dict(domains=domain, left_out=(), part=part)


def _sets(cfg: Config) -> list[tuple[str, str]]:
    """List the part and the domain of each set to predict."""
    training = DATASETS.build(cfg.train_dataloader.dataset)
    names = training.metainfo['domains']
    seen = {training.get_data_info(row)['domain'] for row in range(len(training))}
    left_out = [name for number, name in enumerate(names) if number not in seen]
    if not left_out:
        raise ValueError('DomainScore: training leaves no domain out')
    return [('training', name) for name in left_out] + [('holdout', name) for name in names]
