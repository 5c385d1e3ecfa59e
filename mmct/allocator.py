"""Let the allocator of a process keep the memory that it frees."""

import ctypes
import os
import platform

# Of glibc: by its environment variable, the option of `mallopt` (malloc.h) and the value. No block
# has a mapping of its own, which ends when the block is freed; and less than 2 GiB that is free at
# the end of the heap stays there.
_SETTINGS = {'MALLOC_MMAP_MAX_': (-4, 0), 'MALLOC_TRIM_THRESHOLD_': (-1, 2**31 - 1)}


def keep_freed_memory() -> None:
    """Keep freed memory for the next allocation, here and in processes that are started later.

    glibc returns large blocks to the system, which hands them out again page by page, filled with
    zeros. On a CPU each layer of a network takes such blocks for each batch (docs/performance.md
    says what that costs). Variables that the user has set (``MALLOC_MMAP_MAX_``,
    ``MALLOC_TRIM_THRESHOLD_``) stay. Without glibc nothing happens.
    """
    if platform.libc_ver()[0] != 'glibc':
        return
    libc = ctypes.CDLL(None)
    for name, (option, value) in _SETTINGS.items():
        if name not in os.environ:
            os.environ[name] = str(value)
            libc.mallopt(option, value)
