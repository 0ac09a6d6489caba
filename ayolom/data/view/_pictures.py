"""Pictures of images with what labels or predictions say of them."""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from ultralytics.engine.results import Results

from ayolom.data.images import read_image
from ayolom.data.scan import read_one
from ayolom.data.view._findings import Findings, from_label
from ayolom.draw import draw_legend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ayolom.data.view._index import Index
    from ayolom.data.view._matching import Matched

SIZES = {"small": 480, "large": 1280}  # pixels of the longer side
SIDES = ("labels", "predictions", "plain")
QUALITY = {"small": 80, "large": 88}
KEPT = 256  # pictures in memory, at most about 300 kB each


class Pictures:
    """Pictures of a data set, drawn when they are asked for; the last `KEPT` stay in memory."""

    def __init__(self, index: Index, tasks: Sequence[Matched], root: Path) -> None:
        """Bind to a data set.

        Args:
            index: Its images.
            tasks: Its tasks.
            root: Its folder.
        """
        self._index, self._tasks, self._root = index, tuple(tasks), root
        self.jpeg = lru_cache(maxsize=KEPT)(self._jpeg)

    def _jpeg(self, number: int, side: str, size: str, hidden: tuple[str, ...] = ()) -> bytes:
        """Return a JPEG.

        Args:
            number: The image.
            side: One of `SIDES`.
            size: A key of `SIZES`.
            hidden: Tasks that are not drawn.

        Raises:
            LookupError: There is no such image, or the model has not looked at it yet.
            AyolomError: The image cannot be read.
        """
        row = self._index.image(number)
        if row is None or (side == "predictions" and not self._index.prediction(number)[0]):
            raise LookupError(number)
        image = fitted(read_image(row.file), SIZES[size])
        shown = [one for one in self._tasks if one.task.name not in hidden]
        if side == "predictions":
            image = drawn(image, shown, self._index.findings(number), confidences=True, legend=size == "large")
        elif side == "labels":
            found = read_labels(row.file, shown, self._root, image.shape[:2])
            image = drawn(image, shown, found, confidences=False, legend=size == "large")
        return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY[size]])[1].tobytes()


def read_labels(
    image_file: str, tasks: Sequence[Matched], root: Path, shape: tuple[int, int] | None = None
) -> dict[str, Findings]:
    """Return what the labels of an image say, by name of the tasks that it is labelled for.

    Args:
        image_file: Path of the image.
        tasks: Tasks wanted.
        root: Folder of the data set.
        shape: (H, W) of class maps; the image's own when None.
    """
    found = read_one(image_file, [one.task for one in tasks], root)
    if found.shape is None:
        return {}
    return {
        one.task.name: from_label(
            one.task, found.labels[one.task.name], one.task.label_file(image_file, root), shape or found.shape
        )
        for one in tasks
        if one.task.name in found.labels
    }


def drawn(
    image: np.ndarray, tasks: Sequence[Matched], found: Mapping[str, Findings], *, confidences: bool, legend: bool
) -> np.ndarray:
    """Draw findings on an image: regions first, boxes over them, then the legend.

    Args:
        image: (H, W, 3) uint8 BGR; may be changed in place.
        tasks: Tasks to draw.
        found: Findings by task; a task that is missing is left out.
        confidences: Whether boxes show them.
        legend: Whether to explain the colours of regions, which would hide much of a small picture.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    image = np.ascontiguousarray(image)
    options = SimpleNamespace(conf=confidences, line_width=None, labels=True, boxes=True, masks=True)
    entries, corners = [], []
    for one in sorted(tasks, key=lambda one: -one.task.planes):
        if (findings := found.get(one.task.name)) is None:
            continue
        result = _result(image, one, findings)
        if result is None:
            continue
        image = one.drawn.draw(image, result, options)
        entries += one.drawn.legend(result)
        if result.boxes is not None:
            corners.append(result.boxes.xyxy)
    if legend and entries:
        image = draw_legend(image, entries, avoid=np.concatenate(corners) if corners else None)
    return image


def fitted(image: np.ndarray, side: int) -> np.ndarray:
    """Return an image (H, W, 3) whose longer side is at most `side` pixels."""
    share = side / max(image.shape[:2])
    if share >= 1:
        return image
    size = (max(1, round(image.shape[1] * share)), max(1, round(image.shape[0] * share)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _result(image: np.ndarray, one: Matched, findings: Findings) -> Results | None:
    """Return findings in the form that tasks draw, in pixels of the image; None when there is nothing to draw."""
    height, width = image.shape[:2]
    if findings.boxes is not None:
        boxes = findings.boxes * np.array([width, height, width, height, 1, 1], np.float32)
        return Results(image, "", one.drawn.spec.names, boxes=boxes)
    if findings.class_map is None:
        return None
    class_map = findings.class_map
    if class_map.shape != (height, width):
        class_map = cv2.resize(class_map, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    return Results(image, "", one.drawn.spec.names, semantic_mask=class_map)
