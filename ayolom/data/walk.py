"""Which files lie below a folder, and which of them are images."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def walk(root: Path, wanted: Callable[[str], bool], most: int | None = None) -> Iterator[Path]:
    """Yield the files below a folder whose names are wanted, sorted within each folder; hidden ones are left out.

    Args:
        root: The folder; links to folders are followed.
        wanted: Decides by the file's name.
        most: How many files to yield at most.
    """
    return islice(_walk(root, wanted), most)


def _walk(root: Path, wanted: Callable[[str], bool]) -> Iterator[Path]:
    """Yield the files of `walk`, without end."""
    for parent, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(names) if not name.startswith(".") and wanted(name))


def is_image(name: str) -> bool:
    """Return whether a file's name ends like that of an image which training can read, and is not hidden."""
    from ultralytics.data.utils import IMG_FORMATS

    return not os.path.basename(name).startswith(".") and os.path.splitext(name)[1][1:].lower() in IMG_FORMATS
