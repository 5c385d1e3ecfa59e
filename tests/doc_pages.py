"""The code of a page of the docs, as steps that can be run."""

import re
import shlex
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from tool_runs import ROOT

DOCS = ROOT / 'docs'
_BLOCK = re.compile(r'^```(python|bash)\n(.*?)^```$', re.DOTALL | re.MULTILINE)
_FILE = re.compile(r'\A# (\S+\.py)\n')


class Step(NamedTuple):
    """A file to write, Python to execute, or a command to run."""

    kind: str  # 'file', 'python' or 'command'
    text: str
    name: str = ''


def steps_of(page: str) -> list[Step]:
    """Read a page of the docs.

    A Python block whose first line is ``# NAME.py`` is that file, and other ones that follow one
    another are one program. A command, or a block, with a comment that says what it ``needs`` is
    left out.

    Args:
        page (str): Its path below ``docs/``.
    """
    steps = list(_steps((DOCS / page).read_text(encoding='utf-8')))
    joined = []
    for kind, group in groupby(steps, key=lambda step: step.kind):
        group = list(group)
        if kind == 'python':
            group = [Step('python', ''.join(step.text for step in group))]
        joined += group
    return joined


def _steps(text: str) -> Iterator[Step]:
    for language, code in _BLOCK.findall(text):
        if language == 'bash':
            yield from (Step('command', line) for line in _commands(code))
        elif found := _FILE.match(code):
            yield Step('file', code, found[1])
        else:
            yield Step('python', code)


def _commands(code: str) -> Iterator[str]:
    if re.search(r'^# needs ', code, re.MULTILINE):
        return
    for line in code.replace('\\\n', ' ').splitlines():
        if shlex.split(line, comments=True) and '# needs ' not in line:
            yield line
