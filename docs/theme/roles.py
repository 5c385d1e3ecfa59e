"""Turn the roles of docstrings, such as :class:`NoNorm`, into links of the site."""

import logging
import re
from collections.abc import Iterator
from functools import partial

import griffe

_ROLE = re.compile(r':(?:class|func|data|mod|meth|attr):`(~?)([\w.]+)`')
log = logging.getLogger('mkdocs.hooks.roles')


class Roles(griffe.Extension):
    """Links what the site documents, and writes the rest as code."""

    def on_package(self, *, pkg: griffe.Module, **_) -> None:
        """Rewrite all docstrings of a package when it has been read."""
        for obj in _objects(pkg):
            if obj.docstring is not None:
                link = partial(_link, obj)
                obj.docstring.value = _ROLE.sub(link, obj.docstring.value)


def _objects(obj: griffe.Object) -> Iterator[griffe.Object]:
    yield obj
    for member in obj.members.values():
        if not member.is_alias:
            yield from _objects(member)


def _link(obj: griffe.Object, role: re.Match) -> str:
    short, name = role.groups()
    first, _, rest = name.partition('.')
    try:
        path = name if first == 'mmct' else f'{obj.resolve(first)}.{rest}'.rstrip('.')
        if path.startswith('mmct.'):
            obj.modules_collection[path]
    except (griffe.NameResolutionError, KeyError):
        path = name
        if first == 'mmct' or not rest:  # what else has dots is another package's
            log.warning('%s names %s, which does not exist', obj.path, name)
    shown = name.rpartition('.')[2] if short else name
    return f'<autoref optional identifier="{path}"><code>{shown}</code></autoref>'
