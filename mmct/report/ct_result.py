"""The table at the end of a CT run."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def print_ct_result(result: Mapping[str, Any], console: Console | None = None) -> None:
    """Print what ``ct_result.json`` holds.

    Args:
        result (Mapping): Accuracies and agreement in %, times in seconds.
        console (Console, optional): Where to. Defaults to the terminal.
    """
    where = f'{result["num_images"]} {result["measured_on"]} images'
    table = Table(title='Counterbalancing Teacher')
    table.add_column('')
    table.add_column(f'accuracy on {where}', justify='right')
    table.add_column('training time', justify='right')
    table.add_row(
        'teacher (no BN)',
        f'{result["teacher_accuracy_pct"]:.2f} %',
        _time(result['teacher_seconds']),
    )
    table.add_row(
        'student (BN)',
        f'{result["student_accuracy_pct"]:.2f} %',
        _time(result['student_seconds']),
    )
    table.add_section()
    table.add_row('both agree on', f'{result["agreement_pct"]:.2f} %', '')
    (console or Console()).print(table)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return 'given'
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02}:{rest:02}'
