"""Fingerprints of runs: two runs with the same one train the same weights."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

# What is no setting of the training: weights depend on the number of workers, as
# on that of threads, by bits alone.
_NOT_IN_FINGERPRINT = {
    'backend_args', 'checkpoint', 'collate_fn', 'data_root', 'download',
    'dynamic_intervals', 'file_client_args', 'num_workers', 'on_weak_teacher',
    'persistent_workers', 'pin_memory', 'prefetch_factor', 'retrain', 'val_begin',
    'val_interval', '_scope_',
}  # fmt: skip
_IN_FINGERPRINT = (
    'model', 'data_preprocessor', 'train_dataloader', 'train_cfg', 'optim_wrapper',
    'param_scheduler', 'auto_scale_lr', 'custom_hooks',
)  # fmt: skip


def fingerprint(
    cfg: Mapping, num_images: int, classes: Any, world_size: int
) -> dict[str, Any]:
    """List what the weights that a config trains depend on, by dotted key.

    Model, data, schedule and seed count; paths, workers and logging do not.
    Of an absolute path the last part counts.

    Args:
        cfg (Mapping): A training config.
        num_images (int): Size of the training set.
        classes: Its class names.
        world_size (int): Number of processes.

    Returns:
        dict[str, Any]: Values that JSON can hold.
    """
    parts = {key: cfg[key] for key in _IN_FINGERPRINT if cfg.get(key) is not None}
    if not (parts.get('auto_scale_lr') or {}).get('enable'):
        parts.pop('auto_scale_lr', None)
    parts['seed'] = (cfg.get('randomness') or {}).get('seed')
    parts['world_size'] = world_size
    parts['data'] = dict(num_images=num_images, classes=classes)
    return dict(sorted(_flat('', parts)))


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """List the keys in which two fingerprints differ, with both values.

    Args:
        old (dict): One fingerprint.
        new (dict): The other.

    Returns:
        list[str]: Lines such as ``train_cfg.max_epochs: 10 -> 20``.
    """
    missing = 'not set'
    return [
        f'{key}: {old.get(key, missing)} -> {new.get(key, missing)}'
        for key in sorted({**old, **new})
        if old.get(key, missing) != new.get(key, missing)
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


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in _NOT_IN_FINGERPRINT:
                yield from _flat(f'{prefix}.{key}' if prefix else str(key), item)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _flat(f'{prefix}.{index}', item)
    elif isinstance(value, type):
        yield prefix, value.__name__
    elif isinstance(value, str) and os.path.isabs(value):
        yield prefix, os.path.basename(value.rstrip('/'))
    elif value is None or isinstance(value, (bool, int, float, str)):
        yield prefix, value
    else:
        # Without the address in memory, which is another in each process.
        yield prefix, re.sub(r' at 0x[0-9a-f]+', '', repr(value))
