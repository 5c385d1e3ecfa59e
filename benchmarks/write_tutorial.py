"""Run the tutorial, and write what it prints into the page and its notebook.

``docs/tutorial.md`` is the source: text, code and, after each code block, its output as a
``text`` block. ``docs/tutorial.ipynb`` has the same, a cell for each block.

    python benchmarks/write_tutorial.py            # run it, and write both (minutes)
    python benchmarks/write_tutorial.py --notebook # write the notebook of the page as it is
"""

import argparse
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

DOCS = Path(__file__).resolve().parents[1] / 'docs'
PAGE, NOTEBOOK = DOCS / 'tutorial.md', DOCS / 'tutorial.ipynb'
# A figure that the tutorial makes, and where the page shows it.
FIGURE, SHOWN = 'report_dumbbell.png', DOCS / 'figures' / 'tutorial_dumbbell.png'
# Jupyter asks for colours.
_STYLE = re.compile(r'\x1b\[[\d;?]*[A-Za-z]')
# An output of more lines is shown from its end.
LONGEST = 80

_CODE = re.compile(
    r'^```(?P<language>python|bash)\n(?P<code>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?',
    re.DOTALL | re.MULTILINE,
)


def notebook_of(page: str) -> NotebookNode:
    """Make the notebook of a page.

    Args:
        page (str): Markdown. A Python block whose first line is ``# NAME.py`` becomes a cell that
            writes this file; a ``bash`` block is run by bash.

    Returns:
        NotebookNode: With the page's outputs.
    """
    cells = list(_cells(page))
    for number, cell in enumerate(cells):
        cell.id = f'{number}'  # else random
    kernel = dict(name='python3', display_name='Python 3', language='python')
    return new_notebook(cells=cells, metadata=dict(kernelspec=kernel))


def _cells(page: str) -> Iterator[NotebookNode]:
    end = 0
    for block in _CODE.finditer(page):
        if text := page[end : block.start()].strip():
            yield new_markdown_cell(text)
        output = block['output']
        outputs = [new_output('stream', text=output)] if output else []
        yield new_code_cell(_source(block['language'], block['code']), outputs=outputs)
        end = block.end()
    if text := page[end:].strip():
        yield new_markdown_cell(text)


def _source(language: str, code: str) -> str:
    if language == 'bash':
        code = f'%%bash\n{code}'
    return re.sub(r'\A# (\S+\.py)$', r'%%writefile \1', code, flags=re.MULTILINE).rstrip('\n')


def run(notebook: NotebookNode, folder: Path) -> list[str]:
    """Execute a notebook.

    Args:
        notebook (NotebookNode): Changed in place: gets the outputs.
        folder (Path): Where it runs.

    Returns:
        list[str]: What each code cell printed, without warnings.

    Raises:
        CellExecutionError: If a cell fails.
    """
    where = dict(metadata=dict(path=str(folder)))
    NotebookClient(notebook, timeout=None, kernel_name='python3', resources=where).execute()
    return [_printed(cell, folder) for cell in notebook.cells if cell.cell_type == 'code']


def _printed(cell: NotebookNode, folder: Path) -> str:
    if cell.source.startswith('%%writefile'):
        return ''
    streams = [output.text for output in cell.outputs if output.get('name') == 'stdout']
    text = _STYLE.sub('', ''.join(streams)).replace(f'{folder}/', '')
    lines = text.rstrip().splitlines()
    # Of a line that was written over, its last state.
    lines = [line.split('\r')[-1].rstrip() for line in lines]
    cut = ['...', *lines[-LONGEST:]] if len(lines) > LONGEST else lines
    return ''.join(f'{line}\n' for line in cut)


def with_outputs(page: str, outputs: Sequence[str]) -> str:
    """Put outputs after the code blocks of a page, in the place of the old ones.

    Args:
        page (str): Markdown.
        outputs (Sequence[str]): Of each code block; an empty one is not shown.
    """
    left = iter(outputs)

    def block(match: re.Match) -> str:
        output = next(left)
        code = f'```{match["language"]}\n{match["code"]}```\n'
        return f'{code}\n```text\n{output}```\n' if output else code

    return _CODE.sub(block, page)


def main() -> None:
    """Write page and notebook."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--notebook', action='store_true', help='run nothing')
    page = PAGE.read_text(encoding='utf-8')
    if not parser.parse_args().notebook:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve()
            page = with_outputs(page, run(notebook_of(page), folder))
            shutil.copy(folder / FIGURE, SHOWN)
        PAGE.write_text(page, encoding='utf-8')
    nbformat.write(notebook_of(page), NOTEBOOK)


if __name__ == '__main__':
    main()
