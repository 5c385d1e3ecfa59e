"""Apply command-line options to a config."""

import ast
import os
from argparse import Namespace
from collections.abc import Collection
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction

from mmct.runs.building import set_loader_defaults
from mmct.runs.configs import check_key
from mmct.runs.errors import CTError, config_errors
from mmct.runs.identity import FIELDS
from mmct.runs.ranks import check_launcher


def merge_cfg_options(cfg: Config, args: Namespace, read: Collection[str] = FIELDS) -> None:
    """Merge ``--cfg-options`` into a config.

    Args:
        cfg (Config): The config. It is changed in place.
        args (Namespace): The options.
        read (Collection[str]): The keys that are read. Defaults to those of a Runner.

    Raises:
        CTError: If nothing would read a key, or if its value cannot be parsed or merged.
    """
    settings = cfg_options(args)
    for key in settings:
        check_key(cfg, key, '--cfg-options', read)
    with config_errors():
        cfg.merge_from_dict(settings)


def cfg_options(args: Namespace) -> dict[str, Any]:
    """Read ``--cfg-options``.

    Args:
        args (Namespace): The options.

    Returns:
        dict: The values by dotted key.

    Raises:
        CTError: If a value cannot be parsed.
    """
    words = args.cfg_options or []
    literals = [word for word in words if _has_dict(word)]
    parsed = Namespace()
    with config_errors():
        plain = [word for word in words if word not in literals]
        DictAction(['--cfg-options'], 'settings')(None, parsed, plain)
    return {**parsed.settings, **dict(map(_literal, literals))}


def _has_dict(word: str) -> bool:
    """Check whether a value is or contains a dict, which mmengine cannot parse."""
    value = word.partition('=')[2].strip()
    listed = value[:1] in ('[', '(', '{')
    return value.startswith('dict(') or listed and ('dict(' in value or {*'{:'} <= {*value})


def _literal(word: str) -> tuple[str, Any]:
    key, _, value = word.partition('=')
    try:
        return key, ast.literal_eval(value)
    except (SyntaxError, ValueError) as error:
        raise CTError(
            f"--cfg-options {key}: {value} cannot be read; write it in quotes, as in "
            """custom_hooks="[{'type': 'EMAHook'}]"."""
        ) from error


def merge_common_arguments(cfg: Config, args: Namespace, suffix: str = '') -> None:
    """Merge the options that training and testing share into a config.

    Args:
        cfg (Config): The config. It is changed in place.
        args (Namespace): The options.
        suffix (str): Suffix of the work directory's default name, which is used if neither the
            options nor the config name a work directory. Defaults to ''.

    Raises:
        CTError: If the options name a launcher that did not start this process.
    """
    # Launchers that predate torchrun pass the rank as an option, and Open MPI in its own variable.
    rank = str(args.local_rank)
    if args.launcher == 'mpi':
        rank = os.environ.get('OMPI_COMM_WORLD_LOCAL_RANK', rank)
    os.environ.setdefault('LOCAL_RANK', rank)
    check_launcher(args.launcher)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        stem = Path(args.config.split('::')[-1]).stem
        cfg.work_dir = str(Path('work_dirs') / f'{stem}{suffix}')


def set_loader(cfg: Config, field: str, args: Namespace, **defaults: object) -> None:
    """Set mmpretrain's defaults for a data loader, and apply the options that change it.

    Args:
        cfg (Config): The config. It is changed in place.
        field (str): The config's key of the loader, such as 'train_dataloader'.
        args (Namespace): The options.
        **defaults: The defaults of :func:`mmct.runs.building.set_loader_defaults`.
    """
    set_loader_defaults(cfg, field, **defaults)
    if cfg.get(field) is not None:
        if args.no_pin_memory:
            cfg[field].pin_memory = False
        if getattr(args, 'no_persistent_workers', False):
            cfg[field].persistent_workers = False
