"""Memory that was freed goes back to the system, or stays for the next request."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys

import pytest

from ayolom import memory

GROW_AND_FREE = """
import ctypes
import psutil
from ayolom.memory import give_back

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
held = lambda: psutil.Process().memory_info().rss / 2**20
blocks = [libc.malloc(2**16) for _ in range(3200)]  # 200 MiB in pieces too small to be mapped one by one
for block in blocks:
    ctypes.memset(block, 1, 2**16)
for block in blocks[:-1]:  # the last piece keeps the others below the end of the heap, where free() itself gives back
    libc.free(block)
print(held(), give_back(), held())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc_trim is a function of glibc")
def test_pages_of_freed_pieces_are_returned() -> None:
    done = subprocess.run([sys.executable, "-c", GROW_AND_FREE], capture_output=True, text=True, check=True)
    before, returned, after = done.stdout.split()
    assert returned == "True"
    assert float(before) > 200
    assert float(after) < float(before) - 190


FAULTS = """
import resource
import numpy as np
from ayolom.memory import keep_freed
print(keep_freed(), end=" ")
sizes = [size << 20 for size in (3, 7, 2, 25)]
def work():
    held = [np.ones(size, np.uint8) for size in sizes]
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is a function of glibc")
@pytest.mark.parametrize("own", [None, "100000"], ids=["by default", "the user has set it"])
def test_freed_memory_is_kept_for_the_next_picture_unless_the_user_says_otherwise(own: str | None) -> None:
    limits = {} if own is None else {"MALLOC_TRIM_THRESHOLD_": own}
    clean = {name: value for name, value in os.environ.items() if name not in memory.ALLOCATOR}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], env=clean | limits, capture_output=True, text=True, check=True
    )
    kept, faults = done.stdout.split()
    assert kept == str(own is None)
    assert (int(faults) < 500) == (own is None), "37 MiB have 9,472 pages"


@pytest.mark.parametrize("error", [AttributeError, OSError, TypeError], ids=["musl", "unreadable", "windows"])
def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    class Library:
        def __init__(self, name: None) -> None:
            if error is not AttributeError:
                raise error

    monkeypatch.setattr(ctypes, "CDLL", Library)
    monkeypatch.setattr(memory, "_function", memory._function.__wrapped__)
    assert memory.give_back() is False
    assert memory.keep_freed.__wrapped__() is False
