"""Make the arms of a study that compares ways of training the same networks."""

from collections.abc import Iterable, Mapping
from typing import Any

from mmct.messages import suggestion

from .config import listed

# What a way of training may have in place of the overlay that makes CT.
_CT = ('hook', 'term', 'student', 'more')


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
        variants (Mapping): Each way of training by name, with the optional keys of an arm, where
            ``start`` and ``baseline`` name other variants. For CT also ``hook``, the settings of
            the teacher's hook, and with it ``term``, those of the consistency loss, ``student``,
            further ones of the ``CTClassifier``, and ``more``, further hooks; an ``overlay`` is
            merged after these.
        teacher (Mapping, optional): What this task adds to the hook of each teacher without
            BN, such as its learning rate. The hook's own settings win. Defaults to None.

    Returns:
        dict: The ``arms`` of a study. Their names are those of the variants, after the
        group's if there are several networks.
    """

    def name(group: str, variant: str) -> str:
        return f'{group}, {variant}' if len(networks) > 1 else variant

    def arm(
        group: str, network: Mapping[str, Any], variant: str, parts: Mapping[str, Any]
    ) -> dict[str, Any]:
        overlays = [network]
        if 'hook' in parts:
            overlays.append(_ct(parts, teacher or {}))
            parts = {key: value for key, value in parts.items() if key not in _CT}
        return {
            'config': config,
            'group': group,
            'variant': variant,
            # Whatever else it has, so that what is misspelt is refused with the other keys of arms.
            **parts,
            'overlay': [*overlays, *listed(parts.get('overlay'))],
            'start': name(group, parts['start']) if parts.get('start') else None,
            'baseline': [name(group, other) for other in listed(parts.get('baseline'))],
        }

    return {
        name(group, variant): arm(group, network, variant, parts)
        for group, network in networks.items()
        for variant, parts in variants.items()
    }


def _ct(parts: Mapping[str, Any], teacher: Mapping[str, Any]) -> dict[str, Any]:
    """Make the overlay of CT."""
    own = teacher if parts['hook'].get('remove_bn', True) else {}
    model = dict(
        type='CTClassifier', consistency=parts.get('term', {}), **parts.get('student', {})
    )
    return dict(model=model, custom_hooks=[{**own, **parts['hook']}, *parts.get('more', [])])


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
            baseline=[other for other in listed(arms[name].get('baseline')) if other in kept],
        )
        for name in kept
    }
