"""What becomes of memory that was freed: given back to the system, or kept for the next request.

Both are asked of glibc. Other C libraries are left alone.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

MEBIBYTE = 1 << 20
MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # names of glibc's settings in malloc.h
ALLOCATOR = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")  # what users set them by


def give_back() -> bool:
    """Return freed memory of this process to the system.

    glibc keeps what was freed for later requests. Tensors and pictures of ever other sizes leave gaps that fit no later
    request, so that a process grows although nothing in it does. Its `malloc_trim` returns every free page
    (https://man7.org/linux/man-pages/man3/malloc_trim.3.html).

    Returns:
        Whether there was something to return and it was returned.
    """
    trim = _function("malloc_trim", ctypes.c_size_t)
    return trim is not None and bool(trim(0))


@cache
def keep_freed() -> bool:
    """Let this process keep up to 128 MiB that it freed, for work that asks for the same sizes over and over.

    By default glibc returns memory to the system after every picture, and within one, and asks for it again. The system
    then fills each page with zeros anew: 5,000 pages for a frame of a 720p video, a tenth of all time. Blocks above 32
    MiB, the highest limit that glibc goes to by itself, are returned as before. See
    https://man7.org/linux/man-pages/man3/mallopt.3.html.

    Returns:
        Whether it does. It does not where the user has set these limits.
    """
    if any(name in os.environ for name in ALLOCATOR):
        return False
    option = _function("mallopt", ctypes.c_int, ctypes.c_int)
    if option is None:
        return False
    return bool(option(MMAP_THRESHOLD, 32 * MEBIBYTE)) and bool(option(TRIM_THRESHOLD, 128 * MEBIBYTE))


@cache
def _function(name: str, *arguments: Any) -> Any:
    """Return a function of the C library that takes these types and returns an int, None where it has none."""
    try:
        found = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):  # musl and macOS lack them; Windows cannot open "the process itself"
        return None
    found.argtypes, found.restype = arguments, ctypes.c_int
    return found
