"""Files written whole or not at all, and the digest of a file."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = 1 << 20  # bytes of a file held at a time


def write_atomic(file: Path, data: bytes | memoryview | str) -> None:
    """Write to a temporary file beside `file`, bring it to the disk, and rename it into place.

    A reader finds the old file or the new one, never a part; after an error the old one is untouched.

    Args:
        file: Where to write; its folder is made.
        data: Bytes, or text that is written as UTF-8.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as stream:
            stream.write(data.encode() if isinstance(data, str) else data)
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
