"""One list of labels parted into the tasks that an export of ours had, as its note says."""

from __future__ import annotations

import csv
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from ayolom.data.convert._note import IMAGES
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ayolom.data.convert._note import Note
    from ayolom.data.convert._values import LabelledImage, LabelledObject, Report

YES = "yes"
SCHEMA = "CREATE TABLE images (name TEXT PRIMARY KEY, labelled INTEGER) WITHOUT ROWID"


def parted(images: Iterable[LabelledImage], task: str, note: Note, report: Report) -> Iterator[LabelledImage]:
    """Yield the images that are labelled for one task, with its objects alone.

    An image is labelled for the tasks that the list of images names, and for those of which it has objects: it may
    have been drawn on since. Objects whose label is no task's are handed on, for the import to refuse.

    Args:
        images: The images with the objects of all tasks.
        task: One of the note's.
        note: What the export tells of itself.
        report: Receives labels of no task on images that are not handed on.
    """
    owners = note.owners()
    with closing(_ListedImages(note, task)) as listed:
        for image in images:
            mine, strange = _of_task(image.objects, task, owners)
            said = listed.labelled(image.path)
            strange = [replace(item, problem=note.unknown(item.label)) for item in strange]
            if mine or said:
                yield replace(image, objects=(*mine, *strange))
                continue
            for item in strange:
                report.add(item.problem, item.where or str(image.path), image.file)
            if said is None and not strange:
                where = f"{image.path}: {task}"
                report.note(f"image without objects that {IMAGES} does not list (not labelled)", where, image.file)


def _of_task(
    objects: Iterable[LabelledObject], task: str, owners: dict[str, tuple[str, str]]
) -> tuple[list[LabelledObject], list[LabelledObject]]:
    """Return the objects of a task, called by their classes, and those of no task."""
    mine, strange = [], []
    for item in objects:
        owner = owners.get(item.label)
        if owner is None:
            strange.append(item)
        elif owner[0] == task:
            mine.append(replace(item, label=owner[1]))
    return mine, strange


class _ListedImages:
    """Which images an export listed as labelled for one task, on the disk however many they are."""

    def __init__(self, note: Note, task: str) -> None:
        """Read the list where there is one.

        Raises:
            AyolomError: It is damaged.
        """
        self._root = os.path.abspath(note.root)
        self._table = sqlite3.connect("")  # a file without a name, which vanishes with the process
        self._table.execute(SCHEMA)
        file = note.root / IMAGES
        if file.is_file():
            self._table.executemany("INSERT OR REPLACE INTO images VALUES (?, ?)", _rows(file, task))

    def labelled(self, path: Path | None) -> bool | None:
        """Return whether an image is listed as labelled, None where it is not listed."""
        for place in (os.path.abspath(str(path)), os.path.realpath(str(path))):
            for root in (self._root, os.path.realpath(self._root)):
                if place.startswith(root + os.sep):
                    name = place[len(root) + 1 :].replace(os.sep, "/")
                    found = self._table.execute("SELECT labelled FROM images WHERE name = ?", (name,)).fetchone()
                    if found is not None:
                        return bool(found[0])
        return None

    def close(self) -> None:
        """Remove the list from the disk."""
        self._table.close()


def _rows(file: Path, task: str) -> Iterator[tuple[str, bool]]:
    """Yield the rows of a list: an image, and whether it is labelled for the task."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            table = csv.DictReader(stream)
            columns = table.fieldnames or ()
            if "image" not in columns:
                raise AyolomError(f"{file}: has no column 'image'; mend it or remove it")
            if task in columns:  # else a task that was added by hand
                yield from ((str(row["image"]), str(row[task]).strip().lower() == YES) for row in table)
    except (UnicodeDecodeError, csv.Error) as error:
        raise AyolomError(f"{file}: is no CSV in UTF-8 ({error}); mend it or remove it") from None
