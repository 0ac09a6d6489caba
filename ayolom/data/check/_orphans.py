"""Label files beside those in use whose image is missing."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING

from ayolom.data.check._values import Row

if TYPE_CHECKING:
    from collections.abc import Iterator


class Folders:
    """Which folders of labels belong to which folders of images: what is needed to find orphans, and no more."""

    def __init__(self) -> None:
        """Start without folders."""
        # By folder of labels, their suffix and task: folders and suffixes of the images.
        self._found: dict[tuple[str, str, str], set[tuple[str, str]]] = defaultdict(set)

    def add(self, image_file: str, task: str, label_file: str) -> None:
        """Note where an image and its label lie."""
        labels, suffix = os.path.dirname(label_file), os.path.splitext(label_file)[1]
        self._found[labels, suffix, task].add((os.path.dirname(image_file), os.path.splitext(image_file)[1]))

    def orphans(self) -> Iterator[Row]:
        """Yield the label files of these folders that have no image in any of their image folders."""
        for (labels, suffix, task), images in self._found.items():
            if os.path.isdir(labels):
                yield from _orphans(labels, suffix, task, images)


def _orphans(labels: str, suffix: str, task: str, images: set[tuple[str, str]]) -> Iterator[Row]:
    """Yield the label files of one folder that have no image.

    Args:
        labels: The folder.
        suffix: Suffix of its label files; others are no labels.
        task: Their task.
        images: (folder, suffix) of the images they belong to.
    """
    where = " or ".join(sorted({folder for folder, _ in images}))
    with os.scandir(labels) as listed:
        for entry in listed:
            stem, own = os.path.splitext(entry.name)
            if own != suffix or entry.name.startswith(".") or not entry.is_file():
                continue
            if not any(os.path.exists(os.path.join(folder, stem + kind)) for folder, kind in images):
                yield Row(entry.path, task=task, detail=f"no image of that name in {where}")
