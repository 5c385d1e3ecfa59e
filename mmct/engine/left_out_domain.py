"""Leaving one domain out of training, to test on it."""

from mmengine.config import Config
from mmpretrain.registry import DATASETS

from mmct.datasets import MultiDomain

from .config_types import type_name
from .errors import CTError


def set_test_domain(cfg: Config, domain: str) -> None:
    """Train and validate on all domains but one, and test on that.

    Args:
        cfg (Config): Its data sets are :class:`mmct.datasets.MultiDomain` or
            below it, as the benchmarks are. Changed in place.
        domain (str): The test domain.

    Raises:
        CTError: If a data set has no domains.
    """
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if not cfg.get(name):
            continue
        dataset = cfg[name]['dataset']
        kind = DATASETS.get(type_name(dataset))
        if not (isinstance(kind, type) and issubclass(kind, MultiDomain)):
            raise CTError(
                f'--test-domain needs data sets of several domains, such as VLCS or another '
                f'MultiDomain, but {name} has {type_name(dataset)}'
            )
        if name == 'test_dataloader':
            dataset.update(domains=domain, left_out=())
        else:
            dataset.update(domains=None, left_out=domain)
