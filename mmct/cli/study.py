"""Run a study: train and score each arm with each seed, then tables and figures."""

import os
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from .options import Parser, add_cfg_options

if TYPE_CHECKING:
    from mmct.studies import Planner, StudyStore

STOPPED = 'stopped; the same command goes on where it was'


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv (Sequence[str], optional): Its arguments. Defaults to the command line's.

    Returns:
        int: The exit code.
    """
    args = parse_args(argv)
    from .running import run_tool

    return run_tool('study.py', partial(prepare, args), STOPPED)


def parse_args(argv: Sequence[str] | None = None) -> Namespace:
    """Read the command line.

    Args:
        argv (Sequence[str], optional): Its arguments. Defaults to the command line's.
    """
    parser = Parser(prog='study.py', description=__doc__)
    parser.add_argument('config', help='study config, such as configs/studies/bn_removal.py')
    parser.add_argument('--work-dir', type=Path, help='folder of the study')
    parser.add_argument('--seeds', type=positive, metavar='N', help='use seeds 0 to N - 1')
    parser.add_argument('--jobs', type=positive, default=1, help='cells at once, default 1')
    parser.add_argument(
        '--dry-run', action='store_true', help='print the cells, and how many are to do'
    )
    parser.add_argument(
        '--report-only', action='store_true', help='tables and figures of the results so far'
    )
    parser.add_argument(
        '--executor', choices=['local', 'ray'], default='local', help='where cells run'
    )
    parser.add_argument('--ray-address', help='of a Ray cluster; default: one that is started here')
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.ray_address is not None and args.executor != 'ray':
        parser.error('--ray-address needs --executor ray')
    if args.dry_run and args.report_only:
        parser.error('--dry-run and --report-only exclude each other')
    return args


def positive(word: str) -> int:
    """Read a positive integer from the command line.

    Args:
        word (str): What the user wrote.

    Raises:
        ArgumentTypeError: Unless it is one.
    """
    if not word.isdecimal() or not int(word):
        raise ArgumentTypeError(f'must be 1 or more, got {word}')
    return int(word)


def prepare(args: Namespace) -> Callable[[], object]:
    """Read the study and check it: what is wrong shows before any cell is trained.

    Args:
        args (Namespace): The command line.

    Returns:
        Callable: What is then to run.
    """
    from mmct.studies import (
        Planner,
        StudyStore,
        check_data,
        check_networks,
        check_parts,
        read_study,
    )

    from .options import load_config

    cfg = load_config(args.config)
    cfg.merge_from_dict(args.cfg_options or {})
    study = read_study(cfg, args.seeds)
    store = StudyStore(args.work_dir or Path('work_dirs') / 'studies' / study.name)
    store.plan()  # one of another version is refused
    if args.report_only:
        return partial(report, store)
    check_parts(study)
    planner = Planner(study, store, with_data=not args.dry_run)
    cells = planner.cells({})
    if args.dry_run:
        check_networks(cells)
        return partial(dry_run, planner, store, args.jobs)
    check_data(cells)
    return partial(run, planner, store, args)


def report(store: 'StudyStore') -> None:
    """Write tables and figures.

    Args:
        store (StudyStore): The study's folder.
    """
    from mmct.studies import write_study_report

    files = write_study_report(store)
    print(files[0].read_text(encoding='utf-8'))
    print('\n'.join(str(file) for file in files))


def dry_run(planner: 'Planner', store: 'StudyStore', jobs: int) -> None:
    """Print the cells and how many are to do; no data set is built.

    Args:
        planner (Planner): Knows the cells.
        store (StudyStore): The study's folder.
        jobs (int): How many are to run at once.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from mmct.runs.progress import duration

    table = Table(title=escape(f'{planner.study.name}, in {store.folder}'), title_justify='left')
    for title in ('arm', 'role', 'cells', 'to do', 'trained for'):
        table.add_column(title, justify='left' if title in ('arm', 'role') else 'right')
    rows = cells_by_arm(planner, store)
    every = [seconds for cells in rows.values() for _, seconds in cells if seconds]
    total, left = 0, 0.0
    for (arm, role), cells in rows.items():
        to_do = sum(open_ for open_, _ in cells)
        took = [seconds for _, seconds in cells if seconds]
        shown = duration(mean(took)) if took else ''
        table.add_row(escape(arm), role, str(len(cells)), str(to_do), shown)
        total += to_do
        left += to_do * mean(took or every or [0])
    Console().print(table)
    text = f'{sum(map(len, rows.values()))} cells, {total} to do'
    if every:
        text += f', which train for about {duration(left / jobs)} with --jobs {jobs}'
    print(text)


def cells_by_arm(
    planner: 'Planner', store: 'StudyStore'
) -> dict[tuple[str, str], list[tuple[bool, float | None]]]:
    """List the cells of a study, and what is known of those that have run.

    Args:
        planner (Planner): Knows the cells.
        store (StudyStore): The study's folder.

    Returns:
        dict: By arm and role, for each cell: True if it is to do, and for how many
        seconds it was trained.
    """
    results, known = {}, -1
    while known != len(results):  # what has a result may make more cells known
        known = len(results)
        cells = planner.cells(results)
        results |= {c.key: found for c in cells if (found := store.result(c.key)) is not None}
    rows: dict[tuple[str, str], list] = {}
    for cell in cells:
        seconds = results.get(cell.key, {}).get('seconds')
        rows.setdefault((cell.arm, cell.role), []).append((not store.is_finished(cell), seconds))
    for name, arm in planner.study.arms.items():
        if arm.tuning is not None and planner.choice(arm, results) is None:
            rows[name, 'training'] = [(True, None)] * len(planner.study.seeds)
    return rows


def run(planner: 'Planner', store: 'StudyStore', args: Namespace) -> None:
    """Run what is not finished, then write tables and figures.

    Args:
        planner (Planner): Knows the cells.
        store (StudyStore): The study's folder.
        args (Namespace): The command line.

    Raises:
        CTError: If cells failed, or no point of an arm's tuning could be trained.
    """
    from mmct.runs import CTError
    from mmct.studies import LiveTable, LocalExecutor, RayExecutor, run_study

    if args.executor == 'ray':
        executor = RayExecutor(args.jobs, args.ray_address)
    else:
        executor = LocalExecutor(args.jobs)
    with LiveTable(store, planner.study.table) as table:
        progress = run_study(planner, store, executor, table.show)
    if progress.finished:
        report(store)
    if planner.diverged:
        raise CTError('; '.join(planner.diverged.values()))
    if progress.failed:
        titles = {cell.key: cell.title for cell in progress.entries}
        lines = [f'{titles[key]}: {error}' for key, error in progress.failed.items()]
        raise CTError(
            f'{len(lines)} of {progress.total} cells failed ({"; ".join(lines[:5])}); the logs are '
            f'in {store.folder / "runs"}{os.sep}<key>; the next start tries them again'
        )
