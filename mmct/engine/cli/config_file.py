"""Finding the config that a user names."""

import difflib
import importlib.util
from pathlib import Path

from mmengine.config import Config

from mmct.paths import config_path

from ..errors import CTError


def load_config(path: str) -> Config:
    """Read a config file, or one that an installed mm package ships.

    Args:
        path (str): A file, or ``package::file`` such as
            ``mmpretrain::resnet/resnet18_8xb16_cifar10.py``, or
            ``mmct::ct_resnet18_digits.py``.

    Returns:
        Config: The config.

    Raises:
        CTError: If there is no such file; near names are suggested.
    """
    package, separator, name = path.rpartition('::')
    if package == 'mmct':
        return Config.fromfile(config_path(name))
    file = Path(path)
    beside = file.parent.glob('*.py')
    if separator:
        root = _package_configs(path, package)
        file, beside = root / name, root.rglob('*.py')
    if not file.is_file():
        root = root if separator else file.parent
        names = {other.name: str(other.relative_to(root)) for other in beside}
        near = difflib.get_close_matches(file.name, names, n=3)
        hint = f'; near it: {", ".join(names[n] for n in near)}' if near else ''
        raise CTError(f'there is no config file {path}{hint}')
    return Config.fromfile(file)


def _package_configs(path: str, package: str) -> Path:
    """The folder of configs that an installed mm package ships."""
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or not spec.submodule_search_locations:
        raise CTError(f'config {path}: there is no package {package!r}')
    return Path(spec.submodule_search_locations[0]) / '.mim' / 'configs'
