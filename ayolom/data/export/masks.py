"""Folders of PNG masks whose pixels are class ids, with a table of the classes."""

from __future__ import annotations

import csv
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np
from PIL import Image

from ayolom.data.export._exporter import Exporter, ExportOptions
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ayolom.data.convert import LabelledImage
    from ayolom.tasks.base import Task

IGNORE = 255
IGNORE_COLOUR = (224, 224, 224)


class MaskExporter(Exporter):
    """Writes `images/<split>`, `<task>/<split>/<name>.png` and `<task>_classes.csv` (id, name, red, green, blue).

    Ids are those of the data set, 255 where nothing is said. With `palette` the PNGs show the colours of the table;
    their pixels are the ids all the same.
    """

    title: ClassVar[str] = "PNG masks of class ids, a folder for each task"
    masks_only: ClassVar[bool] = True

    def __init__(self, root: Path, tasks: Sequence[Task], options: ExportOptions) -> None:
        """Make the folder and the tables of classes."""
        super().__init__(root, tasks, options)
        for task in tasks:
            listed = {0: "background", **self.names[task.name]} if task.spec.nc == 1 else task.spec.names
            with (root / f"{task.name}_classes.csv").open("x", encoding="utf-8", newline="") as file:
                table = csv.writer(file, lineterminator="\n")
                table.writerow(("id", "name", "red", "green", "blue"))
                table.writerows((i, name, *colour(i)) for i, name in listed.items())

    def add(self, image_file: Path, name: str, split: str, labels: Mapping[str, LabelledImage]) -> None:
        """Place an image and write its masks."""
        self.place(image_file, self.root / "images" / split / PurePosixPath(name))
        for task, image in labels.items():
            if image.class_map is None:
                raise AyolomError(f"task {task}: has boxes and no masks; export it as coco or yolo")
            file = (self.root / task / split / PurePosixPath(name)).with_suffix(".png")
            file.parent.mkdir(parents=True, exist_ok=True)
            if self.options.palette:
                _save_palette(image.class_map, file)
            else:
                file.write_bytes(cv2.imencode(".png", image.class_map)[1].tobytes())


def colour(number: int) -> tuple[int, int, int]:
    """Return red, green, blue of a class id, the colours of PASCAL VOC's masks: bits of the id spread over channels.

    Everingham and Winn, "The PASCAL VOC 2012 Development Kit", 2012,
    http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf

    >>> colour(1), colour(2), colour(15)
    ((128, 0, 0), (0, 128, 0), (192, 128, 128))
    """
    channels = [0, 0, 0]
    for bit in range(8):
        for channel in range(3):
            channels[channel] |= (number >> channel & 1) << (7 - bit)
        number >>= 3
    return channels[0], channels[1], channels[2]


def _save_palette(class_map: np.ndarray, file: Path) -> None:
    """Write a palette PNG."""
    image = Image.fromarray(np.ascontiguousarray(class_map))
    image.putpalette([part for i in range(256) for part in (IGNORE_COLOUR if i == IGNORE else colour(i))])
    image.save(file, format="PNG")
