"""What an export asks of a format: a folder that takes one image after the other."""

from __future__ import annotations

import csv
import os
import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TextIO

from ayolom.data.convert._note import IMAGES, NOTE, NotedTask, note_text
from ayolom.data.export._objects import object_names
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ayolom.data.convert import LabelledImage
    from ayolom.tasks.base import Task


@dataclass(frozen=True)
class ExportOptions:
    """How a data set is exported.

    Attributes:
        place: Whether images are copied, or symbolic links to the originals.
        simplify: How far outlines of masks may leave the pixel edges, in pixels; 0 follows them exactly.
        segmentation: COCO: masks as polygons or as run lengths.
        palette: Mask folders: whether the PNGs carry colours for their class ids.
    """

    place: Literal["copy", "link"] = "copy"
    simplify: float = 1.0
    segmentation: Literal["polygon", "rle"] = "polygon"
    palette: bool = False


class Exporter(ABC):
    """A writer of one format, with a folder of its own; images come one at a time and nothing is kept of them.

    Use it as `with CvatExporter(folder, tasks, options) as exporter: exporter.add(...)`. Whoever calls it takes care
    that a folder left by an error goes away (see `export_dataset`).

    Attributes:
        title: What the format is, for help and messages.
        masks_only: Whether the format holds class maps and no boxes.
        one_list: Whether the labels of all tasks stand in one list, so that an image without objects of a task says
            nothing of whether it is labelled for it. A list of the images then does, where there are several tasks.
    """

    title: ClassVar[str]
    masks_only: ClassVar[bool] = False
    one_list: ClassVar[bool] = False

    def __init__(self, root: Path, tasks: Sequence[Task], options: ExportOptions) -> None:
        """Make the folder and the note on its tasks, which the import reads.

        Args:
            root: New folder.
            tasks: Tasks whose labels are written.
            options: How.
        """
        root.mkdir(parents=True, exist_ok=True)
        self.root, self.tasks, self.options = root, list(tasks), options
        self.names = {task.name: object_names(task) for task in tasks}
        noted = {task.name: NotedTask(task.kind, tuple(self.names[task.name].values())) for task in tasks}
        (root / NOTE).write_text(note_text(noted), encoding="utf-8")
        self._images: TextIO | None = None
        if self.one_list and len(tasks) > 1:
            self._images = (root / IMAGES).open("x", encoding="utf-8", newline="")
            self._row("image", [task.name for task in tasks])

    def __enter__(self) -> Exporter:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        """Finish the files when nothing went wrong; in any case close them."""
        try:
            self.close(whole=kind is None)
        finally:
            if self._images is not None:
                self._images.close()

    @abstractmethod
    def add(self, image_file: Path, name: str, split: str, labels: Mapping[str, LabelledImage]) -> None:
        """Add one image with its labels, at least one.

        Args:
            image_file: The original; only read.
            name: Its name in the export, with suffix and "/" between folders; unlike all others of the split.
            split: "train", "val" or "test".
            labels: By name of the tasks that it is labelled for, what they say. An image without objects is one on
                which nothing is to be found.
        """

    def close(self, whole: bool = True) -> None:
        """Finish and close the files; where the export is not `whole` they are closed as they stand."""

    def place(self, image_file: Path, target: Path) -> None:
        """Copy or link an image to a new file.

        Raises:
            AyolomError: The file is there already.
        """
        if target.is_symlink() or target.exists():
            raise AyolomError(f"{target}: two images of one name; rename one of them")
        target.parent.mkdir(parents=True, exist_ok=True)
        if self.options.place == "link":
            os.symlink(image_file.resolve(), target)
        else:
            shutil.copyfile(image_file, target)

    def list_image(self, target: Path, labels: Mapping[str, LabelledImage]) -> None:
        """List which tasks an image is labelled for, where the annotations do not say so."""
        said = ["yes" if task.name in labels else "no" for task in self.tasks]
        self._row(target.relative_to(self.root).as_posix(), said)

    def _row(self, name: str, values: list[str]) -> None:
        """Write a row of the list of images where there is one."""
        if self._images is not None:
            csv.writer(self._images, lineterminator="\n").writerow((name, *values))
