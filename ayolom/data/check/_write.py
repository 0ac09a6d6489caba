"""The results of a check as files: `check.json` with every finding, `check.html` to look at."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ayolom.data.check._page import page
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ayolom.data.check._spool import Spool
    from ayolom.data.check._values import Result, Row
    from ayolom.data.schema import DataSchema

JSON, HTML = "check.json", "check.html"


def write(result: Result, spool: Spool, schema: DataSchema, out: Path, html: bool = True) -> Path:
    """Write a folder of results, whole or not at all.

    Args:
        result: What the check found.
        spool: The spool it was given.
        schema: The data set.
        out: The folder to make; it must not exist, or be empty.
        html: Whether to write the page with pictures too.

    Returns:
        The folder.

    Raises:
        AyolomError: The folder is in use or cannot be made.
    """
    check_folder(out)
    temporary = out.absolute().with_name(f".{out.name}.{uuid4().hex}.tmp")
    try:
        temporary.mkdir(parents=True)
        with (temporary / JSON).open("w", encoding="utf-8") as stream:
            stream.writelines(_json(result, spool))
        if html:
            (temporary / HTML).write_text(page(result, schema), encoding="utf-8")
        temporary.replace(out.absolute())
    except OSError as error:
        raise AyolomError(f"out={out}: cannot be written ({error.strerror}); name another folder") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return out


def check_folder(out: Path) -> None:
    """Raise where a folder of results would lie on something that is there.

    Raises:
        AyolomError: It is a file, or holds files.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise AyolomError(f"out={out}: is there already; remove it or name another folder")


def _json(result: Result, spool: Spool) -> Iterator[str]:
    """Yield the text of the JSON file piece by piece: findings may be as many as images."""
    yield "{\n"
    for key, value in result.plain():
        yield f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},\n"
    yield '"findings": ['
    for number, finding in enumerate(result.findings):
        head = {
            "kind": finding.kind,
            "severity": finding.severity,
            "title": finding.title,
            "advice": finding.advice,
            "count": finding.count,
        }
        yield (",\n" if number else "\n") + json.dumps(head)[:-1] + ', "rows": ['
        for row_number, row in enumerate(spool.rows(finding.kind)):
            yield (",\n " if row_number else "\n ") + json.dumps(_plain(row), ensure_ascii=False)
        yield "]}"
    yield "\n]}\n"


def _plain(row: Row) -> dict[str, Any]:
    """Return what a row says, without what it leaves empty."""
    names = ("file", "other", "split", "task", "detail")
    return {name: getattr(row, name) for name in names if getattr(row, name)}
