"""Compute fingerprints of runs: two runs with the same fingerprint train the same weights.

Everything from which a run is built counts, except for :data:`IGNORED` and :data:`OBSERVERS`.
"""

import hashlib
from collections.abc import Container, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from mmct.corruptions import identities
from mmct.messages import without_address

if TYPE_CHECKING:
    from torch import Tensor

FIELDS = (
    'model', 'data_preprocessor', 'train_dataloader', 'val_dataloader', 'test_dataloader',
    'train_cfg', 'val_cfg', 'test_cfg', 'val_evaluator', 'test_evaluator', 'optim_wrapper',
    'param_scheduler', 'auto_scale_lr', 'default_hooks', 'custom_hooks', 'randomness',
    'env_cfg', 'load_from', 'resume', 'launcher', 'work_dir', 'log_processor', 'log_level',
    'visualizer', 'default_scope', 'experiment_name', 'custom_imports', 'runner_type',
    'model_wrapper_cfg', 'compile', 'efficient_conv_bn_eval', 'strategy', 'sync_bn',
    'activation_checkpointing',
)  # fmt: skip
"""The keys of a config that Runners read; all others are variables used to define these."""

IGNORED = (
    # Where a run writes and what it shows; which packages register classes.
    'work_dir', 'resume', 'launcher', 'log_level', 'log_processor*', 'visualizer*',
    'experiment_name', 'default_scope', 'custom_imports*', '*_scope_',
    'test_*',
    # Data count by their content, wherever they are and however they are read.
    'train_dataloader.dataset*.data_root', 'train_dataloader.dataset*.data_prefix*',
    'train_dataloader.dataset*.download', 'train_dataloader.dataset*.lazy_init',
    'train_dataloader.dataset*.serialize_data', '*.backend_args*', '*.file_client_args*',
    # Like the number of threads, these change weights only by rounding.
    'train_dataloader.num_workers', 'train_dataloader.persistent_workers',
    'train_dataloader.pin_memory', 'train_dataloader.prefetch_factor', 'env_cfg*', 'compile*',
    'model_wrapper_cfg*', 'randomness.deterministic',
    # `start_from` represents these, in a resumed run as well.
    'load_from', 'custom_hooks.NoBNTrainingHook.checkpoint',
    # These decide what to do with a teacher, not how it is trained.
    'custom_hooks.NoBNTeacherHook.on_weak_teacher', 'custom_hooks.NoBNTeacherHook.retrain',
)  # fmt: skip
"""Patterns of full paths of settings that cannot change the weights; a reviewed list.

In a path, a dict with a ``type`` in a list is represented by its type.
"""

VALIDATION = (
    'val_*', 'train_cfg.val_interval', 'train_cfg.val_begin', 'train_cfg.dynamic_intervals*',
)  # fmt: skip
"""Further such patterns, unless the training itself uses the scores (:data:`SCORE_READERS`)."""

SCORE_READERS = (
    'EarlyStoppingHook', 'ReduceOnPlateauLR', 'ReduceOnPlateauMomentum',
    'ReduceOnPlateauParamScheduler',
)  # fmt: skip

OBSERVERS = {
    'BaselineHook', 'CheckpointHook', 'EmptyCacheHook', 'IterTimerHook', 'LoggerHook',
    'MemoryProfilerHook', 'NPUProfilerHook', 'ProfilerHook', 'ResumableCheckpointHook',
    'RuntimeInfoHook', 'ScorecardHook', 'VisualizationHook',
}  # fmt: skip
"""Hooks that record or show a training without changing it."""

SEED = 'randomness.seed'
"""The key of the seed."""

UNKNOWN = 'unknown'
"""Stands for the initial weights of a run that was resumed by a tool that does not keep them."""

# Collate functions that count as none, as mmpretrain's tools add them.
_COLLATE = ('default_collate', 'pseudo_collate')
# Classes of these packages are named without their modules, as in a registry.
_OWN_PACKAGES = {'mmcv', 'mmct', 'mmengine', 'mmpretrain'}


def fingerprint(cfg: Mapping, data: Mapping[str, Any], world_size: int) -> dict[str, Any]:
    """List everything on which the trained weights of a config depend.

    A string that names a file counts by the content of the file. In the settings of hooks, which
    may name files that they write, this applies only to ``checkpoint``.

    Args:
        cfg (Mapping): A training config.
        data (Mapping): The content of the training set, see
            :func:`mmct.runs.data_content.data_mark`.
        world_size (int): Number of processes.

    Returns:
        dict[str, Any]: Values that JSON can hold, by dotted key.
    """
    parts = {key: cfg[key] for key in FIELDS if cfg.get(key) is not None}
    if not (parts.get('auto_scale_lr') or {}).get('enable'):
        parts.pop('auto_scale_lr', None)
    hooks = parts.get('default_hooks') or {}
    parts['default_hooks'] = {key: hook for key, hook in hooks.items() if not _observes(hook)}
    parts['custom_hooks'] = [h for h in parts.get('custom_hooks') or [] if not _observes(h)]
    parts['param_scheduler'] = schedulers_of(parts)
    ignored = IGNORED if score_readers(parts) else IGNORED + VALIDATION
    marks = dict(_flat('', '', parts, ignored))
    named = set(texts(marks))
    marks['start_from'] = _plain(start_of(cfg))
    marks['world_size'] = world_size
    marks.update({f'data.{name}': value for name, value in data.items()})
    # A name does not identify what the user's own function does.
    from mmct.models import own_distances

    own, distances = identities(named), own_distances()
    marks.update({f'corruptions.{name}': what for name, what in own.items()})
    marks.update({f'distances.{name}': distances[name] for name in named & distances.keys()})
    return dict(sorted(marks.items()))


