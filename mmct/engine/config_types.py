"""The types that configs name."""

from collections.abc import Mapping, Sequence

from mmengine.config import Config, ConfigDict


def scoped(cfg: Mapping, name: str) -> str:
    """A class of ours as this config's ``type`` has to name it.

    Args:
        cfg (Mapping): The config.
        name (str): Name in mmpretrain's registry.

    Returns:
        str: The bare name, or ``mmpretrain.<name>`` where the config has
        another default scope or none (pure-Python configs).
    """
    return name if cfg.get('default_scope') == 'mmpretrain' else f'mmpretrain.{name}'


def type_name(cfg: Mapping) -> str:
    """The class name in a config's ``type``, without its scope.

    Args:
        cfg (Mapping): A dict with ``type``: a string, or a class as in
            pure-Python configs.

    Returns:
        str: For example 'EMAHook'.
    """
    kind = cfg.get('type', '') if isinstance(cfg, Mapping) else type(cfg)
    return kind.split('.')[-1] if isinstance(kind, str) else kind.__name__


def use_resumable_checkpoints(cfg: Config) -> ConfigDict | None:
    """Put :class:`ResumableCheckpointHook` in the place of mmengine's hook.

    Args:
        cfg (Config): A training config, changed in place.

    Returns:
        ConfigDict: The checkpoint hook's settings; None where the config has
        no checkpoints. Another class than ``CheckpointHook`` is left.
    """
    hooks = ConfigDict(cfg.get('default_hooks') or {})
    # mmengine's default, where a config says nothing.
    hooks.setdefault('checkpoint', ConfigDict(type='CheckpointHook', interval=1))
    if type_name(hooks.checkpoint) in ('', 'CheckpointHook'):
        hooks.checkpoint.type = scoped(cfg, 'ResumableCheckpointHook')
        import_mmct(cfg)
    cfg.default_hooks = hooks
    return cfg.default_hooks.checkpoint


def import_mmct(cfg: Config) -> None:
    """Make a config that names our classes load them, also in stock tools.

    Args:
        cfg (Config): Changed in place.
    """
    import_also(cfg, ['mmct'])


def custom_imports(cfg: Config) -> list[str]:
    """The modules that a config imports.

    Args:
        cfg (Config): Its ``custom_imports`` may name one, or several.
    """
    names = (cfg.get('custom_imports') or {}).get('imports') or []
    return [names] if isinstance(names, str) else list(names)


def import_also(cfg: Config, modules: Sequence[str]) -> None:
    """Make a config import further modules.

    Args:
        cfg (Config): Changed in place.
        modules (Sequence[str]): Their names.
    """
    names = custom_imports(cfg)
    more = [name for name in modules if name not in names]
    if more:
        imports = cfg.get('custom_imports') or dict(allow_failed_imports=False)
        cfg.custom_imports = {**imports, 'imports': [*names, *more]}
