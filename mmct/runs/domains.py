"""Set the left-out domain in a config, and check that its data sets split domains alike."""

import inspect

from mmengine.config import Config, ConfigDict
from mmpretrain.registry import DATASETS

from .configs import type_name
from .errors import CTError

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def set_test_domain(cfg: Config, domain: str) -> None:
    """Train and validate on all domains but one, and test on that one.

    Args:
        cfg (Config): A config with data sets of :class:`mmct.datasets.MultiDomain`
            or its subclasses, changed in place.
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
    """Refuse domains that training and validation split differently.

    Args:
        cfg (Config): Any config; only :class:`mmct.datasets.MultiDomain` is checked.

    Raises:
        CTError: If the splits differ, so that training images would also be held out; the
            message names the setting.
    """
    loaders = {name: cfg[name].get('dataset') for name in _LOADERS if cfg.get(name)}
    loaders = {name: dataset for name, dataset in loaders.items() if _has_domains(dataset)}
    for key in ('holdout', 'seed', 'stratify', 'splits'):
        values = {
            name: dataset.get(key, _default(dataset, key)) for name, dataset in loaders.items()
        }
        # Values need not be hashable.
        if any(other != value for other in values.values() for value in values.values()):
            found = ', '.join(f'{name}: {value}' for name, value in values.items())
            raise CTError(
                f'the {key} of the domains must be the same in all data sets, or training images '
                f'would also be held out, but is {found}'
            )


def _has_domains(dataset: ConfigDict) -> bool:
    # By an attribute, as this package must not import the data sets.
    return hasattr(DATASETS.get(type_name(dataset)), 'DOMAINS')


def _default(dataset: ConfigDict, key: str) -> object:
    for kind in DATASETS.get(type_name(dataset)).__mro__:
        parameters = inspect.signature(kind.__init__).parameters
        if key in parameters:
            return parameters[key].default
    return None
