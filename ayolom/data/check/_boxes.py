"""Boxes that stand out: tiny, huge, twice the same. Pure functions of arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ayolom.data.check._values import Limits

MOST = 400  # boxes of an image that are compared with one another
BOTH_CLASSES = 0.95  # IoU from which two boxes of different classes are one box with two classes


def box_findings(
    classes: np.ndarray, boxes: np.ndarray, shape: tuple[int, int], names: Mapping[int, str], limits: Limits
) -> Iterator[tuple[str, str, float]]:
    """Yield (kind, detail, weight) of the boxes of one image that stand out.

    Args:
        classes: (N,) class ids.
        boxes: (N, 4) xywh (centre and size) as fractions of the image.
        shape: (H, W) of the image in pixels.
        names: Class names by id.
        limits: Where to draw the lines.
    """
    if not len(boxes):
        return
    scale = limits.imgsz / max(shape)
    sides = boxes[:, 2:] * (shape[1] * scale, shape[0] * scale)
    shares = boxes[:, 2] * boxes[:, 3]
    for i in np.flatnonzero(sides.min(1) < limits.tiny).tolist():
        size = f"{sides[i, 0]:.1f} x {sides[i, 1]:.1f} pixels at {limits.imgsz}"
        yield "box-tiny", f"{names[int(classes[i])]}: {size}", -float(sides[i].min())
    for i in np.flatnonzero(shares >= limits.huge).tolist():
        yield "box-huge", f"{names[int(classes[i])]}: {shares[i]:.0%} of the image", float(shares[i])
    yield from _twins(classes, boxes, names, limits)


def row_findings(text: str, kept: int) -> Iterator[tuple[str, str, float]]:
    """Yield (kind, detail, weight) of rows of a label file that the reader drops.

    Args:
        text: Content of the file, which the reader has accepted.
        kept: Boxes that the reader returned.
    """
    rows = [tuple(line.split()) for line in text.splitlines() if line.strip()]
    repeated = len(rows) - len(set(rows))
    if repeated:
        yield "box-repeated", f"{repeated} of {len(rows)} rows repeat another", float(repeated)
    without_area = len(set(rows)) - kept
    if without_area > 0:
        yield "box-no-area", f"{without_area} of {len(rows)} boxes have no area", float(without_area)


def overlaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the IoU (N, M) of boxes (N, 4) and (M, 4), xywh."""
    low = np.maximum(one[:, None, :2] - one[:, None, 2:] / 2, other[None, :, :2] - other[None, :, 2:] / 2)
    high = np.minimum(one[:, None, :2] + one[:, None, 2:] / 2, other[None, :, :2] + other[None, :, 2:] / 2)
    shared = np.clip(high - low, 0, None).prod(2)
    union = one[:, None, 2:].prod(2) + other[None, :, 2:].prod(2) - shared
    return shared / np.maximum(union, 1e-12)


def _twins(
    classes: np.ndarray, boxes: np.ndarray, names: Mapping[int, str], limits: Limits
) -> Iterator[tuple[str, str, float]]:
    """Yield pairs of boxes that lie on one another."""
    classes, boxes = classes[:MOST], boxes[:MOST].astype(np.float64)
    iou = np.triu(overlaps(boxes, boxes), 1)
    same = classes[:, None] == classes[None]
    for i, j in np.argwhere(same & (iou >= limits.twin)).tolist():
        yield "box-twin", f"{names[int(classes[i])]}: two boxes with IoU {iou[i, j]:.2f}", float(iou[i, j])
    for i, j in np.argwhere(~same & (iou >= BOTH_CLASSES)).tolist():
        both = f"{names[int(classes[i])]} and {names[int(classes[j])]}"
        yield "box-two-classes", f"{both}: IoU {iou[i, j]:.2f}", float(iou[i, j])
