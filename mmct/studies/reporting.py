"""Write the tables and figures of a study from its results alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mmct.report import Table, errors_note, png
from mmct.runs.errors import CTError, one_line
from mmct.runs.files import write_bytes, write_json, write_text

from .registry import FIGURES, TABLES
from .store import StudyStore, is_of
from .summary import summarise_arms
from .tables import ended_of, rows_of

if TYPE_CHECKING:
    from pathlib import Path

    from mmengine.registry import Registry
    from rich.console import Console


def write_study_report(store: StudyStore) -> list[Path]:
    """Write ``table.md``, ``table.json``, further tables and the figures of a study.

    Args:
        store (StudyStore): The folder of the study.

    Returns:
        list[Path]: The written files.

    Raises:
        CTError: If the folder has no study, or no result yet.
    """
    plan, results = _read(store)
    rows = summarise_arms(plan, results)
    files = [store.folder / 'table.md', store.folder / 'table.json']
    write_text(files[0], to_markdown(plan, rows))
    write_json(files[1], rows)
    for name, settings in plan.get('tables', {}).items():
        table = _built(store, TABLES, name, settings)
        found = table(plan, results)
        files += [store.folder / f'{name}.md', store.folder / f'{name}.json']
        write_text(files[-2], table.to_markdown(found))
        write_json(files[-1], found)
    for name, settings in plan['figures'].items():
        figure = _built(store, FIGURES, name, settings)(plan, results)
        if figure is None:
            continue  # nothing to draw yet
        files.append(store.folder / f'{name}.png')
        write_bytes(files[-1], png(figure))
    return files


def print_study(store: StudyStore, console: Console | None = None) -> None:
    """Print the table of a study to the terminal.

    Args:
        store (StudyStore): The folder of the study.
        console (Console, optional): The console to print to. Defaults to stdout.

    Raises:
        CTError: If the folder has no study, or no result yet.
    """
    from rich.console import Console

    console = console or Console()
    plan, results = _read(store)
    rows = summarise_arms(plan, results)
    arm_table(plan, rows).print(console=console)
    for line in _notes(plan, rows):
        console.print(line, markup=False)


def arm_table(plan: Mapping[str, Any], rows: list[dict[str, Any]]) -> Table:
    """Make the table of a study's arms.

    Args:
        plan (Mapping): Content of ``study.json``.
        rows (list[dict]): The result of :func:`summarise_arms`.

    Returns:
        Table: Means and standard errors over seeds, with the differences to the
        baselines below them.
    """
    made = []
    for row in rows:
        seeds = ended_of(len(row['seeds']), len(plan['seeds']), len(row['diverged']))
        values = [row['values'][title] for title in plan['table']]
        made += rows_of(row['arm'], values, plan['arms'][row['arm']]['baselines'], seeds)
    return Table(['arm', 'seeds', *plan['table']], made)


def to_markdown(plan: Mapping[str, Any], rows: list[dict[str, Any]]) -> str:
    """Write the table of a study's arms, a note on its errors, and the choices of tuning.

    Args:
        plan (Mapping): Content of ``study.json``.
        rows (list[dict]): The result of :func:`summarise_arms`.

    Returns:
        str: The Markdown text.
    """
    notes = ''.join(f'{line}\n' for line in _notes(plan, rows))
    return arm_table(plan, rows).to_markdown() + notes


def _notes(plan: Mapping[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    note = errors_note(plan['table'], rows)
    return [*(['', note] if note else []), *_choices(rows)]


def _choices(rows: list[dict[str, Any]]) -> list[str]:
    chosen = [f'- {r["arm"]}: `{r["chosen"]}`' for r in rows if r['chosen'] is not None]
    return ['', 'Chosen on validation images:', '', *chosen] if chosen else []


def _built(
    store: StudyStore, registry: Registry, name: str, settings: Mapping[str, Any]
) -> Callable[..., Any]:
    """Build a table or figure of ``study.json``, which others may have written."""
    try:
        return registry.build(dict(settings))
    except (KeyError, ValueError) as error:
        what = f'{store.folder}/study.json: {registry.name} {name!r}'
        raise CTError(f'{what}: {one_line(error)}') from error


def _read(store: StudyStore) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Read the plan, and the results of its cells by key."""
    plan = store.plan()
    if plan is None:
        raise CTError(f'{store.folder} has no study.json: run the study first')
    keys = {cell['key'] for cell in plan['cells']}
    results = {key: found for key in keys if (found := store.result(key)) is not None}
    if not results:
        raise CTError(f'{store.folder} has no results yet: run the study first')
    for cell in plan['cells']:
        if cell['key'] in results:
            results[cell['key']] = _of_plan(results[cell['key']], cell, plan)
    return plan, results


def _of_plan(
    result: dict[str, Any], cell: Mapping[str, Any], plan: Mapping[str, Any]
) -> dict[str, Any]:
    """Leave out scores with other settings or images, of a study on its way to new ones."""
    marks, images = cell.get('scores', {}), cell.get('images')
    given = {
        name: {**plan.get('revisions', {}), **cell.get('given', {}).get(name, {})} for name in marks
    }
    scores = {
        name: score
        for name, score in result['scores'].items()
        if name not in marks or is_of(score, marks[name], images, given[name])
    }
    return {**result, 'scores': scores}
