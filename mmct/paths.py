"""Find what comes with mmct beside its modules, and what it keeps for a user."""

import os
from difflib import get_close_matches
from pathlib import Path


def checkout() -> Path | None:
    """Find the source checkout that mmct is imported from.

    Returns:
        Path | None: Its folder; None for an installed wheel, which has ``.mim`` instead.
    """
    package = Path(__file__).resolve().parent
    return None if (package / '.mim').is_dir() else package.parent  # only the build packs `.mim`


def user_cache() -> Path:
    """Return the folder of what mmct keeps for a user: compiled code, downloaded networks.

    Returns:
        Path: ``~/.cache/mmct``, or below ``XDG_CACHE_HOME`` if it is set.

    Raises:
        RuntimeError: If the user has no home.
    """
    root = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(root) / 'mmct'


def config_path(name: str) -> str:
    """Find a config that comes with mmct.

    Configs under ``_base_`` are not found: they do not run by themselves.

    Args:
        name (str): File name of the config without its folder, with or without
            ``.py``, such as ``ct_resnet18_cifar10``. File names are unique in
            the package.

    Returns:
        str: Absolute path of the config, in the installed wheel or in the
        source checkout from which mmct is imported.

    Raises:
        FileNotFoundError: If mmct has no config of that name.
    """
    root = (checkout() or Path(__file__).resolve().parent / '.mim') / 'configs'
    configs = {p.stem: p for p in root.rglob('*.py') if '_base_' not in p.relative_to(root).parts}
    stem = name.removesuffix('.py')
    if stem not in configs:
        nearest = ', '.join(get_close_matches(stem, configs, cutoff=0.0))
        raise FileNotFoundError(
            f'mmct has no config {name!r} in {root}; the nearest are: {nearest}'
        )
    return str(configs[stem])
