"""From what a model found to a label of the data set; what it is not sure of teaches nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ayolom.errors import AyolomError
from ayolom.labelling._match import BACKGROUND, UNKNOWN, class_values

if TYPE_CHECKING:
    from ayolom.engine.results import TaskResults
    from ayolom.labelling._match import Match


@dataclass(frozen=True)
class Draft:
    """A label of one task in one image, before it is a file.

    Attributes:
        classes: (N,) int class ids of the data set, for tasks with boxes.
        boxes: (N, 4) float64 xywh (centre and size) in [0, 1], six decimals, for tasks with boxes.
        class_map: (H, W) uint8 values of the data set, for tasks with a mask; 255 where the model is not sure.
        confidence: Mean confidence of the boxes, or of the pixels that have a class; 0 where there are none.
        share: Share of the image about which the label says something: 1 for boxes, of a mask the pixels with a class.
        empty: Whether it says that there is nothing to find.
        foreign: Boxes or pixels of classes that the data set lacks, by name; they are left out.
    """

    classes: np.ndarray | None = None
    boxes: np.ndarray | None = None
    class_map: np.ndarray | None = None
    confidence: float = 0.0
    share: float = 1.0
    empty: bool = False
    foreign: Counter[str] = field(default_factory=Counter)

    def facts(self) -> dict[str, float]:
        """Return what a record says of the label."""
        size = {"share": round(self.share, 4)} if self.boxes is None else {"boxes": len(self.boxes)}
        return {"confidence": round(self.confidence, 4), **size}


def draft(match: Match, result: TaskResults, threshold: float) -> Draft:
    """Return the label that a model's result gives.

    Args:
        match: The task and its classes.
        result: What the model found, predicted with `save_conf=True`.
        threshold: Least confidence of a box or pixel.

    Raises:
        AyolomError: The model does not tell how sure it is of its pixels.
    """
    if not match.task.planes:
        boxes = result.boxes
        return draft_boxes(match, _array(boxes.cls), _array(boxes.conf), _array(boxes.xywhn), threshold)
    if result.confidence is None:
        raise AyolomError(f"task {match.name}: the model gives classes without confidence; label with its checkpoint")
    return draft_map(match, _array(result.semantic_mask.data), _array(result.confidence.data), threshold)


def draft_boxes(match: Match, classes: np.ndarray, confidence: np.ndarray, xywh: np.ndarray, threshold: float) -> Draft:
    """Return a label of boxes.

    Args:
        match: The task and its classes.
        classes: (N,) class ids of the model.
        confidence: (N,) in [0, 1].
        xywh: (N, 4) centre and size as fractions of the image.
        threshold: Least confidence.
    """
    classes = classes.astype(int)
    boxes = np.round(xywh.astype(np.float64), 6).reshape(-1, 4)
    # The threshold in the type of the confidence: 0.6 in 32 bits lies a little above 0.6.
    sure = (confidence >= confidence.dtype.type(threshold)) & (boxes[:, 2:] > 0).all(1)
    ours = np.isin(classes, list(match.values))
    keep = sure & ours
    foreign = Counter(match.foreign[i] for i in classes[sure & ~ours].tolist() if i in match.foreign)
    return Draft(
        classes=np.array([match.values[i] for i in classes[keep].tolist()], int),
        boxes=boxes[keep],
        confidence=float(confidence[keep].mean()) if keep.any() else 0.0,
        empty=not keep.any(),
        foreign=foreign,
    )


def draft_map(match: Match, class_map: np.ndarray, confidence: np.ndarray, threshold: float) -> Draft:
    """Return a label for each pixel.

    Args:
        match: The task and its classes.
        class_map: (H, W) uint8 pixel values of the model.
        confidence: (H, W) in [0, 1].
        threshold: Least confidence; pixels below it get 255, as do those of classes that the data set lacks.
    """
    table = np.full(256, UNKNOWN, np.uint8)
    for there, here in match.values.items():
        table[there] = here
    sure = confidence >= confidence.dtype.type(threshold)
    mapped = np.where(sure, cv2.LUT(np.ascontiguousarray(class_map), table), np.uint8(UNKNOWN))
    pixels = np.bincount(class_map[sure], minlength=256)
    foreign = Counter({name: int(pixels[i]) for i, name in match.foreign.items() if pixels[i]})
    said = mapped != UNKNOWN
    present = np.flatnonzero(np.bincount(mapped.ravel(), minlength=256)).tolist()
    return Draft(
        class_map=mapped,
        confidence=float(confidence[said].mean(dtype=np.float64)) if said.any() else 0.0,
        share=float(said.mean()),
        empty=not set(present) - {background(match), UNKNOWN},
        foreign=foreign,
    )


def background(match: Match) -> int:
    """Return the pixel value of the data set's background: the class of that name, else 0."""
    named = {name.lower(): value for name, value in class_values(match.task).items()}
    return named.get(BACKGROUND, 0)


def encode(match: Match, label: Draft) -> bytes:
    """Return the content of the label's file: YOLO text, or a PNG of class ids."""
    if label.class_map is None:
        rows = zip(np.asarray(label.classes).tolist(), np.asarray(label.boxes).tolist(), strict=True)
        return "".join(f"{i} " + " ".join(f"{value:.6f}" for value in box) + "\n" for i, box in rows).encode()
    values = label.class_map
    if match.ignore != UNKNOWN:
        values = np.where(values == UNKNOWN, np.uint8(match.ignore), values)
    return cv2.imencode(".png", values)[1].tobytes()


def _array(values: Any) -> np.ndarray:
    """Return a tensor or array as a numpy array."""
    return values if isinstance(values, np.ndarray) else values.cpu().numpy()
