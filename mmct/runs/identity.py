"""Fingerprints of runs: two runs with the same one train the same weights.

All that a run is built from counts, but for what :data:`IGNORED` and :data:`OBSERVERS` list.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from mmct.corruptions import identities

if TYPE_CHECKING:
    from torch import Tensor

FIELDS = (
    'model', 'data_preprocessor', 'train_dataloader', 'val_dataloader', 'test_dataloader',
    'train_cfg', 'val_cfg', 'test_cfg', 'val_evaluator', 'test_evaluator', 'optim_wrapper',
    'param_scheduler', 'auto_scale_lr', 'default_hooks', 'custom_hooks', 'randomness',
    'env_cfg', 'load_from', 'resume', 'launcher', 'work_dir', 'log_processor', 'log_level',
    'visualizer', 'default_scope', 'experiment_name', 'custom_imports', 'runner_type',
    'model_wrapper_cfg', 'compile', 'efficient_conv_bn_eval', 'strategy',
)  # fmt: skip
"""What Runners read of a config; all else in it are variables, of which these are made."""

IGNORED = (
    # Where a run writes and what it shows; which packages register classes.
    'work_dir', 'resume', 'launcher', 'log_level', 'log_processor*', 'visualizer*',
    'experiment_name', 'default_scope', 'custom_imports*', '*_scope_',
    'test_*',
    # The data count by what is in them, wherever they are and however they are read.
    'train_dataloader.dataset*.data_root', 'train_dataloader.dataset*.data_prefix*',
    'train_dataloader.dataset*.download', 'train_dataloader.dataset*.lazy_init',
    'train_dataloader.dataset*.serialize_data', '*.backend_args*', '*.file_client_args*',
    # As on the number of threads, weights depend on these by bits alone.
    'train_dataloader.num_workers', 'train_dataloader.persistent_workers',
    'train_dataloader.pin_memory', 'train_dataloader.prefetch_factor', 'env_cfg*', 'compile*',
    'model_wrapper_cfg*', 'randomness.deterministic',
    # `start_from` stands for it, also in a resumed run.
    'load_from', 'custom_hooks.NoBNTrainingHook.checkpoint',
    # What to do with a teacher, not how it is trained.
    'custom_hooks.NoBNTeacherHook.on_weak_teacher', 'custom_hooks.NoBNTeacherHook.retrain',
)  # fmt: skip
"""Patterns of full paths of settings that cannot change the weights; reviewed.

A dict with a ``type`` in a list is named by its type.
"""

VALIDATION = (
    'val_*', 'train_cfg.val_interval', 'train_cfg.val_begin', 'train_cfg.dynamic_intervals*',
)  # fmt: skip
"""The same, unless the training itself reads the scores, as :data:`SCORE_READERS` do."""

SCORE_READERS = (
    'EarlyStoppingHook', 'ReduceOnPlateauLR', 'ReduceOnPlateauMomentum',
    'ReduceOnPlateauParamScheduler',
)  # fmt: skip

OBSERVERS = {
    'CheckpointHook', 'EmptyCacheHook', 'IterTimerHook', 'LoggerHook', 'MemoryProfilerHook',
    'NPUProfilerHook', 'ProfilerHook', 'ResumableCheckpointHook', 'RuntimeInfoHook',
    'ScorecardHook', 'VisualizationHook',
}  # fmt: skip
"""Hooks that write or show what a training does, and change nothing of it."""

SEED = 'randomness.seed'
"""The key of the seed."""

UNKNOWN = 'unknown'
"""Where a run started, if it was resumed by a tool that does not keep that."""

# What is the same as none: mmpretrain's tools fill it in.
_COLLATE = ('default_collate', 'pseudo_collate')
# Classes of these are named without their modules, as a registry names them.
_OWN_PACKAGES = {'mmcv', 'mmct', 'mmengine', 'mmpretrain'}


def fingerprint(cfg: Mapping, data: Mapping[str, Any], world_size: int) -> dict[str, Any]:
    """List what the weights that a config trains depend on, by dotted key.

    A string that names a file counts by the content of that file; of a hook's settings, which
    may name files that it writes, ``checkpoint`` alone.

    Args:
        cfg (Mapping): A training config.
        data (Mapping): What is in the training set, see :func:`mmct.runs.data_content.data_mark`.
        world_size (int): Number of processes.

    Returns:
        dict[str, Any]: Values that JSON can hold.
    """
    parts = {key: cfg[key] for key in FIELDS if cfg.get(key) is not None}
    if not (parts.get('auto_scale_lr') or {}).get('enable'):
        parts.pop('auto_scale_lr', None)
    hooks = parts.get('default_hooks') or {}
    parts['default_hooks'] = {key: hook for key, hook in hooks.items() if not _observes(hook)}
    parts['custom_hooks'] = [h for h in parts.get('custom_hooks') or [] if not _observes(h)]
    schedulers = parts.get('param_scheduler') or []
    parts['param_scheduler'] = schedulers if isinstance(schedulers, list) else [schedulers]
    readers = [*parts['param_scheduler'], *parts['custom_hooks']]
    scores_count = any(_type_of(reader) in SCORE_READERS for reader in readers)
    ignored = IGNORED if scores_count else IGNORED + VALIDATION
    marks = dict(_flat('', '', parts, ignored))
    marks['start_from'] = _plain(start_of(cfg))
    marks['world_size'] = world_size
    marks.update({f'data.{name}': value for name, value in data.items()})
    # A name says nothing of what the user's own function does.
    own = identities(texts(parts))
    marks.update({f'corruptions.{name}': what for name, what in own.items()})
    return dict(sorted(marks.items()))


def texts(value: Any) -> Iterator[str]:
    """List all strings among the values of settings, whatever they are nested in."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from texts(item)


