"""Run the ``study`` command: its cells (training runs), tables and figures."""

import os
from argparse import Namespace
from pathlib import Path
from statistics import mean

from rich.console import Console
from rich.table import Table

from mmct.runs.configs import load_config
from mmct.runs.errors import CTError, config_errors
from mmct.runs.progress import duration
from mmct.studies import (
    LiveTable,
    LocalExecutor,
    Planner,
    RayExecutor,
    Study,
    StudyStore,
    check_data,
    check_networks,
    check_parts,
    check_training,
    print_study,
    read_study,
    run_study,
    write_study_report,
)
from mmct.studies.live_table import as_text
from mmct.studies.loop import needed_weights

from .configs import merge_cfg_options

# The keys of a study that say how its results are shown.
_SHOWN = ('table', 'tables', 'figures')


def study(args: Namespace) -> None:
    """Read a study, report its errors before any cell is trained, and run it.

    Args:
        args (Namespace): The options.

    Raises:
        CTError: If the study has an error, cells failed, or none of the points of an arm's tuning
            could be trained.
    """
    cfg = load_config(args.config)
    merge_cfg_options(cfg, args, (*Study.known(), 'custom_imports'))
    with config_errors():
        settings = read_study(cfg, args.seeds)
    store = StudyStore(args.work_dir or Path('work_dirs') / 'studies' / settings.name)
    store.plan()  # refuses the plan of another version
    with config_errors():
        check_parts(settings)
    if args.report_only:
        return report_again(store, settings, args)
    with config_errors():
        planner = Planner(settings, store, with_data=not args.dry_run)
        cells = planner.cells({})
        if args.dry_run:
            dry_run(planner, store, args.jobs)
            return check_networks(cells)
        check_data(cells)
    to_do = [cell for cell in cells if not store.is_finished(cell)]
    if to_do:
        check_training(to_do, store.folder)
    run(planner, store, args)


def report_again(store: StudyStore, settings: Study, args: Namespace) -> None:
    """Report the runs of the last start, with the tables and figures that the config has now.

    Args:
        store (StudyStore): The study's folder.
        settings (Study): The study.
        args (Namespace): The options.

    Raises:
        CTError: If an option asks for other runs.
    """
    plan = store.plan()
    if plan is None:
        return report(store)  # it says that there is none
    if args.seeds is not None and list(settings.seeds) != plan['seeds']:
        raise CTError(
            f'--seeds {args.seeds}: --report-only runs nothing, and the study in '
            f'{store.folder} has the seeds {", ".join(map(str, plan["seeds"]))}'
        )
    for word in args.cfg_options or []:
        if word.partition('=')[0].partition('.')[0] not in _SHOWN:
            raise CTError(
                f'--cfg-options {word}: --report-only runs nothing, so it can only change '
                f'{", ".join(_SHOWN)}'
            )
    store.keep_plan({**plan, **{key: getattr(settings, key) for key in _SHOWN}})
    try:
        report(store)
    except BaseException:
        # Tables of arms that were not run are no reason to lose those that were.
        store.keep_plan(plan)
        raise


def report(store: StudyStore) -> None:
    """Write tables and figures.

    Args:
        store (StudyStore): The study's folder.
    """
    files = write_study_report(store)
    print_study(store)
    print('\n'.join(str(file) for file in files))


def dry_run(planner: Planner, store: StudyStore, jobs: int) -> None:
    """Print the cells and how many remain, without building a data set.

    Args:
        planner (Planner): The planner, which lists the cells.
        store (StudyStore): The study's folder.
        jobs (int): The number of cells to run at a time.
    """
    table = Table(title=as_text(f'{planner.study.name}, in {store.folder}'), title_justify='left')
    for title in ('arm', 'role', 'cells', 'to do', 'trained for'):
        table.add_column(title, justify='left' if title in ('arm', 'role') else 'right')
    rows = cells_by_arm(planner, store)
    every = [seconds for cells in rows.values() for _, seconds in cells if seconds]
    total, left = 0, 0.0
    for (arm, role), cells in rows.items():
        to_do = sum(open_ for open_, _ in cells)
        took = [seconds for _, seconds in cells if seconds]
        shown = duration(mean(took)) if took else ''
        table.add_row(as_text(arm), role, str(len(cells)), str(to_do), shown)
        total += to_do
        left += to_do * mean(took or every or [0])
    Console().print(table)
    text = f'{sum(map(len, rows.values()))} cells, {total} to do'
    if every:
        text += f', which train for about {duration(left / jobs)} with --jobs {jobs}'
    print(text)


def cells_by_arm(
    planner: Planner, store: StudyStore
) -> dict[tuple[str, str], list[tuple[bool, float | None]]]:
    """List the cells of a study, and the training times of those that have run.

    Args:
        planner (Planner): The planner, which lists the cells.
        store (StudyStore): The study's folder.

    Returns:
        dict: By arm and role, for each cell: True if it remains to be run, and its training time
        in seconds (None if unknown).
    """
    results, known = {}, -1
    while known != len(results):  # results may make more cells known
        known = len(results)
        cells = planner.cells(results)
        results |= {c.key: found for c in cells if (found := store.result(c.key)) is not None}
    rows: dict[tuple[str, str], list] = {}
    needed = needed_weights(cells, store)
    for cell in cells:
        seconds = results.get(cell.key, {}).get('seconds')
        lost = cell.key in needed and not store.has_weights(cell.key)
        to_do = lost or not store.is_finished(cell)
        rows.setdefault((cell.arm, cell.role), []).append((to_do, seconds))
    for name, arm in planner.study.arms.items():
        if arm.tuning is not None and planner.choice(arm, results) is None:
            rows[name, 'training'] = [(True, None)] * len(planner.study.seeds)
    return rows


def run(planner: Planner, store: StudyStore, args: Namespace) -> None:
    """Run the unfinished cells, then write tables and figures.

    Args:
        planner (Planner): The planner, which lists the cells.
        store (StudyStore): The study's folder.
        args (Namespace): The options.

    Raises:
        CTError: If cells failed, or none of the points of an arm's tuning could be trained.
    """
    if args.executor == 'ray':
        executor = RayExecutor(args.jobs, args.ray_address)
    else:
        executor = LocalExecutor(args.jobs)
    with LiveTable(store, planner.study.table) as table:
        progress = run_study(planner, store, executor, table.show)
    wrong = list(planner.diverged.values())
    if progress.failed:
        titles = {cell.key: cell.title for cell in progress.entries}
        lines = [f'{titles[key]}: {error}' for key, error in progress.failed.items()]
        wrong.append(
            f'{len(lines)} of {progress.total} cells failed ({"; ".join(lines[:5])}); the logs are '
            f'in {store.folder / "runs"}{os.sep}<key>; run the command again to retry them'
        )
    try:
        if progress.finished:
            report(store)
    except CTError as error:
        wrong.append(str(error))
    if wrong:
        raise CTError('; '.join(wrong))
