"""Files written whole or not at all, and the digest of a file."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

BLOCK = 1 << 20  # bytes of a file held at a time


def write_atomic(file: Path, data: bytes | memoryview | str) -> None:
    """Write a file by `atomic_stream`.

    Args:
        file: Where to write; its folder is made.
        data: Bytes, or text that is written as UTF-8.
    """
    with atomic_stream(file) as stream:
        stream.write(data.encode() if isinstance(data, str) else data)


@contextmanager
def atomic_stream(file: Path) -> Iterator[BinaryIO]:
    """Give a stream into a temporary file beside `file`, brought to the disk and renamed when all went well.

    A reader finds the old file or the new one, never a part; after an error the old one is untouched.

    Args:
        file: Where to write; its folder is made.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def file_sha256(file: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal; a file of any size takes little memory.

    Args:
        file: What to read. An OSError is passed on.
    """
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
