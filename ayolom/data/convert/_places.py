"""Where the images of a source lie, and which split they are of."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "trainingset": "train",
    "trainset": "train",
    "valid": "val",
    "val": "val",
    "validation": "val",
    "validationset": "val",
    "valset": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
    "testset": "test",
}
WORD = re.compile(r"[A-Za-z]+")


def split_of(path: str | Path) -> str | None:
    """Return the split that a path tells, the last folder or word that names one; None when nothing does.

    >>> split_of("annotations/instances_val2017.json")
    'val'
    >>> split_of("images/everything/a.jpg") is None
    True
    """
    for part in reversed(Path(path).parts):
        for word in reversed(WORD.findall(part)):
            if word.lower() in SPLIT_WORDS:
                return SPLIT_WORDS[word.lower()]
    return None


def without_split(stem: str) -> str:
    """Return a file's name without the words that tell its split, so that files of one label set get one name.

    >>> without_split("COCO_mul_train_annos")
    'COCO_mul_annos'
    """
    words = [word for word in re.split(r"[_.\-\s]+", re.sub(r"(19|20)\d\d", "", stem)) if word]
    return "_".join(word for word in words if word.lower() not in SPLIT_WORDS)


def safe_name(name: str) -> PurePosixPath:
    """Return a file name from a source as a path that stays below the folder it is put on.

    >>> safe_name("C:/data/../a.jpg").as_posix()
    'data/a.jpg'
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    kept = [part for part in parts if part not in {"/", "//", "..", "."} and not re.fullmatch(r"[A-Za-z]:", part)]
    return PurePosixPath(*kept) if kept else PurePosixPath("unnamed")


class Finder:
    """Finds image files by the names in an annotation file.

    Exports name images with or without the folders that they lie in, so each name is tried whole, then its last part,
    below each folder. A name never leads out of them.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        """Bind to folders.

        Args:
            folders: Where images may lie, the likeliest first; those that do not exist are left out.
        """
        given = list(dict.fromkeys(folders))
        self.folders = [folder for folder in given if folder.is_dir()] or given[:1]
        self._last = (self.folders[0], False)

    def find(self, name: str) -> Path:
        """Return the file of that name; the likeliest path where there is none."""
        path = safe_name(name)
        tries = [self._last, *((folder, short) for short in (False, True) for folder in self.folders)]
        for folder, short in tries:
            file = folder / (path.name if short else path)
            if file.is_file():
                self._last = (folder, short)
                return file
        return self.folders[0] / path
