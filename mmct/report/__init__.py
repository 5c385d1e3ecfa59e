"""Turn results into tables, figures and one page, without any model.

Importing this package is cheap: Matplotlib, pandas, rich and Jinja2 are imported by the functions
that use them.
"""

from .cell_figures import heat_map, severity_curves
from .diagnosis import diagnosis_sentences, diagnosis_tables, diagnosis_to_markdown, print_diagnosis
from .dumbbell import dumbbell
from .figures import FORMATS, curves, drawn, pixels, png
from .page import FIGURES, render
from .scorecards import (
    CELL_COLUMNS,
    cells_to_csv,
    data_line,
    difference_table,
    print_ct_result,
    print_outcome,
    print_scorecards,
    score_table,
    to_html,
    to_latex,
    to_markdown,
)
from .tables import Number, Row, Table, errors_note

__all__ = [
    'CELL_COLUMNS',
    'FIGURES',
    'FORMATS',
    'Number',
    'Row',
    'Table',
    'cells_to_csv',
    'curves',
    'data_line',
    'diagnosis_sentences',
    'diagnosis_tables',
    'diagnosis_to_markdown',
    'difference_table',
    'drawn',
    'dumbbell',
    'errors_note',
    'heat_map',
    'pixels',
    'png',
    'print_ct_result',
    'print_diagnosis',
    'print_outcome',
    'print_scorecards',
    'render',
    'score_table',
    'severity_curves',
    'to_html',
    'to_latex',
    'to_markdown',
]
