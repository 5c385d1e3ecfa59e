"""List, fetch and load the trained networks that are published with mmct.

Listing and fetching need neither torch nor an mm stack; :func:`mmct.load` needs both.
"""

from .files import fetch, source
from .index import ZOO, Entry, find

__all__ = ['ZOO', 'Entry', 'fetch', 'find', 'source']
