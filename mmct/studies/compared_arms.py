"""Make the arms of a study that compares ways of training the same networks."""

from collections.abc import Iterable, Mapping
from typing import Any

from mmct.messages import suggestion


def compared_arms(
    config: str,
    networks: Mapping[str, Mapping[str, Any]],
    variants: Mapping[str, Mapping[str, Any]],
    teacher: Mapping[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """Make an arm of each network and each way of training it.

    Args:
        config (str): The config on which every arm is based.
        networks (Mapping): By the name of a group the overlay that makes its network.
        variants (Mapping): Of each way of training by name the optional keys ``length``,
            ``methods`` and ``overlay`` of an arm; ``start`` and ``baseline``, names of other
            variants; and for CT, in place of ``overlay``, ``hook``, the settings of the
            teacher's hook, ``term``, those of the consistency loss, ``student``, further ones of
            the ``CTClassifier``, and ``more``, further hooks.
        teacher (Mapping, optional): What this task adds to the hook of each teacher without
            BN, such as its learning rate. The hook's own settings win. Defaults to None.

    Returns:
        dict: The ``arms`` of a study. Their names are those of the variants, after the
        group's if there are several networks.
    """

    def name(group: str, variant: str) -> str:
        return f'{group}, {variant}' if len(networks) > 1 else variant

    def overlays(parts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        if 'hook' not in parts:
            overlay = parts.get('overlay', {})
            return overlay if isinstance(overlay, list) else [overlay]
        own = (teacher or {}) if parts['hook'].get('remove_bn', True) else {}
        return [
            dict(
                model=dict(
                    type='CTClassifier', consistency=parts['term'], **parts.get('student', {})
                ),
                custom_hooks=[{**own, **parts['hook']}, *parts.get('more', [])],
            )
        ]

    return {
        name(group, variant): dict(
            config=config,
            overlay=[network, *overlays(parts)],
            length=parts.get('length', 1),
            methods=parts.get('methods'),
            start=name(group, parts['start']) if 'start' in parts else None,
            group=group,
            variant=variant,
            baseline=[name(group, other) for other in parts.get('baseline', [])],
        )
        for group, network in networks.items()
        for variant, parts in variants.items()
    }


def chosen_arms(
    arms: Mapping[str, Mapping[str, Any]], names: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Keep some arms of a study, each compared with those that are kept.

    Args:
        arms (Mapping): The ``arms`` of a study, or the variants of :func:`compared_arms`, by
            name.
        names (Iterable): Those to keep, in the order of the table.

    Returns:
        dict: What is kept.

    Raises:
        ValueError: If there is no arm of a name; the message has the nearest one.
    """
    kept = list(names)
    for name in kept:
        if name not in arms:
            raise ValueError(f'there is no arm {name!r}; {suggestion(name, arms)}')
    return {
        name: dict(
            arms[name],
            baseline=[other for other in arms[name].get('baseline', []) if other in kept],
        )
        for name in kept
    }
