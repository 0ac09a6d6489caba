"""Where the images of a source lie, which split they are of, and how large they are by their header."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ayolom.data.convert._write import image_shape

if TYPE_CHECKING:
    from collections.abc import Iterable

UNKNOWN_SHAPE = (0, 0)  # of an image that cannot be read; the import says so
UPRIGHT = (0, 1)
ORIENTATION = 0x0112  # EXIF tag
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


def header_shape(file: Path) -> tuple[int, int]:
    """Return (H, W) of an image as training sees it, by its header where that is enough; (0, 0) when unreadable.

    The import checks later that the file can be decoded.
    """
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile

    # Not Image.open: where it cannot identify a file, the base's patch of it installs a plugin
    for reader in (JpegImageFile, PngImageFile):
        try:
            with reader(file) as image:
                if image.getexif().get(ORIENTATION, 1) in UPRIGHT:
                    return image.size[1], image.size[0]
                break
        except (OSError, SyntaxError, ValueError, TypeError, KeyError):
            continue
    return image_shape(file) or UNKNOWN_SHAPE