def texts(value: Any) -> Iterator[str]:
    """Yield all strings among the values of nested settings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from texts(item)


def score_readers(cfg: Mapping) -> list[str]:
    """List the types of schedulers and hooks that change a training by its validation's scores.

    Args:
        cfg (Mapping): Any config.
    """
    parts = [*schedulers_of(cfg), *hooks_of(cfg)]
    return [kind for kind in map(_type_of, parts) if kind in SCORE_READERS]


def schedulers_of(cfg: Mapping) -> list[Any]:
    """List the schedulers of a config, which gives a single one with or without a list.

    Args:
        cfg (Mapping): Any config.
    """
    found = cfg.get('param_scheduler') or []
    return list(found) if isinstance(found, (list, tuple)) else [found]


def hooks_of(cfg: Mapping) -> list[Any]:
    """List the hooks of a config; mmengine takes any of them in ``default_hooks``, too.

    Args:
        cfg (Mapping): Any config.
    """
    found = [*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or [])]
    return [hook for hook in found if hook is not None]


def start_of(cfg: Mapping) -> str | None:
    """Return the checkpoint with the initial weights of a training.

    Args:
        cfg (Mapping): The config of the training. If it resumes, ``load_from`` is the checkpoint
            to resume; mmct's tools then keep the one with the initial weights as ``start_from``.

    Returns:
        str: A file or URL; None for a training from scratch; or :data:`UNKNOWN`.
    """
    if 'start_from' in cfg:
        return cfg['start_from']
    return UNKNOWN if cfg.get('resume') else cfg.get('load_from')


def differences(
    old: dict[str, Any], new: dict[str, Any], ignored: Container[str] = ()
) -> list[str]:
    """List the keys in which two fingerprints differ, with both values.

    Args:
        old (dict): One fingerprint.
        new (dict): The other.
        ignored (Container[str]): Keys that do not count. Defaults to none.

    Returns:
        list[str]: Lines such as ``train_cfg.max_epochs: 10 -> 20``.
    """
    missing = 'not set'
    pairs = {key: (old.get(key, missing), new.get(key, missing)) for key in {**old, **new}}
    return [
        f'{key}: {one} -> {other}'
        for key, (one, other) in sorted(pairs.items())
        if one != other and UNKNOWN not in (one, other) and key not in ignored
    ]


def in_short(differing: list[str]) -> str:
    """Shorten a list of differences for a message.

    Args:
        differing (list[str]): The result of :func:`differences`.

    Returns:
        str: The first five differences, and the number of further ones.
    """
    shown = '; '.join(differing[:5])
    return f'{shown}; and {len(differing) - 5} more' if len(differing) > 5 else shown


def _observes(hook: Any) -> bool:
    return hook is None or _type_of(hook) in OBSERVERS


def _type_of(value: Any) -> str | None:
    """Return the name of the class in a dict of a config, or None for anything else."""
    kind = value.get('type') if isinstance(value, Mapping) else None
    return None if kind is None else _class_name(kind)


def _class_name(kind: Any) -> str:
    """Return one name for a class, whether a config has its name or the class itself.

    A name in a registry has no module, and a dotted name may refer to a module that only
    re-exports the class.
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
        # An empty value differs from a missing setting.
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
        # The settings of a hook may name a file to write, which does not exist at first.
        written = 'hooks.' in key and not key.endswith('.checkpoint')
        yield key, _plain(value, is_read=not written)


def _plain(value: Any, is_read: bool = True) -> Any:
    if isinstance(value, (str, Path)):
        file = Path(value)
        # A word without a suffix or a folder, such as 'train', does not name a file.
        named = is_read and (len(file.parts) > 1 or file.suffix)
        return _content(file, file.stat().st_mtime_ns) if named and _is_file(file) else str(value)
    if value is None or isinstance(value, (bool, int, float)):
        # NaN is not equal to itself.
        return str(value) if value != value else value
    if callable(value):
        return _class_name(value)
    return without_address(repr(value))


def _is_file(path: Path) -> bool:
    """Check whether a file exists; False for an impossible file name."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


@lru_cache
def _content(file: Path, changed: int) -> str:
    """Hash the content of a file; the time of its last change is part of the cache key."""
    return f'file {hashlib.sha256(file.read_bytes()).hexdigest()}'


def digest(weights: Mapping[str, 'Tensor']) -> str:
    """Compute a hash that identifies weights.

    Args:
        weights (Mapping[str, Tensor]): A state dict.

    Returns:
        str: The SHA-256 of names and values, in hexadecimal.
    """
    import torch

    mark = hashlib.sha256()
    for name, value in sorted(weights.items()):
        mark.update(name.encode())
        # As bytes, since NumPy has no bfloat16.
        mark.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return mark.hexdigest()
