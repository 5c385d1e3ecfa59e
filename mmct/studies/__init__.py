"""Run studies: matrices of runs, with their scores, tables and figures.

An arm is a way of training that is repeated with each seed; a cell is one run of an arm, with its
scores.
"""

from . import figures, scores, tables, variance_figures  # noqa: F401  (the import registers them)
from .cell import Cell
from .checks import check_data, check_networks, check_parts
from .compared_arms import chosen_arms, compared_arms
from .config import Arm, Study, Tuning, read_study
from .executors import Executor, LocalExecutor, check_training
from .leave_one_out import draws, leave_one_out
from .live_table import LiveTable
from .loop import StudyProgress, run_study
from .planner import Planner
from .ray_executor import RayExecutor
from .registry import FIGURES, SCORES, TABLES
from .reporting import print_study, write_study_report
from .store import StudyStore
from .summary import summarise_arms
from .tables import LEAVE_ONE_OUT, ONE_SETTING, ORACLE, TRAINING_DOMAINS
from .worker import TrainedRun, run_cell

__all__ = [
    'Arm',
    'Cell',
    'Executor',
    'FIGURES',
    'LEAVE_ONE_OUT',
    'LiveTable',
    'LocalExecutor',
    'ONE_SETTING',
    'ORACLE',
    'Planner',
    'RayExecutor',
    'SCORES',
    'Study',
    'StudyProgress',
    'StudyStore',
    'TABLES',
    'TRAINING_DOMAINS',
    'TrainedRun',
    'Tuning',
    'check_data',
    'check_networks',
    'check_parts',
    'check_training',
    'chosen_arms',
    'compared_arms',
    'draws',
    'leave_one_out',
    'print_study',
    'read_study',
    'run_cell',
    'run_study',
    'summarise_arms',
    'write_study_report',
]
