"""Pictures of findings, with labels drawn on them, as they stand in the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.data.images import read_image
from ayolom.data.scan import read_one
from ayolom.draw import box_color, draw_boxes, draw_regions, region_color
from ayolom.errors import AyolomError
from ayolom.pages import picture

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ayolom.data.check._values import Row
    from ayolom.tasks.base import Task

SIDE = 440  # pixels of a picture's longer side
SKIPPED = "background"


@dataclass(frozen=True)
class Shown:
    """One picture of the page.

    Attributes:
        uri: The picture as a data URI.
        file: Path of the image.
        legend: (name, colour as #rrggbb) of the classes that are seen.
    """

    uri: str
    file: str
    legend: list[tuple[str, str]]


@dataclass(frozen=True)
class Figure:
    """One finding of the page: one picture, or two side by side.

    Attributes:
        pictures: One or two.
        row: What was found.
    """

    row: Row
    pictures: list[Shown] = field(default_factory=list)


def figures(rows: Sequence[Row], tasks: Sequence[Task], root: Path, most: int) -> Iterator[Figure]:
    """Yield the pictures of findings about images; what cannot be read is passed over.

    Args:
        rows: The findings, the worst first.
        tasks: Tasks whose labels are drawn; of a finding about one task, that one alone.
        root: Folder of the data set.
        most: How many findings to show.
    """
    for row in rows[:most]:
        chosen = [task for task in tasks if row.task in ("", task.name)]
        files = [file for file in (row.file, row.other) if file]
        shown = [one for file in files if (one := _show(file, chosen, root, row.detail)) is not None]
        if shown:
            yield Figure(row, shown)


def _show(file: str, tasks: Sequence[Task], root: Path, detail: str) -> Shown | None:
    """Return an image with its labels, None when it is none or cannot be read."""
    try:
        image = read_image(file)
    except (AyolomError, OSError):
        return None
    found = read_one(file, tasks, root)
    scale = SIDE / max(image.shape[:2])
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    image = cv2.resize(image, size, interpolation=interpolation)
    legend: list[tuple[str, str]] = []
    for task in sorted(tasks, key=lambda task: -task.planes):
        label = found.labels.get(task.name)
        if label is None:
            continue
        if task.planes:
            plane = task.plane(label, task.label_file(file, root), image.shape[:2])
            image, entries = _draw_plane(image, plane, task, detail)
        else:
            image, entries = _draw_instances(image, label, task)
        legend += entries
    return Shown(picture(image), file, legend)


def _draw_instances(
    image: np.ndarray, label: dict[str, np.ndarray], task: Task
) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Draw boxes; return the image and the legend."""
    classes, boxes, _ = task.instances(label)
    size = np.array([image.shape[1], image.shape[0]])
    centre, extent = boxes[:, :2] * size, boxes[:, 2:] * size
    corners = np.concatenate((centre - extent / 2, centre + extent / 2), 1)
    image = draw_boxes(image, corners, classes, None, task.spec.names)
    return image, [(task.spec.names[i], _hex(box_color(i))) for i in np.unique(classes).tolist()]


def _draw_plane(
    image: np.ndarray, plane: np.ndarray, task: Task, detail: str
) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Tint the regions of a mask, and name those that the finding speaks of; return the image and the legend."""
    names = {1: task.spec.names[0]} if task.spec.nc == 1 else dict(task.spec.names)
    names = {value: name for value, name in names.items() if name.lower() != SKIPPED}
    present = [value for value in np.unique(plane).tolist() if value in names]
    image = draw_regions(image, plane, names)
    spoken = [value for value in present if names[value] in detail]
    if spoken:
        boxes = np.array([cv2.boundingRect((plane == value).astype(np.uint8)) for value in spoken], np.float64)
        boxes[:, 2:] += boxes[:, :2]
        image = draw_boxes(image, boxes, np.array(spoken), None, names, line_width=1)
    return image, [(names[value], _hex(region_color(value))) for value in present]


def _hex(colour: tuple[int, int, int]) -> str:
    """Return a BGR colour as #rrggbb."""
    return "#" + "".join(f"{value:02x}" for value in colour[::-1])
