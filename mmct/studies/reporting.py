"""Tables and figures of a study, from its results alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmct.report.figures import png
from mmct.runs.errors import CTError
from mmct.runs.files import write_json, write_text, write_whole

from .live_table import shown
from .registry import FIGURES, TABLES
from .store import StudyStore
from .summary import summarise


def write_study_report(store: StudyStore) -> list[Path]:
    """Write ``table.md``, ``table.json``, further tables and the figures of a study.

    Args:
        store (StudyStore): Its folder.

    Returns:
        list[Path]: The files.

    Raises:
        CTError: If the folder has no study, or no result yet.
    """
    plan = store.plan()
    if plan is None:
        raise CTError(f'{store.folder} has no study.json: run the study first')
    keys = {cell['key'] for cell in plan['cells']}
    results = {key: found for key in keys if (found := store.result(key)) is not None}
    if not results:
        raise CTError(f'{store.folder} has no results yet: run the study first')
    rows = summarise(plan, results)
    files = [store.folder / 'table.md', store.folder / 'table.json']
    write_text(files[0], to_markdown(plan, rows))
    write_json(files[1], rows)
    # Studies of earlier versions have none.
    for name, settings in plan.get('tables', {}).items():
        table = TABLES.build(dict(settings))
        found = table(plan, results)
        files += [store.folder / f'{name}.md', store.folder / f'{name}.json']
        write_text(files[-2], table.to_markdown(found))
        write_json(files[-1], found)
    for name, settings in plan['figures'].items():
        figure = FIGURES.build(dict(settings))(plan, results)
        if figure is None:
            continue  # nothing to draw yet
        picture, file = png(figure), store.folder / f'{name}.png'
        write_whole(file, lambda path, picture=picture: path.write_bytes(picture))
        files.append(file)
    return files


def to_markdown(plan: Mapping[str, Any], rows: list[dict[str, Any]]) -> str:
    """The table of a study.

    Args:
        plan (Mapping): What ``study.json`` says.
        rows (list[dict]): What :func:`summarise` returned.

    Returns:
        str: A Markdown table: mean and standard error over seeds, and the
        differences to the baselines below them.
    """
    titles = list(plan['table'])
    lines = [
        '| ' + ' | '.join(['arm', 'seeds', *titles]) + ' |',
        '| --- | ---: |' + ' ---: |' * len(titles),
    ]
    for row in rows:
        seeds = f'{len(row["seeds"])} of {len(plan["seeds"])}'
        if row['diverged']:
            seeds += f', {len(row["diverged"])} diverged'
        values = [shown(row['values'][title]) for title in titles]
        lines.append('| ' + ' | '.join([row['arm'], seeds, *values]) + ' |')
        for baseline in plan['arms'][row['arm']]['baselines']:
            found = [row['values'][title]['differences'].get(baseline) for title in titles]
            if not any(d and d['mean'] is not None for d in found):
                continue
            cells = [shown(d, sign=True) if d else '' for d in found]
            lines.append('| ' + ' | '.join([f'&nbsp; minus {baseline}', '', *cells]) + ' |')
    chosen = [row for row in rows if row['chosen'] is not None]
    text = '\n'.join(lines) + '\n'
    if chosen:
        text += '\nChosen on validation images:\n\n'
        text += '\n'.join(f'- {row["arm"]}: `{row["chosen"]}`' for row in chosen) + '\n'
    return text
