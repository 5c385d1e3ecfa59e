"""Tables and figures from result files."""

from .ct_result import print_ct_result
from .curves import curves
from .figures import png
from .page import render
from .scorecard_table import print_scorecards, to_markdown

__all__ = ['curves', 'png', 'print_ct_result', 'print_scorecards', 'render', 'to_markdown']
