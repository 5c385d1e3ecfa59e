"""Make the arms of a study that leaves out each domain in turn."""

import random
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any

from .config import listed


def draws(space: Mapping[str, Sequence[float]], count: int, seed: int = 0) -> list[dict]:
    """Draw random settings of a training, with keys as for ``--cfg-options``.

    Args:
        space (Mapping): By key ``(default, low, high)``: the default, and the limits
            of the uniformly drawn exponent of ten.
        count (int): Number of draws. The first one is the defaults, as in DomainBed.
        seed (int): Seed of the draws. Defaults to 0.

    Returns:
        list[dict]: The values by key for each draw. The values of a key do not depend on
        the other keys.
    """
    drawn = [{key: default for key, (default, _, _) in space.items()}]
    numbers = {key: random.Random(f'{seed} {key}') for key in space}
    for _ in range(count - 1):
        drawn.append(
            {key: 10 ** numbers[key].uniform(low, high) for key, (_, low, high) in space.items()}
        )
    return drawn


def leave_one_out(
    domains: Sequence[str],
    config: str,
    methods: Mapping[str, Mapping[str, Any]],
    space: Mapping[str, Sequence[float]] | None = None,
    count: int = 1,
    pairs: bool = False,
    images: int = 32,
) -> dict[str, dict]:
    """Make an arm for each method, test domain and draw of settings, and their table.

    The domains are split with the seed of the run.

    Args:
        domains (Sequence[str]): The domains, each of which is left out in turn.
        config (str): The config on which every arm is based.
        methods (Mapping): Each method by name, with the optional keys of an arm; ``space``,
            the settings drawn for this method only; and ``baselines``, the methods with which
            it is compared (by default the first).
        space (Mapping, optional): The settings drawn for all methods, see
            :func:`draws`. Defaults to None.
        count (int): Number of draws per method. Defaults to 1: its defaults.
        pairs (bool): Whether to train without each pair of domains as well, for the
            selection by leave-one-domain-out. Defaults to False.
        images (int): Images of each training domain per batch. Defaults to 32.

    Returns:
        dict: The ``arms`` of a study, and the settings of a
        :class:`~mmct.studies.tables.DomainTable` as ``table``.
    """
    numbers, first = range(count), next(iter(methods))
    baselines = {
        name: list(listed(method.get('baselines', [first] if name != first else [])))
        for name, method in methods.items()
    }
    settings = {
        name: draws({**(space or {}), **method.get('space', {})}, count)
        for name, method in methods.items()
    }

    def title(method: str, draw: int) -> str:
        return f'{method}, draw {draw}' if count > 1 else method

    def name(method: str, draw: int, *left_out: str) -> str:
        group = ' and '.join(sorted(left_out, key=list(domains).index))
        return f'{group}, {title(method, draw)}'

    def arm(method: str, draw: int, *left_out: str) -> dict[str, Any]:
        own, batch = methods[method], images * (len(domains) - len(left_out))
        # Seeds differ in the split, too.
        seeded = [f'{part}_dataloader.dataset.seed' for part in ('train', 'val', 'test')]
        further = {key: value for key, value in own.items() if key not in ('space', 'baselines')}
        return {
            'config': config,
            'group': ' and '.join(left_out),
            'variant': title(method, draw),
            'baseline': [name(other, draw, *left_out) for other in baselines[method]],
            **further,
            'overlay': [
                _loaders(left_out, batch), *listed(own.get('overlay')), settings[method][draw]
            ],
            'seeded': [*seeded, *listed(own.get('seeded'))],
        }  # fmt: skip

    runs = [(method, draw, domain) for method, domain, draw in product(methods, domains, numbers)]
    table: dict[str, dict] = dict(
        baselines=baselines,
        arms={
            method: {domain: [name(method, draw, domain) for draw in numbers] for domain in domains}
            for method in methods
        },
    )
    if pairs:
        both = product(methods, numbers, combinations(domains, 2))
        runs += [(method, draw, *pair) for method, draw, pair in both]
        table['pairs'] = {
            method: {
                one: [
                    {other: name(method, draw, one, other) for other in domains if other != one}
                    for draw in numbers
                ]
                for one in domains
            }
            for method in methods
        }
    return dict(arms={name(*run): arm(*run) for run in runs}, table=table)


def _loaders(left_out: Sequence[str], batch_size: int) -> dict[str, dict]:
    seen = dict(dataset=dict(left_out=list(left_out)))
    return dict(
        train_dataloader=dict(seen, batch_size=batch_size),
        val_dataloader=seen,
        test_dataloader=dict(dataset=dict(domains=list(left_out))),
    )
