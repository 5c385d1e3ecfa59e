"""Show what the commands say of themselves: help is run when the site is built."""

import io
import os
import re
import shlex
from contextlib import redirect_stdout
from unittest.mock import patch

_HELP = re.compile(r'^```console\n\$ (mmct\b[^\n]* --help)\n```$', re.MULTILINE)


def on_page_markdown(markdown: str, **_) -> str:
    """Put its output below each ``$ mmct ... --help`` that stands alone in a block."""
    return _HELP.sub(lambda match: f'```console\n$ {match[1]}\n{output(match[1])}```', markdown)


def output(command: str) -> str:
    """Run a command's help, without torch, at the width of a page.

    Args:
        command (str): Such as 'mmct train --help'.

    Returns:
        str: What it printed.
    """
    from mmct.cli.main import main

    printed = io.StringIO()
    with redirect_stdout(printed), patch.dict(os.environ, COLUMNS='88', NO_COLOR='1'):
        try:
            main(shlex.split(command)[1:])
        except SystemExit as exit:
            if exit.code:
                raise
    return printed.getvalue()
