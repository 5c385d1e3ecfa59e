"""Switching CT on in any config."""

from mmengine.config import Config, ConfigDict

from .config_types import import_mmct, scoped, type_name
from .errors import CTError

RECIPE = dict(length=2, student_start='teacher', student_lr_mult=0.1)
"""Settings of ``NoBNTeacherHook`` that the ablation of docs/recipe.md chose."""


def switch_on_ct(cfg: Config) -> Config:
    """Turn the config of an ``ImageClassifier`` into a CT config, in place.

    The same as three lines in a config of one's own: ``custom_imports``,
    ``model.type`` and one more entry in ``custom_hooks``, with :data:`RECIPE`. A
    config that has CT already is left as it is.

    Args:
        cfg (Config): A text or pure-Python config.

    Returns:
        Config: The same ``cfg``. Dumped, it is a config that needs no switch.

    Raises:
        CTError: If the model is not an ``ImageClassifier``.
    """
    if not cfg.get('model'):
        raise CTError('--ct: the config has no model')
    kind = type_name(cfg.model)
    if kind not in ('ImageClassifier', 'CTClassifier'):
        raise CTError(
            f'--ct needs a config whose model is an ImageClassifier, but it is {kind}'
        )
    cfg.model.type = scoped(cfg, 'CTClassifier')
    hooks = list(cfg.get('custom_hooks') or [])
    if teacher_hook(cfg) is None:
        hooks.append(ConfigDict(type=scoped(cfg, 'NoBNTeacherHook'), **RECIPE))
    cfg.custom_hooks = hooks
    import_mmct(cfg)
    return cfg


def teacher_hook(cfg: Config) -> ConfigDict | None:
    """The config of the teacher hook.

    Args:
        cfg (Config): Any config.

    Returns:
        ConfigDict: The entry of ``custom_hooks``; None if CT is not on.
    """
    for hook in cfg.get('custom_hooks') or []:
        if type_name(hook) == 'NoBNTeacherHook':
            return hook
    return None
