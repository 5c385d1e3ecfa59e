"""Tables of a study beside the one of its arms."""

from .domain_table import DomainTable

__all__ = ['DomainTable']
