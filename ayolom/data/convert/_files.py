"""Files of a source: the kinds that matter, and the images that annotations name."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ayolom.data.walk import is_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".JPG", ".JPEG", ".PNG")  # the likeliest first


def is_json(name: str) -> bool:
    """Return whether a file's name ends like JSON's."""
    return name.lower().endswith(".json")


def is_xml(name: str) -> bool:
    """Return whether a file's name ends like XML's."""
    return name.lower().endswith(".xml")


def is_png(name: str) -> bool:
    """Return whether a file's name ends like a mask's."""
    return name.lower().endswith(".png")


def folders_of(folder: Path) -> list[Path]:
    """Return the folders directly in a folder, by name; hidden ones left out, none when it is not there."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def safe_name(name: str) -> PurePosixPath:
    """Return a file name from a source as a path that stays below the folder it is put on.

    >>> safe_name("C:/data/../a.jpg").as_posix()
    'data/a.jpg'
    """
    parts = PurePosixPath(name.replace("\\", "/").replace("\0", "")).parts  # no system has that sign in a path
    kept = [part for part in parts if part not in {"/", "//", "..", "."} and not re.fullmatch(r"[A-Za-z]:", part)]
    return PurePosixPath(*kept) if kept else PurePosixPath("unnamed")


def find_image(name: str, folders: Sequence[Path]) -> Path:
    """Return the image file of a name, never outside the folders.

    Args:
        name: As the annotation has it. Names come from other machines: the part of a path that leads somewhere else is
            left away, and another ending is accepted where there is no file of this one.
        folders: Where to look, the likeliest first.

    Returns:
        The file in the first folder that holds it, else where it should be in the first one. The whole path goes
        before its last part, and the ending of the name before others.
    """
    path = safe_name(name)
    for tried in dict.fromkeys((path, PurePosixPath(path.name))):
        files = [folder / tried for folder in folders]
        found = next((file for file in files if file.is_file()), None) or _with_other_ending(files)
        if found is not None:
            return found
    return folders[0] / path


def _with_other_ending(files: Iterable[Path]) -> Path | None:
    """Return the first of the files that is there with another ending, or with one where it has none."""
    for file in files:
        stem = file.stem if is_image(file.name) else file.name
        others = (file.with_name(stem + ending) for ending in ENDINGS) if file.parent.is_dir() else ()
        found = next((other for other in others if other.is_file()), None)
        if found is not None:
            return found
    return None


def those_there(folders: Iterable[Path]) -> list[Path]:
    """Return the folders that exist, each once; the first one where none does."""
    given = list(dict.fromkeys(folders))
    return [folder for folder in given if folder.is_dir()] or given[:1]


def relative_name(path: Path, roots: Sequence[Path | None]) -> str:
    """Return an image's path relative to the first root that it lies below, else its name."""
    for root in roots:
        if root is not None and path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return path.name
