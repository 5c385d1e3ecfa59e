"""Matrices of runs: arms, seeds, cells, where they run, and what comes out."""

from . import figures, scores, tables  # noqa: F401  (registered by being imported)
from .cell import Cell
from .checks import check_parts
from .estimate import Estimate, cells_alike, estimate
from .executors.executor import Executor
from .executors.local_executor import LocalExecutor
from .executors.ray_executor import RayExecutor
from .leave_one_out import draws, leave_one_out
from .live_table import LiveTable
from .planner import Planner
from .registry import FIGURES, SCORES, TABLES
from .reporting import print_study, write_study_report
from .running import run_cell
from .schedule import run_study
from .store import StudyStore
from .study import Arm, Study, Tuning, read_study
from .summary import summarise_arms
from .tables import LEAVE_ONE_OUT, ONE_SETTING, ORACLE, TRAINING_DOMAINS
from .task import Outcome, Task

__all__ = [
    'Arm',
    'Cell',
    'Estimate',
    'Executor',
    'FIGURES',
    'LEAVE_ONE_OUT',
    'LiveTable',
    'LocalExecutor',
    'ONE_SETTING',
    'ORACLE',
    'Outcome',
    'Planner',
    'RayExecutor',
    'SCORES',
    'Study',
    'StudyStore',
    'TABLES',
    'TRAINING_DOMAINS',
    'Task',
    'Tuning',
    'cells_alike',
    'check_parts',
    'draws',
    'estimate',
    'figures',
    'leave_one_out',
    'print_study',
    'read_study',
    'run_cell',
    'run_study',
    'scores',
    'summarise_arms',
    'tables',
    'write_study_report',
]
