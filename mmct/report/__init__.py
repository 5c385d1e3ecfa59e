"""Tables from result files."""

from .ct_result import print_ct_result

__all__ = ['print_ct_result']
