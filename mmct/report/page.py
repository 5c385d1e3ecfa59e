"""The report: one page of HTML, and its figures as files."""

from collections.abc import Iterator, Mapping
from functools import partial
from html import escape

from . import markup, sections
from .drawn import Drawn
from .figures import heat_map, severity_curves
from .scores import cautions, data_line
from .sections import Comparison
from .style import CSS


def render(comparison: Comparison, stem: str = 'report') -> dict[str, bytes]:
    """Draw a report.

    Args:
        comparison (Comparison): The runs.
        stem (str): Of the files' names. Defaults to 'report'.

    Returns:
        dict[str, bytes]: Content by file name: ``<stem>.html``, which needs
        none of the others, ``<stem>_heatmap.png`` and ``<stem>_severities.png``.
    """
    results = comparison.results
    drawn = dict(
        heatmap=Drawn.of(partial(heat_map, results)),
        severities=Drawn.of(
            partial(severity_curves, results), partial(severity_curves, results, columns=2)
        ),
    )
    page = '\n'.join(_page(comparison, drawn))
    files = {f'{stem}_{name}.png': figure.plain for name, figure in drawn.items()}
    return {f'{stem}.html': page.encode(), **files}


def _page(comparison: Comparison, drawn: Mapping[str, Drawn]) -> Iterator[str]:
    results = comparison.results
    title = 'Corruption scorecard: ' + ', '.join(result['name'] for result in results[:3])
    title += f' and {len(results) - 3} more' if len(results) > 3 else ''
    parts = _sections(comparison, drawn)
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<title>{escape(title)}</title>\n<style>\n{CSS}\n</style>\n</head>\n<body>'
    yield '<a class="skip" href="#content">Skip to the scores</a>'
    yield f'<header>\n<h1>{escape(title)}</h1>\n<p>{escape(data_line(results[0]))}. '
    yield 'All errors are in %; less is better.</p>'
    for caution in cautions(results):
        yield f'<p class="note" role="note">{escape(caution)}</p>'
    links = ''.join(
        f'<li><a href="#{name}">{escape(heading)}</a></li>' for name, (heading, _) in parts.items()
    )
    yield f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n</header>\n<main id="content">'
    for name, (heading, part) in parts.items():
        yield markup.section(name, heading, *part)
    version = escape(results[0]['mmct_version'])
    files = f'{len(results)} result file{"s" if len(results) > 1 else ""}'
    yield f'</main>\n<footer><p>Made by mmct {version} from {files}.</p></footer>'
    yield '</body>\n</html>\n'


def _sections(
    comparison: Comparison, drawn: Mapping[str, Drawn]
) -> dict[str, tuple[str, list[str]]]:
    """The heading and the parts of each section that has some."""
    made = {
        'scores': ('Scores', sections.scores),
        'differences': ('Differences to the baseline', sections.differences),
        'corruptions': ('Error of each corruption', partial(sections.heat_map, drawn['heatmap'])),
        'severities': ('Error against severity', partial(sections.severities, drawn['severities'])),
        'examples': ('Example images', sections.examples),
        'settings': ('Settings', sections.settings),
    }
    parts = {name: (heading, make(comparison)) for name, (heading, make) in made.items()}
    return {name: (heading, part) for name, (heading, part) in parts.items() if part}
