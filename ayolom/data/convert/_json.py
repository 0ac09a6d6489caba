"""Lists in JSON files of any size: read whole while that is little, else entry by entry."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

SMALL = 4 * 2**20  # bytes that are read whole: quicker, and at most some ten times as much memory
LARGE = 200 * 2**20  # bytes from which reading whole deserves a word
HEAD = 64 * 2**10
BOM = b"\xef\xbb\xbf"


def head(file: Path, size: int = HEAD) -> str:
    """Return the first bytes of a file as text, "" when it cannot be read."""
    try:
        with file.open("rb") as stream:
            return stream.read(size).decode("utf-8-sig", errors="replace")
    except OSError:
        return ""


class JsonFile:
    """A JSON file whose top is an object of lists.

    With the extra `data` (ijson) a large file passes in constant memory; without it, it is read whole.
    """

    def __init__(self, file: Path) -> None:
        """Open the file.

        Raises:
            AyolomError: It cannot be read, or is small and is not JSON.
        """
        self.file = file
        try:
            size = file.stat().st_size
        except OSError as error:
            raise AyolomError(
                f"{file}: cannot be read ({error.strerror}); give the path of the annotation file"
            ) from error
        self._streamed = size > SMALL and find_spec("ijson") is not None
        if size > LARGE and not self._streamed:
            from ultralytics.utils import LOGGER

            LOGGER.warning(
                f"{file}: {size >> 20} MB of JSON are read into memory, about ten times that; in little memory it "
                'goes with: pip install "ayolom[data]"'
            )
        self._content = None if self._streamed else self._load()

    def items(self, name: str) -> Iterator[Any]:
        """Yield the entries of one list at the top, numbers as int or float; nothing where it is missing.

        Raises:
            AyolomError: The file is not JSON.
        """
        if not self._streamed:
            found = self._content.get(name) if isinstance(self._content, dict) else None
            yield from found if isinstance(found, list) else ()
            return
        import ijson  # type: ignore[import-untyped]

        try:
            with self.file.open("rb") as stream:
                _skip_mark(stream)
                yield from ijson.items(stream, f"{name}.item", use_float=True)
        except (ijson.JSONError, ValueError) as error:
            raise self._broken(error) from error

    def _load(self) -> Any:
        """Return the whole content."""
        try:
            return json.loads(self.file.read_bytes().decode("utf-8-sig"))
        except OSError as error:
            raise AyolomError(f"{self.file}: cannot be read ({error.strerror}); check the path") from error
        except ValueError as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> AyolomError:
        """Return what to say of a file that is not JSON."""
        reason = re.sub(r"\s+", " ", str(error))[:120]
        return AyolomError(f"{self.file}: is not JSON ({reason}); export the annotations again")


def _skip_mark(stream: BinaryIO) -> None:
    """Go past a byte-order mark."""
    if stream.read(len(BOM)) != BOM:
        stream.seek(0)
