"""Make the arms of a study that leaves out one domain after the other."""

import random
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any


def draws(space: Mapping[str, Sequence[float]], count: int, seed: int = 0) -> list[dict]:
    """Draw random settings of a training, as ``--cfg-options`` would name them.

    Args:
        space (Mapping): By key the default, and the exponents of ten between
            which it is drawn evenly: ``(default, low, high)``.
        count (int): How many. The first is the defaults, as in DomainBed.
        seed (int): Seed of the draws. Defaults to 0.

    Returns:
        list[dict]: Value by key. A key's values do not depend on the others.
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
    """Make arms of each method, test domain and draw of settings, and their table.

    The split of the domains has the seed of the run.

    Args:
        domains (Sequence[str]): Each is left out in turn.
        config (str): What every arm begins with.
        methods (Mapping): By name: ``overlay`` and ``methods`` of an arm;
            ``space``, what is drawn for this method alone; and ``baselines``, the
            methods that it is compared with, without it the first.
        space (Mapping, optional): What is drawn for all, see :func:`draws`.
        count (int): How many draws a method has. Defaults to 1, its defaults.
        pairs (bool): Train also without each two domains, for the selection by
            leave-one-domain-out. Defaults to False.
        images (int): Images of each training domain in a batch. Defaults to 32.

    Returns:
        dict: ``arms`` of a study, and the settings of a :class:`DomainTable` as
        ``table``.
    """
    first = next(iter(methods))
    baselines = {
        name: list(method.get('baselines', [first] if name != first else []))
        for name, method in methods.items()
    }
    settings = {
        name: draws({**(space or {}), **method.get('space', {})}, count)
        for name, method in methods.items()
    }
    arms: dict[str, dict] = {}

    def add(method: str, draw: int, left_out: tuple[str, ...]) -> str:
        more = f', draw {draw}' if count > 1 else ''
        group = ' and '.join(left_out)
        name = f'{group}, {method}{more}'
        own = methods[method]
        batch = images * (len(domains) - len(left_out))
        arms[name] = dict(
            config=config,
            overlay=[_loaders(left_out, batch), own.get('overlay', {}), settings[method][draw]],
            methods=own.get('methods'),
            # Trials differ in the split too.
            seeded=[f'{part}_dataloader.dataset.seed' for part in ('train', 'val', 'test')],
            group=group,
            variant=f'{method}{more}',
            baseline=[f'{group}, {other}{more}' for other in baselines[method]],
        )
        return name

    table: dict[str, dict] = dict(
        baselines=baselines,
        arms={
            method: {
                domain: [add(method, draw, (domain,)) for draw in range(count)]
                for domain in domains
            }
            for method in methods
        },
    )
    if pairs:
        both = {
            (method, draw, pair): add(method, draw, pair)
            for method in methods
            for draw in range(count)
            for pair in combinations(domains, 2)
        }
        table['pairs'] = {
            method: {
                domain: [
                    {
                        other: both[method, draw, _pair(domains, domain, other)]
                        for other in domains
                        if other != domain
                    }
                    for draw in range(count)
                ]
                for domain in domains
            }
            for method in methods
        }
    return dict(arms=arms, table=table)


def _pair(domains: Sequence[str], one: str, other: str) -> tuple[str, ...]:
    """Put two domains into the order of all."""
    return tuple(domain for domain in domains if domain in (one, other))


def _loaders(left_out: Sequence[str], batch_size: int) -> dict[str, dict]:
    seen = dict(dataset=dict(left_out=list(left_out)))
    return dict(
        train_dataloader=dict(seen, batch_size=batch_size),
        val_dataloader=seen,
        test_dataloader=dict(dataset=dict(domains=list(left_out))),
    )
