"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
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


@pytest.mark.parametrize("error", [AttributeError, OSError, TypeError], ids=["musl", "unreadable", "windows"])
def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    class Library:
        def __init__(self, name: None) -> None:
            if error is not AttributeError:
                raise error

    monkeypatch.setattr(ctypes, "CDLL", Library)
    memory._malloc_trim.cache_clear()
    try:
        assert memory.give_back() is False
    finally:
        memory._malloc_trim.cache_clear()
