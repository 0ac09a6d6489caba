"""What is said of one image for one task, by its label or by a model: one value that is drawn, scored and kept."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from ayolom.tasks.base import Task

IGNORE = 255
KEPT_SIDE = 640  # pixels of the longer side of a class map that is kept; networks see about as much
COLUMNS = 6


@dataclass(frozen=True)
class Findings:
    """Boxes or a class map of one image; a task fills in the one that it has.

    Attributes:
        boxes: (N, 6) float32 rows of x1, y1, x2, y2 as fractions of the image's sides, confidence (1 in labels), class
            id; None for a task without boxes.
        class_map: (H, W) uint8 class ids, 255 where nothing is said; H and W are those of the image or smaller by the
            same factor. None for a task without a map.
    """

    boxes: np.ndarray | None = None
    class_map: np.ndarray | None = None

    def counts(self) -> dict[int, int]:
        """Return how many boxes each class has, or 1 for each class of the map."""
        if self.boxes is not None:
            ids, numbers = np.unique(self.boxes[:, 5].astype(np.int64), return_counts=True)
            return dict(zip(ids.tolist(), numbers.tolist(), strict=True))
        if self.class_map is None:
            return {}
        present = np.flatnonzero(np.bincount(self.class_map.ravel(), minlength=256)[:IGNORE])
        return dict.fromkeys(present.tolist(), 1)

    def pack(self) -> bytes:
        """Return plain bytes from which `unpack` makes the value again, class maps at most `KEPT_SIDE` large."""
        if self.boxes is not None:
            return b"b" + zlib.compress(self.boxes.astype("<f4").tobytes())
        if self.class_map is None:
            return b""
        return b"m" + cv2.imencode(".png", _shrunk(self.class_map, KEPT_SIDE))[1].tobytes()

    @classmethod
    def unpack(cls, data: bytes) -> Findings:
        """Return the value that `pack` packed."""
        if data[:1] == b"b":
            return cls(boxes=np.frombuffer(zlib.decompress(data[1:]), "<f4").reshape(-1, COLUMNS))
        if data[:1] == b"m":
            return cls(class_map=cv2.imdecode(np.frombuffer(data, np.uint8, offset=1), cv2.IMREAD_UNCHANGED))
        return cls()


def from_label(task: Task, label: dict[str, np.ndarray], label_file: Path, shape: tuple[int, int]) -> Findings:
    """Return what a label says.

    Args:
        task: The task.
        label: What `task.read` returned.
        label_file: The file that it was read from.
        shape: (H, W) that a class map shall have.

    Raises:
        AyolomError: The file has become unreadable since.
    """
    if task.planes:
        return Findings(class_map=task.plane(label, label_file, shape))
    ids, xywh, _ = task.instances(label)
    boxes = np.ones((len(ids), COLUMNS), np.float32)
    boxes[:, :2], boxes[:, 2:4] = xywh[:, :2] - xywh[:, 2:] / 2, xywh[:, :2] + xywh[:, 2:] / 2
    boxes[:, 5] = ids
    return Findings(boxes=boxes)


def label_counts(task: Task, label: dict[str, np.ndarray]) -> dict[int, int]:
    """Return how often each class stands in a label, background left out, without decoding a mask again.

    Args:
        task: The task.
        label: What `task.read` returned.

    Returns:
        By the ids of `shown_names`: numbers of boxes, or 1 for each class of a map.
    """
    if not task.planes:
        return _numbers(task.instances(label)[0], task)
    if "present" in label:
        return dict.fromkeys(_numbers(label["present"], task), 1)
    # Polygons carry ids of `names`; a binary mask drawn from them has the value 1 where they are.
    return dict.fromkeys(_numbers(label["cls"] + int(task.spec.nc == 1), task), 1)


def shown_names(task: Task) -> dict[int, str]:
    """Return names by the ids that `Findings` hold, background left out: pixel values of maps, class ids of boxes."""
    if not task.planes:
        return dict(task.spec.names)
    if task.spec.nc == 1:
        return {1: task.spec.names[0]}
    return {value: name for value, name in task.spec.names.items() if name.lower() != "background"}


def _numbers(ids: np.ndarray, task: Task) -> dict[int, int]:
    """Return how often each id with a name occurs."""
    names = shown_names(task)
    values, numbers = np.unique(ids.astype(np.int64), return_counts=True)
    return {value: n for value, n in zip(values.tolist(), numbers.tolist(), strict=True) if value in names}


def _shrunk(class_map: np.ndarray, side: int) -> np.ndarray:
    """Return a class map whose longer side is at most `side` pixels."""
    share = side / max(class_map.shape)
    if share >= 1:
        return class_map
    size = (max(1, round(class_map.shape[1] * share)), max(1, round(class_map.shape[0] * share)))
    return cv2.resize(class_map, size, interpolation=cv2.INTER_NEAREST_EXACT)
