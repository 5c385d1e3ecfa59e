"""Matrices of runs: arms, seeds, cells, where they run, and what comes out."""

from . import figures, scores
from .cell import Cell
from .checks import check_parts
from .estimate import Estimate, estimate, representatives
from .executors import Executor, LocalExecutor, RayExecutor
from .live_table import LiveTable
from .planner import Planner
from .registry import FIGURES, SCORES
from .reporting import write_study_report
from .running import run_cell
from .schedule import run_study
from .store import StudyStore
from .study import Arm, Study, Tuning, read_study
from .summary import summarise
from .task import Outcome, Task

__all__ = [
    'Arm',
    'Cell',
    'Estimate',
    'Executor',
    'FIGURES',
    'LiveTable',
    'LocalExecutor',
    'Outcome',
    'Planner',
    'RayExecutor',
    'SCORES',
    'Study',
    'StudyStore',
    'Task',
    'Tuning',
    'check_parts',
    'estimate',
    'figures',
    'read_study',
    'representatives',
    'run_cell',
    'run_study',
    'scores',
    'summarise',
    'write_study_report',
]
