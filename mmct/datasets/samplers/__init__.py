"""In which order images are drawn."""

from .domain_sampler import DomainSampler

__all__ = ['DomainSampler']
