"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def give_back() -> bool:
    """Return freed memory of this process to the system, where the C library can be asked to.

    glibc keeps what was freed for later requests. Tensors and pictures of ever other sizes leave gaps that fit no later
    request, so that a process grows although nothing in it does. Its `malloc_trim` returns every free page
    (https://man7.org/linux/man-pages/man3/malloc_trim.3.html). Other C libraries have no such function.

    Returns:
        Whether there was something to return and it was returned.
    """
    trim = _malloc_trim()
    return trim is not None and bool(trim(0))


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    """Return glibc's `malloc_trim`, None where the process runs on another C library."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # musl and macOS lack it; Windows cannot open "the process itself"
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return trim
