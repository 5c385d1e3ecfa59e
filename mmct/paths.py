"""Find the configs that come with mmct."""

from difflib import get_close_matches
from pathlib import Path


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
    package = Path(__file__).resolve().parent
    root = package / '.mim' / 'configs'
    if not root.is_dir():  # a checkout: only the build packs `.mim`
        root = package.parent / 'configs'
    configs = {p.stem: p for p in root.rglob('*.py') if '_base_' not in p.relative_to(root).parts}
    stem = name.removesuffix('.py')
    if stem not in configs:
        nearest = ', '.join(get_close_matches(stem, configs, cutoff=0.0))
        raise FileNotFoundError(
            f'mmct has no config {name!r} in {root}; the nearest are: {nearest}'
        )
    return str(configs[stem])
