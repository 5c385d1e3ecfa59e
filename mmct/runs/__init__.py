"""What makes a run survive and be itself: files, checkpoints, random states, identity."""

from .configs import set_test_domain
from .errors import CTError, DivergedError, LockedError, one_line
from .files import WholeFileBackend
from .identity import fingerprint
from .ranks import check_launcher, join_processes

__all__ = [
    'CTError',
    'DivergedError',
    'LockedError',
    'WholeFileBackend',
    'check_launcher',
    'fingerprint',
    'join_processes',
    'one_line',
    'set_test_domain',
]
