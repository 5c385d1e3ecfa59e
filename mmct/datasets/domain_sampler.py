"""Sample the same number of images from each domain."""

from collections.abc import Iterator, Sized
from itertools import chain, islice

import torch
from mmengine.dataset import InfiniteSampler
from mmpretrain.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class DomainSampler(InfiniteSampler):
    """An endless sampler that draws in rounds of one image from each domain.

    A batch whose size is ``n`` times the number of domains has ``n`` images of
    each; in DomainBed (https://arxiv.org/abs/2007.01434) ``n`` is 32. Several
    processes share out whole rounds, so this holds for the batch of each
    process. All images of a domain are drawn once, in random order, before any
    is drawn again, so small domains repeat earlier. The sampler is meant for
    iteration-based training, and its order depends only on the seed.

    Args:
        dataset (Sized): A :class:`mmct.datasets.MultiDomain`, or another data
            set whose data infos have ``domain``.
        seed (int, optional): The seed. Defaults to None: a random one, the
            same in all processes.

    Raises:
        ValueError: If the data infos have no ``domain``.
    """

    def __init__(self, dataset: Sized, seed: int | None = None) -> None:
        self.domains = _rows_by_domain(dataset)
        super().__init__(dataset, shuffle=True, seed=seed)

    def _infinite_indices(self) -> Iterator[int]:
        return chain.from_iterable(self._rounds())

    def _indices_of_rank(self) -> Iterator[int]:
        return chain.from_iterable(islice(self._rounds(), self.rank, None, self.world_size))

    def _rounds(self) -> Iterator[tuple[int, ...]]:
        return zip(*(self._endless(domain) for domain in self.domains), strict=True)

    def _endless(self, domain: int) -> Iterator[int]:
        # Domains of equal size must not be drawn in the same order.
        generator = torch.Generator().manual_seed(self.seed * 1000 + domain)
        rows = torch.tensor(self.domains[domain])
        while True:
            yield from rows[torch.randperm(len(rows), generator=generator)].tolist()


def _rows_by_domain(dataset: Sized) -> dict[int, list[int]]:
    """Group the rows by domain, in the order of the domain numbers."""
    rows: dict[int, list[int]] = {}
    for row in range(len(dataset)):
        domain = dataset.get_data_info(row).get('domain')
        if domain is None:
            raise ValueError(
                f'DomainSampler needs a data set with the domain of each image, such as '
                f'MultiDomain, but {type(dataset).__name__} has none'
            )
        rows.setdefault(domain, []).append(row)
    return dict(sorted(rows.items()))
