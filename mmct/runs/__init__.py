"""Make runs resumable and identifiable: files, checkpoints, random states, fingerprints.

The names exported here need no mm stack; import the others from their modules.
"""

from .errors import ConfigError, CTError, DivergedError, LockedError, config_errors, one_line
from .files import lock_folder, write_bytes, write_json, write_text, write_whole
from .identity import fingerprint
from .progress import duration

__all__ = [
    'CTError',
    'ConfigError',
    'DivergedError',
    'LockedError',
    'config_errors',
    'duration',
    'fingerprint',
    'lock_folder',
    'one_line',
    'write_bytes',
    'write_json',
    'write_text',
    'write_whole',
]