def start_of(cfg: Mapping) -> str | None:
    """Name the checkpoint from whose weights a training starts.

    Args:
        cfg (Mapping): Its config. In one that resumes, ``load_from`` is the checkpoint to go
            on from; mmct's tools then keep the other as ``start_from``.

    Returns:
        str: A file or URL; None for a training from scratch; :data:`UNKNOWN`.
    """
    if 'start_from' in cfg:
        return cfg['start_from']
    return UNKNOWN if cfg.get('resume') else cfg.get('load_from')


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """List the keys in which two fingerprints differ, with both values.

    Args:
        old (dict): One fingerprint.
        new (dict): The other.

    Returns:
        list[str]: Lines such as ``train_cfg.max_epochs: 10 -> 20``.
    """
    missing = 'not set'
    pairs = {key: (old.get(key, missing), new.get(key, missing)) for key in {**old, **new}}
    return [
        f'{key}: {one} -> {other}'
        for key, (one, other) in sorted(pairs.items())
        if one != other and UNKNOWN not in (one, other)
    ]


def in_short(differing: list[str]) -> str:
    """Shorten differences to what a message can hold.

    Args:
        differing (list[str]): What :func:`differences` returned.

    Returns:
        str: The first five, and how many more there are.
    """
    shown = '; '.join(differing[:5])
    return f'{shown}; and {len(differing) - 5} more' if len(differing) > 5 else shown


def _observes(hook: Any) -> bool:
    return hook is None or _type_of(hook) in OBSERVERS


def _type_of(value: Any) -> str | None:
    """The class that a dict of a config names; None for anything else."""
    kind = value.get('type') if isinstance(value, Mapping) else None
    return None if kind is None else _class_name(kind)


def _class_name(kind: Any) -> str:
    """One name for a class, whether a config names it or holds it.

    A name of a registry has no module, and a dotted one may be that of a module which exports
    the class from another one.
    """
    if isinstance(kind, str):
        scope, _, name = kind.rpartition('.')
        if not scope or scope in _OWN_PACKAGES:
            return name
        try:
            kind = resolve_name(kind)
        except (AttributeError, ImportError, ValueError):
            return kind
    module, name = getattr(kind, '__module__', ''), getattr(kind, '__qualname__', repr(kind))
    return name if module.partition('.')[0] in _OWN_PACKAGES else f'{module}.{name}'


def _flat(
    key: str, path: str, value: Any, ignored: tuple[str, ...]
) -> Iterator[tuple[str, Any]]:
    if any(fnmatchcase(path, pattern) for pattern in ignored):
        return
    if isinstance(value, (Mapping, list, tuple)) and not value:
        # Not the same as a setting that is not given.
        if '.' in key:
            yield key, '{}' if isinstance(value, Mapping) else '[]'
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if name == 'collate_fn' and _type_of(item) in _COLLATE:
                continue
            if name == 'type':
                item = _class_name(item)
            yield from _flat(f'{key}.{name}'.strip('.'), f'{path}.{name}'.strip('.'), item, ignored)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            name = _type_of(item) or index
            yield from _flat(f'{key}.{index}', f'{path}.{name}', item, ignored)
    else:
        # A hook may be given a file to write, which is not there at first.
        written = 'hooks.' in key and not key.endswith('.checkpoint')
        yield key, _plain(value, is_read=not written)


def _plain(value: Any, is_read: bool = True) -> Any:
    if isinstance(value, (str, Path)):
        file = Path(value)
        # A word without a suffix or a folder, such as 'train', names no file.
        named = is_read and (len(file.parts) > 1 or file.suffix)
        return _content(file, file.stat().st_mtime_ns) if named and _is_file(file) else str(value)
    if value is None or isinstance(value, (bool, int, float)):
        # Nan is not equal to itself.
        return str(value) if value != value else value
    if callable(value):
        return _class_name(value)
    # Without the address in memory, which is another in each process.
    return re.sub(r' at 0x[0-9a-f]+', '', repr(value))


def _is_file(path: Path) -> bool:
    """Tell if there is a file; False for what cannot be the name of one."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


@lru_cache
def _content(file: Path, changed: int) -> str:
    """A mark of what is in a file, which was changed at a time."""
    return f'file {hashlib.sha256(file.read_bytes()).hexdigest()}'


def digest(weights: Mapping[str, 'Tensor']) -> str:
    """A mark by which weights are recognised.

    Args:
        weights (Mapping[str, Tensor]): A state dict.

    Returns:
        str: SHA-256 of names and values, in hexadecimal.
    """
    import torch

    mark = hashlib.sha256()
    for name, value in sorted(weights.items()):
        mark.update(name.encode())
        # As bytes: NumPy has no bfloat16.
        mark.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return mark.hexdigest()
