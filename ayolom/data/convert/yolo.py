"""YOLO text: one row for an object, a box or a polygon, in fractions of the image's size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ayolom.data.convert._sizes import decoded_shape
from ayolom.data.convert._values import Annotations, LabelledImage, LabelledObject, Report
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Sequence


def read_yolo(images: Path, labels: Path, names: Sequence[str]) -> Annotations:
    """Read a folder of YOLO text files.

    An image without a text file is left out, as nothing is said of it; an empty file says that nothing is there.

    Args:
        images: Folder of the images, searched with its subfolders.
        labels: Folder of the text files, laid out like `images`.
        names: Class names by class id.

    Raises:
        AyolomError: A folder is missing or holds no images.
    """
    from ayolom.data.images import list_images

    for folder in (images, labels):
        if not folder.is_dir():
            raise AyolomError(f"{folder}: no such folder; give that of the images and that of their text files")
    found, report = [], Report()
    for image in map(Path, list_images([images], images)):
        relative = image.relative_to(images.absolute())
        text_file = (labels / relative).with_suffix(".txt")
        shape = decoded_shape(image)
        if shape is None:
            report.add("image cannot be read (left out)", str(image))
        elif not text_file.is_file():
            report.add("image without a label file (left out)", str(image))
        else:
            text = text_file.read_text(encoding="utf-8")
            found.append(LabelledImage(relative.as_posix(), shape, parse_yolo(text, names, shape, text_file, report)))
    return Annotations(found, list(names), report)


def parse_yolo(
    text: str, names: Sequence[str], shape: tuple[int, int], source: str | Path, report: Report
) -> tuple[LabelledObject, ...]:
    """Turn the text of one label file into objects.

    Args:
        text: Rows of a class id and four numbers (x, y of the centre, width, height) or at least six (a polygon's
            x, y pairs), all in fractions of the image's width and height.
        names: Class names by class id.
        shape: (H, W) of the image in pixels.
        source: Name of the file, for the report.
        report: Receives the rows that cannot be used.
    """
    objects = []
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{source}: line {number}"
        if not line.strip():
            continue
        try:
            values = np.array([float(word) for word in line.split()])
        except ValueError:
            values = np.zeros(0)
        if values.size < 5 or values.size % 2 == 0 or not np.isfinite(values).all():
            report.add("malformed row (left out)", where)
        elif values[0] not in range(len(names)):
            report.add("unknown class id (left out)", where)
        else:
            objects.append(_labelled_object(names[int(values[0])], values[1:], shape, where))
    return tuple(objects)


def _labelled_object(label: str, values: np.ndarray, shape: tuple[int, int], where: str) -> LabelledObject:
    """Return a row's box (four values) or polygon (six or more), in pixels."""
    points = values.reshape(-1, 2) * (shape[1], shape[0])
    if len(points) > 2:
        return LabelledObject(label, (points,), where=where)
    centre, size = points
    box = (*(centre - size / 2).tolist(), *(centre + size / 2).tolist())
    return LabelledObject(label, (), box, where=where)
