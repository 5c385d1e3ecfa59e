"""Pieces of HTML; all text is escaped here."""

import base64
from collections.abc import Iterable, Sequence
from html import escape


def table(
    caption: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    main: Sequence[str] = (),
    kind: str = '',
) -> str:
    """A table that scrolls in a box of its own where it is too wide.

    Args:
        caption (str): What it shows.
        head (Sequence[str]): The names of the columns.
        rows (Iterable[Sequence[str]]): Name of the row, then its cells; what
            follows a line break in a cell is small.
        main (Sequence[str]): The rows that are bold.
        kind (str): A class. Defaults to none.

    Returns:
        str: HTML.
    """
    first, *others = (escape(word) for word in head)
    columns = ''.join(f'<th scope="col">{name}</th>' for name in others)
    corner = f'<th scope="col">{first}</th>' if first else '<td></td>'
    lines = []
    for name, *cells in rows:
        mark = ' class="main"' if name in main else ''
        text = ''.join(f'<td>{_cell(cell)}</td>' for cell in cells)
        lines.append(f'<tr{mark}><th scope="row">{escape(name)}</th>{text}</tr>')
    body = '\n'.join(lines)
    label = escape(caption, quote=True)
    return (
        f'<div class="scroll {kind}" tabindex="0" role="region" aria-label="{label}">\n'
        f'<table><caption>{escape(caption)}</caption>\n'
        f'<thead><tr>{corner}{columns}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'
    )


def _cell(text: str) -> str:
    first, _, rest = text.partition('\n')
    return escape(first) + (f'<small>{escape(rest)}</small>' if rest else '')


def embedded(png: bytes) -> str:
    """A picture as an address.

    Args:
        png (bytes): The file.
    """
    return f'data:image/png;base64,{base64.b64encode(png).decode()}'


def picture(alt: str, sources: Sequence[tuple[str, bytes]], width: int, caption: str) -> str:
    """A figure in several versions.

    Args:
        alt (str): What it shows, for those who do not see it.
        sources (Sequence[tuple[str, bytes]]): Media query and PNG file; the
            first that fits is shown, and the last without a query.
        width (int): In CSS pixels, of the last.
        caption (str): Below it.

    Returns:
        str: HTML.
    """
    *others, (_, plain) = sources
    versions = ''.join(
        f'<source media="{escape(query, quote=True)}" srcset="{embedded(content)}">\n'
        for query, content in others
    )
    return (
        f'<figure>\n<picture>\n{versions}<img src="{embedded(plain)}" width="{width}" '
        f'alt="{escape(alt, quote=True)}">\n</picture>\n'
        f'<figcaption>{escape(caption)}</figcaption>\n</figure>'
    )


def section(name: str, title: str, *parts: str) -> str:
    """A part of the page with a heading.

    Args:
        name (str): For links.
        title (str): The heading.
        *parts (str): HTML.

    Returns:
        str: HTML.
    """
    body = '\n'.join(parts)
    return (
        f'<section id="{name}" aria-labelledby="{name}-title">\n'
        f'<h2 id="{name}-title">{escape(title)}</h2>\n{body}\n</section>'
    )
