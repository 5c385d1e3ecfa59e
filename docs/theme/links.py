"""Make links to files outside docs/ work in the site, as they do in the repository.

README.md, CONTRIBUTING.md and CHANGELOG.md are pages of the site, and pictures are copied into
it. Other files and folders are linked in the repository if ``repo_url`` is set, and otherwise
named.
"""

import logging
import re
from os.path import relpath
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    'README.md': 'index.md',
    'CONTRIBUTING.md': 'contributing.md',
    'CHANGELOG.md': 'changelog.md',
}
"""Pages whose text lies outside docs/."""

_FENCE = re.compile(r'^( *)(```+|~~~+).*?^\1\2 *$', re.DOTALL | re.MULTILINE)
_LINK = re.compile(r'(!?)\[([^\]]*)\]\(([^)\s#:]+)(#[^)\s]*)?\)')
_PICTURES = '.png', '.svg', '.jpg', '.gif'
log = logging.getLogger('mkdocs.hooks.links')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, and the pictures that any page shows."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    for file in files.documentation_pages():
        for _, _, target, _ in _LINK.findall(file.content_string):
            path = _target(file.src_uri, target)
            copied = f'repository/{path}'
            if _is_outside(path) and path.endswith(_PICTURES) and copied not in files.src_uris:
                files.append(File.generated(config, copied, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links in the repository into links in the site."""
    here = page.file.src_uri

    def link(match: re.Match) -> str:
        picture, text, target, anchor = match.groups(default='')
        path = _target(here, target)
        if path in PAGES:
            place = PAGES[path]
        elif not _is_outside(path):
            place = path.removeprefix('docs/')
        elif f'repository/{path}' in files.src_uris:
            place = f'repository/{path}'
        else:
            if not (ROOT / path).exists():
                log.warning('%s links to %s, which does not exist', here, target)
            if config.repo_url:
                return f'[{text}]({config.repo_url.rstrip("/")}/tree/HEAD/{path})'
            return f'`{path}`' if text.strip('`').rstrip('/') in path else f'{text} (`{path}`)'
        return f'{picture}[{text}]({relpath(place, Path(here).parent)}{anchor})'

    # Code is not searched for links.
    parts, end = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [_LINK.sub(link, markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return ''.join([*parts, _LINK.sub(link, markdown[end:])])


def _target(page: str, target: str) -> str:
    """Find the file that a page links to, as a path from the root of the repository."""
    sources = {made: source for source, made in PAGES.items()}
    source = Path(sources.get(page, f'docs/{page}'))
    return relpath(ROOT / source.parent / target, ROOT)


def _is_outside(path: str) -> bool:
    return not path.startswith('docs/')
