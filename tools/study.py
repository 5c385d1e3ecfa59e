"""Run a study: train and score each arm with each seed, then tables and figures."""

import os
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mmct.cli import Parser, add_cfg_options, load_config, run_tool
from mmct.runs import CTError
from mmct.runs.progress import duration
from mmct.studies import (
    Executor,
    LiveTable,
    LocalExecutor,
    Planner,
    RayExecutor,
    Study,
    StudyStore,
    cells_alike,
    check_parts,
    estimate,
    print_study,
    read_study,
    run_study,
    write_study_report,
)


def parse_args() -> Namespace:
    """Read the command line."""
    parser = Parser(prog='study.py', description=__doc__)
    parser.add_argument('config', help='study config, such as configs/studies/bn_removal.py')
    parser.add_argument('--work-dir', type=Path, help='folder of the study')
    parser.add_argument('--seeds', type=positive, metavar='N', help='use seeds 0 to N - 1')
    parser.add_argument('--jobs', type=positive, default=1, help='cells at once, default 1')
    parser.add_argument(
        '--dry-run', action='store_true', help='print the cells, and how long they will take'
    )
    parser.add_argument(
        '--report-only', action='store_true', help='tables and figures of the results so far'
    )
    parser.add_argument(
        '--executor', choices=['local', 'ray'], default='local', help='where cells run'
    )
    parser.add_argument('--ray-address', help='of a Ray cluster; default: one that is started here')
    add_cfg_options(parser)
    args = parser.parse_args()
    if args.ray_address is not None and args.executor != 'ray':
        parser.error('--ray-address needs --executor ray')
    if args.dry_run and args.report_only:
        parser.error('--dry-run and --report-only exclude each other')
    return args


def positive(word: str) -> int:
    """A positive integer from the command line."""
    if not word.isdecimal() or not int(word):
        raise ArgumentTypeError(f'must be 1 or more, got {word}')
    return int(word)


def build() -> Callable[[], object]:
    """Read the study, and find its cells: what is wrong shows before any trains."""
    args = parse_args()
    cfg = load_config(args.config)
    cfg.merge_from_dict(args.cfg_options or {})
    study = read_study(cfg, args.seeds)
    store = StudyStore(args.work_dir or Path('work_dirs') / 'studies' / study.name)
    store.plan()  # of another version it is refused
    if args.report_only:
        return lambda: report(store)
    planner = Planner(study, store)
    check_parts(study, planner.cells({}))
    if args.dry_run:
        return lambda: dry_run(study, planner, store, args.jobs)
    return lambda: run(study, planner, store, args)


def report(store: StudyStore) -> None:
    """Write tables and figures."""
    files = write_study_report(store)
    print_study(store)
    print('\n'.join(str(file) for file in files))


def dry_run(study: Study, planner: Planner, store: StudyStore, jobs: int) -> None:
    """Print the cells, and how long the unfinished ones will take."""
    results, known = {}, -1
    while known != len(results):
        known = len(results)
        cells = planner.cells(results)
        results |= {c.key: found for c in cells if (found := store.result(c.key)) is not None}
    table = Table(title=f'{study.name}, in {store.folder}', title_justify='left')
    for title in ('arm', 'role', 'cells', 'to do', 'steps', 's/step', 'time each'):
        table.add_column(title, justify='left' if title in ('arm', 'role') else 'right')
    total = 0.0
    for (arm, role), alike in cells_alike(study, cells).items():
        cost = estimate(alike[0])
        to_do = sum(not store.is_finished(cell) for cell in alike)
        total += to_do * cost.seconds
        others = len({cell.arm for cell in alike}) - 1
        table.add_row(
            f'{arm} and {others} alike' if others else arm, role, str(len(alike)), str(to_do),
            f'{cost.steps:,}', f'{cost.seconds_per_step:.3f}', duration(cost.seconds),
        )  # fmt: skip
    # The training of an arm that is to be tuned, with the first point.
    for arm in study.arms:
        if arm.tuning is not None and planner.choice(arm, results) is None:
            cost, seeds = estimate(planner.example(arm)), len(study.seeds)
            total += seeds * cost.seconds
            table.add_row(
                arm.name, 'training', str(seeds), str(seeds), f'{cost.steps:,}',
                f'{cost.seconds_per_step:.3f}', duration(cost.seconds),
            )  # fmt: skip
    Console().print(table)
    print(f'about {duration(total / jobs)} with --jobs {jobs}, without making corruptions')


def executor_of(args: Namespace) -> Executor:
    """Where the cells are to run."""
    if args.executor == 'ray':
        return RayExecutor(args.jobs, args.ray_address)
    return LocalExecutor(args.jobs)


def run(study: Study, planner: Planner, store: StudyStore, args: Namespace) -> None:
    """Run what is not finished, then write tables and figures."""
    executor = executor_of(args)
    with LiveTable(study.table, args.jobs) as table:
        progress = run_study(planner, store, executor, table.show)
    if progress.finished:
        report(store)
    if planner.hopeless:
        raise CTError('; '.join(planner.hopeless.values()))
    if progress.failed:
        failed = [c for c in progress.different if c.key in progress.failed]
        lines = '; '.join(f'{c.title}: {progress.failed[c.key]}' for c in failed[:5])
        raise CTError(
            f'{len(failed)} of {len(progress.different)} cells failed ({lines}); the logs are in '
            f'{store.folder / "runs"}{os.sep}<key>; the next start tries them again'
        )


if __name__ == '__main__':
    stopped = 'stopped; the same command goes on where it was'
    sys.exit(run_tool('study.py', build, stopped))
