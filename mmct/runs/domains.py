"""Left-out domains in configs: which data sets they are in, and whether these agree."""

import inspect

from mmengine.config import Config, ConfigDict
from mmpretrain.registry import DATASETS

from .configs import type_name
from .errors import CTError

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def set_test_domain(cfg: Config, domain: str) -> None:
    """Train and validate on all domains but one, and test on that.

    Args:
        cfg (Config): Its data sets are :class:`mmct.datasets.MultiDomain` or
            subclasses of it, as the benchmarks are. Changed in place.
        domain (str): The test domain.

    Raises:
        CTError: If a data set has no domains.
    """
    for name in _LOADERS:
        if not cfg.get(name):
            continue
        dataset = cfg[name]['dataset']
        if not _has_domains(dataset):
            raise CTError(
                '--test-domain needs data sets of several domains, such as VLCS or another '
                f'MultiDomain, but {name} has {type_name(dataset)}'
            )
        if name == 'test_dataloader':
            dataset.update(domains=domain, left_out=())
        else:
            dataset.update(domains=None, left_out=domain)


def check_split(cfg: Config) -> None:
    """Refuse domains that are split in one way to train and in another to be held out.

    Args:
        cfg (Config): Any; without :class:`mmct.datasets.MultiDomain` nothing is wrong.

    Raises:
        CTError: Names what differs: images that are trained on would be held out.
    """
    loaders = {name: cfg[name]['dataset'] for name in _LOADERS if cfg.get(name)}
    if not all(_has_domains(dataset) for dataset in loaders.values()):
        return
    for key in ('holdout', 'seed', 'stratify'):
        values = {
            name: dataset.get(key, _default(dataset, key)) for name, dataset in loaders.items()
        }
        if len(set(values.values())) > 1:
            found = ', '.join(f'{name}: {value}' for name, value in values.items())
            raise CTError(
                f'the {key} of the domains must be the same in all data sets, or images that '
                f'are trained on are held out, but is {found}'
            )


def _has_domains(dataset: ConfigDict) -> bool:
    # By its attribute: the data sets are built on this room, not the other way round.
    return hasattr(DATASETS.get(type_name(dataset)), 'DOMAINS')


def _default(dataset: ConfigDict, key: str) -> object:
    for kind in DATASETS.get(type_name(dataset)).__mro__:
        parameters = inspect.signature(kind.__init__).parameters
        if key in parameters:
            return parameters[key].default
    return None
