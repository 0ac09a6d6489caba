"""Images that annotations name, and the problems of one image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ayolom.data.convert._places import safe_name
from ayolom.data.convert._values import Report
from ayolom.data.walk import is_image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path, PurePosixPath
ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".JPG", ".JPEG", ".PNG")


class Problems(Report):
    """The report of one image: hands everything on with the image's name.

    Attributes:
        any: Whether there was a problem; the image then is not complete.
    """

    def __init__(self, report: Report, image: str) -> None:
        """Report for an image."""
        super().__init__()
        self.report, self.image, self.any = report, image, False

    def add(self, what: str, where: str, image: str = "") -> None:
        """Count a problem, for which the image has to be put aside."""
        self.any = True
        self.report.add(what.removesuffix(" (left out)"), where, image or self.image)

    def note(self, what: str, where: str, image: str = "") -> None:
        """Count something that loses nothing."""
        self.report.note(what, where, image or self.image)


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


def find_image(name: str, folders: Sequence[Path]) -> Path:
    """Return the image file of a name, never outside the folders.

    Args:
        name: As the annotation has it. Names come from other machines: the part of a path that leads somewhere else is
            left away, and another ending is accepted where there is no file of this one.
        folders: Where to look.

    Returns:
        The file in the first folder that holds it, else where it should be in the first one.
    """
    path = safe_name(name)
    for tried in dict.fromkeys((path, path.__class__(path.name))):
        for folder in folders:
            if (folder / tried).is_file():
                return folder / tried
            if other := _other_ending(folder, tried):
                return other
    return folders[0] / path


def _other_ending(folder: Path, name: PurePosixPath) -> Path | None:
    """Return the image of a name with another ending, or with one where the name has none."""
    stem = name.stem if is_image(name.name) else name.name
    files = ((folder / name).with_name(stem + ending) for ending in ENDINGS)
    return next((file for file in files if file.is_file()), None)


def relative_name(path: Path, roots: Sequence[Path | None]) -> str:
    """Return an image's path relative to the first root that it lies below, else its name."""
    for root in roots:
        if root is not None and path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return path.name
