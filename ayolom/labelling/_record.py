"""The record of a labelling: a file of JSON lines, first what was done and with what, then a line for each file made.

It lies in `pseudo-labels/` below the data's folder. A line is read at a time, so a record may be as long as it likes.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ayolom.errors import AyolomError, nearest
from ayolom.files import atomic_stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FORMAT = "ayolom pseudo-labels"
VERSION = 1
FOLDER = "pseudo-labels"
SUFFIX = ".jsonl"
RUN = re.compile(r"^\w[\w.-]*$")


def record_file(root: Path, run: str) -> Path:
    """Return where the record of a run lies.

    Raises:
        AyolomError: The name cannot be that of a file.
    """
    if not RUN.match(run):
        raise AyolomError(f"name={run}: a run's name is made of letters, digits, _, - and .")
    return root / FOLDER / f"{run}{SUFFIX}"


def records(root: Path) -> list[Path]:
    """Return the records of a data set, sorted by name."""
    return sorted(file for file in (root / FOLDER).glob(f"*{SUFFIX}") if not file.name.startswith("."))


def find_record(root: Path, run: str) -> Path:
    """Return the record of a run.

    Raises:
        AyolomError: There is no such run.
    """
    file = record_file(root, run)
    if file.is_file():
        return file
    names = [record.stem for record in records(root)]
    have = f"It has {', '.join(names)}" if names else "It has none"
    raise AyolomError(f"{root}: has no run of labelling '{run}'.{nearest(run, names)} {have}")


def write_record(file: Path, head: dict[str, Any], rows: Iterable[dict[str, Any]]) -> None:
    """Write a record whole or not at all.

    Args:
        file: Where.
        head: What was done and with what.
        rows: One for each file made.
    """
    with atomic_stream(file) as stream:
        stream.write(_line({"format": FORMAT, "format_version": VERSION, **head}))
        stream.writelines(_line(row) for row in rows)


def read_head(file: Path) -> dict[str, Any]:
    """Return what a record says of the run.

    Raises:
        AyolomError: The file is missing, damaged or no record.
    """
    return next(_lines(file))


def read_rows(file: Path) -> Iterator[dict[str, Any]]:
    """Yield what a record says of each file, in order.

    Raises:
        AyolomError: The file is missing, damaged or no record.
    """
    lines = _lines(file)
    next(lines)
    yield from lines


def shown(path: Path, root: Path) -> str:
    """Return a path as a record has it: below the data's folder relative to it, with "/" between folders."""
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def _line(value: dict[str, Any]) -> bytes:
    """Return a value as one line in UTF-8."""
    return (json.dumps(value, ensure_ascii=False) + "\n").encode()


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a record, the first of them checked."""
    try:
        with file.open(encoding="utf-8") as stream:
            for number, text in enumerate(stream, start=1):
                line = json.loads(text)
                if not isinstance(line, dict) or (number == 1 and line.get("format") != FORMAT):
                    raise AyolomError(f"{file}: is no record of pseudo-labels; give one of a pseudo-labels folder")
                if number == 1 and line.get("format_version") != VERSION:
                    raise AyolomError(f"{file}: was written by another version of ayolom; use that one")
                yield line
            if not stream.tell():
                raise AyolomError(f"{file}: is empty; it is no record of pseudo-labels")
    except OSError as error:
        raise AyolomError(f"{file}: cannot be read ({error.strerror}); check the path") from None
    except ValueError as error:
        if isinstance(error, AyolomError):
            raise
        raise AyolomError(f"{file}: is no record of pseudo-labels, or is damaged ({error})") from None
