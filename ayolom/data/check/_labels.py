"""The label of one image for one task, read as training reads it, and what can be counted in it."""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from ayolom.data.check._boxes import box_findings, row_findings
from ayolom.data.check._values import LABEL_DIGEST, Row, TaskSeen
from ayolom.errors import AyolomError
from ayolom.tasks.labels import read_text

if TYPE_CHECKING:
    from pathlib import Path

    from ayolom.data.check._values import Limits
    from ayolom.tasks.base import Plane, Task

STEP = 4  # pixels: the place of a mask's class is taken from every fourth


def see_label(
    task: Task, label_file: Path, split: str, image: tuple[str, tuple[int, int]], limits: Limits
) -> tuple[TaskSeen, list[tuple[str, Row]]]:
    """Return what a label holds and what stands out in it.

    Args:
        task: The task.
        label_file: Its label of the image; need not exist.
        split: Split of the image.
        image: Path and (H, W).
        limits: Where to draw the lines.
    """
    if not os.path.exists(label_file):
        return TaskSeen("unlabelled"), []
    file, shape = image
    try:
        plane = task.read_plane(label_file, shape) if task.planes else None
        label = plane.label if plane else task.read(label_file, shape)
    except (AyolomError, OSError, ValueError) as error:
        reason = str(error).removeprefix(f"{label_file}").lstrip(":, ")
        return TaskSeen("broken"), [("label-broken", Row(str(label_file), split, task.name, reason, file))]
    state = "empty" if task.is_empty(label) else "labelled"
    digest = _digest(label, plane.mask if plane else None)
    if plane:
        return _see_plane(task, plane, state, digest), []
    classes, boxes, _ = task.instances(label)
    seen = _see_boxes(classes, boxes, shape, state, digest)
    found = list(box_findings(classes, boxes, shape, task.spec.names, limits))
    if task.spec.classes is None:
        found += row_findings(read_text(label_file), len(classes))
    return seen, [(kind, Row(file, split, task.name, detail, weight=weight)) for kind, detail, weight in found]


def plane_classes(task: Task, counts: np.ndarray) -> np.ndarray:
    """Return (nc,) of counts by pixel value (256,); with one class it is the value 1."""
    return counts[1:2] if task.spec.nc == 1 else counts[: task.spec.nc]


def _see_plane(task: Task, plane: Plane, state: str, digest: bytes) -> TaskSeen:
    """Return what a mask holds."""
    pixels = plane_classes(task, plane.counts)
    classes = np.flatnonzero(pixels)
    centres = np.zeros(len(classes))
    if task.spec.flip_pairs:
        every = np.ascontiguousarray(plane.mask[::STEP, ::STEP])
        across = np.arange(every.shape[1], dtype=np.float64) + 0.5
        columns = np.bincount(every.ravel(), np.broadcast_to(across, every.shape).ravel(), 256)
        centres = plane_classes(task, columns / np.maximum(np.bincount(every.ravel(), minlength=256), 1))[classes]
        centres /= every.shape[1]
    return TaskSeen(state, classes, np.zeros(len(classes), np.int64), pixels[classes], centres, digest=digest)


def _see_boxes(classes: np.ndarray, boxes: np.ndarray, shape: tuple[int, int], state: str, digest: bytes) -> TaskSeen:
    """Return what boxes (N, 4) hold."""
    ids, places, instances = np.unique(classes, return_inverse=True, return_counts=True)
    areas = boxes[:, 2].astype(np.float64) * boxes[:, 3] * shape[0] * shape[1]
    pixels = np.bincount(places, areas, len(ids))
    centres = np.bincount(places, boxes[:, 0], len(ids)) / np.maximum(instances, 1)
    return TaskSeen(state, ids.astype(np.int64), instances, pixels, centres, boxes[:, 2:], digest)


def _digest(label: dict[str, np.ndarray], plane: np.ndarray | None) -> bytes:
    """Return 8 bytes that are equal for equal labels; of a mask every fourth pixel counts."""
    arrays = [label[key] for key in sorted(label)] if plane is None else [plane[::STEP, ::STEP]]
    digest = blake2b(digest_size=LABEL_DIGEST)
    for array in arrays:
        digest.update(array.tobytes())
    return digest.digest()
