"""Refuse settings of a type that a Runner does not accept, before anything uses them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmct.messages import suggestion

from .errors import CTError

if TYPE_CHECKING:
    from mmengine.config import Config

# Parts that must be a dict, a dict or a list of dicts, or a text; each may be None.
_DICTS = (
    'model', 'data_preprocessor', 'train_dataloader', 'val_dataloader', 'test_dataloader',
    'train_cfg', 'val_cfg', 'test_cfg', 'optim_wrapper', 'optim_wrapper.optimizer', 'auto_scale_lr',
    'default_hooks', 'default_hooks.checkpoint', 'env_cfg', 'randomness', 'visualizer',
)  # fmt: skip
_DICTS_OR_LISTS = ('val_evaluator', 'test_evaluator', 'param_scheduler')
_TEXTS = ('work_dir', 'load_from', 'default_scope', 'experiment_name', 'launcher')
# Minimum values of integers. With smaller ones mmengine trains nothing, or fails at the end of the
# first epoch.
_WHOLE = {
    'train_cfg.max_epochs': 1,
    'train_cfg.max_iters': 1,
    'train_cfg.val_interval': 1,
    'train_cfg.val_begin': 0,
    'optim_wrapper.accumulative_counts': 1,
    **{f'{split}_dataloader.batch_size': 1 for split in ('train', 'val', 'test')},
    **{f'{split}_dataloader.num_workers': 0 for split in ('train', 'val', 'test')},
}
# Settings of dicts in which mmengine reads these and ignores all others.
_KNOWN = {
    'auto_scale_lr': ('enable', 'base_batch_size'),
    'optim_wrapper.paramwise_cfg': (
        'custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'dwconv_decay_mult',
        'flat_decay_mult', 'dcn_offset_lr_mult', 'bypass_duplicate',
    ),
}  # fmt: skip


def check_config(cfg: Config) -> None:
    """Check the types of the parts of a config, its counts, and settings that would be ignored.

    Args:
        cfg (Config): The config of a training or a test.

    Raises:
        CTError: If a setting is wrong; the message names the setting, the allowed values and the
            given one.
    """
    for kinds, names, allowed in (
        (Mapping, _DICTS, 'a dict'),
        ((Mapping, list, tuple), _DICTS_OR_LISTS, 'a dict or a list of dicts'),
        ((list, tuple), ('custom_hooks',), 'a list of dicts'),
        (str, _TEXTS, 'a text'),
        (bool, ('resume',), 'True or False'),
    ):
        for name in names:
            value = _at(cfg, name)
            items = value if isinstance(value, (list, tuple)) else ()
            plain = any(isinstance(item, (str, int, float, list)) for item in items)
            _require(value is None or isinstance(value, kinds) and not plain, name, allowed, value)
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = _at(cfg, name)
        if loader and 'dataset' not in loader:
            raise CTError(f'{name} has no dataset: {suggestion("dataset", loader)}')
    for name, least in _WHOLE.items():
        value = _at(cfg, name, least)
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= least
        _require(whole, name, f'an integer of {least} or more', value)
    for name, known in _KNOWN.items():
        # Another constructor of the optimizer may read other settings.
        if name != 'auto_scale_lr' and _at(cfg, 'optim_wrapper.constructor'):
            continue
        for key in _at(cfg, name) or ():
            if key not in known:
                raise CTError(f'{name} has no setting {key!r}; {suggestion(key, known)}')
    kind = str(_at(cfg, 'model.type', ''))
    standardised = _at(cfg, 'model.weight_standardisation', 'StandardisedClassifier' in kind)
    rule = 'left out beside standardised weights, which it cannot trace'
    traced = cfg.get('efficient_conv_bn_eval')
    _require(not (standardised and traced), 'efficient_conv_bn_eval', rule, traced)
    seed = _at(cfg, 'randomness.seed')
    whole = isinstance(seed, int) and 0 <= seed < 2**32
    _require(seed is None or whole, 'randomness.seed', 'an integer from 0 to 2**32 - 1', seed)


def _at(cfg: Mapping, name: str, default: Any = None) -> Any:
    """Look up a dotted key."""
    *owners, last = name.split('.')
    for owner in owners:
        cfg = cfg.get(owner)
        if not isinstance(cfg, Mapping):
            return default
    return cfg.get(last, default)


def _require(holds: bool, name: str, allowed: str, value: Any) -> None:
    if not holds:
        raise CTError(f'{name} must be {allowed}, got {value!r}')
