"""Which images belong together and must not be parted: by name, by folder, by a table, by looks."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ayolom.errors import AyolomError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

WAYS = ("regex:", "csv:", "folder", "hash")
BETWEEN = re.compile(r",(?=(?:regex:|csv:|folder\b|hash\b))")  # a pattern may hold commas of its own
Key = tuple[str, str]


@dataclass(frozen=True)
class Grouping:
    """How images are grouped.

    Attributes:
        keys: Functions from an image to a key that all images of its group share, None for an image without one; with
            the words of the user that asked for each.
        looks: Whether the user asked for near-duplicates by name.
        text: What the user gave.
    """

    keys: tuple[tuple[str, Callable[[str], Key | None]], ...] = ()
    looks: bool = False
    text: str = ""


def parse_grouping(text: str, root: Path) -> Grouping:
    """Read what the user gave as `group=`.

    Args:
        text: `regex:<pattern>`, `csv:<file>`, `folder` or `hash`, or several with commas between them.
        root: Folder of the data set.

    Raises:
        AyolomError: Something else, a pattern without a group, or a table that cannot be read.
    """
    keys: list[tuple[str, Callable[[str], Key | None]]] = []
    looks = False
    for part in filter(None, (word.strip() for word in BETWEEN.split(text))):
        if part == "hash":
            looks = True
        elif part == "folder":
            keys.append((part, _folder_key))
        elif part.startswith("regex:"):
            keys.append((part, _regex_key(part.removeprefix("regex:"), root)))
        elif part.startswith("csv:"):
            keys.append((part, _csv_key(Path(part.removeprefix("csv:")).expanduser(), root)))
        else:
            raise AyolomError(
                f"group={part}: must be regex:<pattern>, csv:<file>, folder or hash.{nearest(part, WAYS)}"
            )
    return Grouping(tuple(keys), looks, text)


def join(members: Iterable[Sequence[int]], count: int) -> np.ndarray:
    """Return group numbers (N,) of N things, from 0 in the order of each group's first, from sets that may overlap.

    Args:
        members: Sets of positions that belong together.
        count: N.
    """
    parents = list(range(count))

    def first(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    for together in members:
        for one in together[1:]:
            a, b = first(together[0]), first(one)
            parents[max(a, b)] = min(a, b)
    return np.unique([first(i) for i in range(count)], return_inverse=True)[1].reshape(-1)


def _folder_key(image_file: str) -> Key:
    """Return the folder of an image."""
    return "folder", str(Path(image_file).parent)


def _regex_key(pattern: str, root: Path) -> Callable[[str], Key | None]:
    """Return a function from an image to the first group of a pattern.

    The pattern is searched for in the file's name, so that copies in different folders meet; a pattern with a "/" in
    the path below the data's folder.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise AyolomError(f"group=regex:{pattern}: is no regular expression ({error})") from None
    if not compiled.groups:
        raise AyolomError(
            f"group=regex:{pattern}: needs a group in brackets, the key: regex:(.*)_jpg\\.rf\\. for Roboflow's "
            "copies of one picture"
        )

    def key(image_file: str) -> Key | None:
        path = Path(image_file)
        text = path.name if "/" not in pattern else _below(path, root)
        found = compiled.search(text)
        return ("regex:" + pattern, found[1]) if found and found[1] is not None else None

    return key


def _csv_key(file: Path, root: Path) -> Callable[[str], Key | None]:
    """Return a function from an image to its group in a table with the columns `image` and `group`.

    Images are looked up by path, relative to the table or to the data's folder, links followed; then by file name,
    where only one row has it. Tables share their group names.
    """
    by_path, by_name = _table(file, root)

    def key(image_file: str) -> Key | None:
        path = Path(image_file)
        for candidate in (str(path), str(path.resolve())):
            if candidate in by_path:
                return "csv", by_path[candidate]
        group = by_name.get(path.name)
        return None if group is None else ("csv", group)

    return key


def _table(file: Path, root: Path) -> tuple[dict[str, str], dict[str, str | None]]:
    """Return groups by absolute path, and by file name, None where rows of different groups share it."""
    by_path: dict[str, str] = {}
    by_name: dict[str, str | None] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            if not {"image", "group"} <= set(rows.fieldnames or ()):
                raise AyolomError(
                    f"group=csv:{file}: needs the columns image and group (it has {', '.join(rows.fieldnames or ())})"
                )
            for row in rows:
                image, group = (row["image"] or "").strip(), (row["group"] or "").strip()
                if not image or not group:
                    continue
                name = Path(image).name
                by_name[name] = group if by_name.get(name, group) == group else None
                for base in (root, file.absolute().parent):
                    by_path[str(base / image)] = by_path[str((base / image).resolve())] = group
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AyolomError(f"group=csv:{file}: cannot be read as a table ({error})") from None
    return by_path, by_name


def _below(path: Path, root: Path) -> str:
    """Return the path below the data's folder, or the whole path."""
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
