"""JSON of annotations: whole small files, and the entries of huge ones one at a time."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ayolom.data.convert._json import BOM, SMALL, head
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

KEY = re.compile(r'"((?:[^"\\]|\\.){1,40})"\s*:')
OPENINGS = ("start_array", "start_map")


def first_keys(file: Path) -> frozenset[str]:
    """Return the keys, of all levels, in the beginning of a JSON file; none when it does not begin like one."""
    text = head(file).lstrip()
    return frozenset(KEY.findall(text)) if text.startswith(("{", "[")) else frozenset()


def read_json(file: Path) -> Any:
    """Read a JSON file, with or without a byte order mark.

    Raises:
        AyolomError: The file is missing or is not JSON.
    """
    try:
        return json.loads(file.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise AyolomError(f"{file}: cannot be read ({error.strerror}); give the path of the annotation file") from None
    except (ValueError, RecursionError) as error:
        raise _broken(file, error) from None


def entries(file: Path, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the entries of a list or dictionary in a JSON file; large files pass entry by entry where ijson is there.

    Args:
        file: The file.
        prefix: Key of the list or dictionary, "" for the whole file.

    Yields:
        The entry's place, such as `[3]` or `["a.jpg"]`, and its value; nothing where there is no list or dictionary.

    Raises:
        AyolomError: The file is missing or is not JSON; of a large file, entries before the damage have been yielded.
    """
    try:
        large = file.stat().st_size > SMALL
    except OSError:
        large = False  # reading it says what is wrong
    if large and find_spec("ijson") is not None:
        yield from _streamed(file, prefix)
        return
    content = read_json(file)
    if prefix:
        content = content.get(prefix) if isinstance(content, dict) else None
    if isinstance(content, dict):
        yield from ((_place(prefix, key), value) for key, value in content.items())
    elif isinstance(content, list):
        yield from ((_place(prefix, number), value) for number, value in enumerate(content))


def _streamed(file: Path, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield entries without ever holding the whole file."""
    import ijson  # type: ignore[import-untyped]

    try:
        with file.open("rb") as stream:
            _to_start(stream)
            events = ijson.parse(stream)
            opening = next((event for where, event, _ in events if where == prefix and event in OPENINGS), None)
            _to_start(stream)
            if opening == "start_array":
                found = ijson.items(stream, f"{prefix}.item".lstrip("."), use_float=True)
                yield from ((_place(prefix, number), value) for number, value in enumerate(found))
            elif opening == "start_map":
                pairs = ijson.kvitems(stream, prefix, use_float=True)
                yield from ((_place(prefix, key), value) for key, value in pairs)
    except OSError as error:
        raise AyolomError(f"{file}: cannot be read ({error.strerror}); give the path of the annotation file") from None
    except (ijson.JSONError, ValueError) as error:
        raise _broken(file, error) from None


def _place(prefix: str, key: str | int) -> str:
    """Return how a message names an entry."""
    return f"{prefix}[{json.dumps(key, ensure_ascii=False)}]"


def _to_start(stream: BinaryIO) -> None:
    """Go to the first character, past a byte order mark."""
    stream.seek(0)
    if stream.read(len(BOM)) != BOM:
        stream.seek(0)


def _broken(file: Path, error: Exception) -> AyolomError:
    """Return what to say of a file that is not JSON."""
    reason = re.sub(r"\s+", " ", str(error))[:120]
    return AyolomError(f"{file}: is not JSON ({reason}); export the annotations again")
