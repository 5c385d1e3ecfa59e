"""Tools in processes forked from one that has imported all of mmct: seconds less a start."""

import hashlib
import multiprocessing
import os
import runpy
import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple

# ruff: noqa: F401, I001
import mmct.cli.draw
import mmct.cli.report
import mmct.cli.studying
import mmct.cli.testing
import mmct.cli.theory
import mmct.cli.training
import mmct.corruption_sets
import mmct.registered
import matplotlib.pyplot
import sklearn.datasets
import yapf.yapflib.yapf_api

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = dict(
    train='train', test='test', report='report', study='study', make_corruptions='corrupt',
    draw_corruptions='draw', theory='theory',
)  # fmt: skip
"""The command of each tool."""
CONSOLE_SCRIPT = """
import sys

from mmct.cli.main import main

if __name__ == '__main__':
    sys.exit(main())
"""


class Ended(NamedTuple):
    """A process that has ended: its exit code (None: it did not end), and what it printed."""

    code: int | None
    out: str
    err: str
    seconds: float

    @property
    def last(self) -> str:
        """The last line on stderr."""
        return (self.err.strip().splitlines() or [''])[-1]


class Job:
    """A tool that runs in a folder, in a session of its own.

    Args:
        folder (Path): Where it is called.
        tool (str): One of :data:`COMMANDS`.
        *argv (str): Its options.
        as_command (bool): Whether it is called as ``mmct <command>``. Defaults to False.
    """

    def __init__(self, folder: Path, tool: str, *argv: str, as_command: bool = False) -> None:
        # Beside the folder: what is in there is the user's.
        self._logs = [folder.with_name(f'{folder.name}.{name}') for name in ('out', 'err')]
        command = [str(ROOT / 'tools' / f'{tool}.py')]
        if as_command:
            script = folder.with_name(f'{folder.name}.mmct')
            script.write_text(CONSOLE_SCRIPT)
            command = [str(script), COMMANDS[tool]]
        words = [*command, *map(str, argv)]
        fork = multiprocessing.get_context('fork')
        self._process = fork.Process(target=_run, args=(folder, words, self._logs))
        self._started = time.monotonic()
        self._process.start()

    def ended_within(self, seconds: float) -> bool:
        """Wait for the end, but not longer; with the drill ends what it has started."""
        try:
            self._process.join(seconds)
        except BaseException:
            self.send(signal.SIGKILL, to_all=True)
            raise
        return self._process.exitcode is not None

    def send(self, number: int, to_all: bool = False) -> None:
        """Send a signal, to the tool or, as a terminal does, to all of its processes."""
        (os.killpg if to_all else os.kill)(self._process.pid, number)

    def end(self, seconds: float = 300) -> Ended:
        """Wait for the end; a process that does not come to it is killed with all of its own."""
        self.ended_within(seconds)
        code, took = self._process.exitcode, time.monotonic() - self._started
        if code is None:
            self.send(signal.SIGKILL, to_all=True)
            self._process.join()
        return Ended(code, *(log.read_text('utf-8', 'replace') for log in self._logs), took)

    def survivors(self, seconds: float = 20) -> list[str]:
        """Wait until no process of the session lives, and list those that do not end; kill them."""
        stop = time.monotonic() + seconds
        while (found := _session(self._process.pid)) and time.monotonic() < stop:
            time.sleep(0.1)
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        return list(found.values())


def call(folder: Path, tool: str, *argv: str, as_command: bool = False) -> Ended:
    """Run a tool to its end."""
    return Job(folder, tool, *argv, as_command=as_command).end()


def _run(folder: Path, words: list[str], logs: list[Path]) -> None:
    os.setsid()
    os.chdir(folder)
    for number, log in enumerate(logs, start=1):
        with log.open('wb') as file:
            os.dup2(file.fileno(), number)
    # A shell that runs the drill in the background ignores it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = words
    runpy.run_path(words[0], run_name='__main__')


def _session(leader: int) -> dict[int, str]:
    """Find the processes of a session that live, and their names."""
    found = {}
    for file in Path('/proc').glob('[0-9]*/stat'):
        try:
            name, _, rest = file.read_text().partition(' (')[2].rpartition(') ')
        except OSError:  # it has ended meanwhile
            continue
        state, _, _, session, *_ = rest.split()
        if int(session) == leader and state != 'Z':
            found[int(file.parent.name)] = name
    return found


def contents(folder: Path) -> dict[str, str]:
    """Digest each file of a folder but the logs, which each start adds to; folders count, too."""
    found = {}
    for path in sorted(folder.rglob('*')):
        name = path.relative_to(folder)
        if not any(part[:8].isdigit() for part in name.parts):
            content = path.read_bytes() if path.is_file() else b'folder'
            found[str(name)] = hashlib.sha256(content).hexdigest()
    return found
