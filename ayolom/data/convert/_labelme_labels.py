"""One shape of LabelMe JSON: its class, and its outline, box or pixels."""

from __future__ import annotations

import base64
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ayolom.data.convert._shapes import ellipse, outline, place_mask, without_area
from ayolom.data.convert._sizes import usable_shape
from ayolom.data.convert._values import LabelledObject

if TYPE_CHECKING:
    from ayolom.data.convert._problems import Problems

IGNORED = "__ignore__"  # LabelMe's name for what is neither object nor background
PNG_SIZE = slice(16, 24)  # bytes of a PNG that hold its width and height


def labelled_object(entry: Any, where: str, shape: tuple[int, int], problems: Problems) -> LabelledObject | None:
    """Return one shape, None when it cannot be used."""
    if not isinstance(entry, dict):
        problems.add("malformed shape", where)
        return None
    label = entry.get("label")
    if not isinstance(label, (str, int)) or not str(label).strip():
        problems.add("shape without a label", where)
        return None
    kind = str(entry.get("shape_type") or "polygon")
    maker = MAKERS.get(kind)
    if maker is None:
        return without_area(kind, str(label).strip(), where)
    try:
        item = maker(entry, str(label).strip(), shape)
    except (KeyError, TypeError, ValueError, OverflowError):
        item = None
    if item is None:
        problems.add(f"malformed {kind}", where)
        return None
    return replace(item, where=where)


def _points(entry: dict[str, Any], *counts: int) -> np.ndarray:
    """Return a shape's points (K, 2); ValueError tells of another number of them, or of what is no number."""
    points = np.array(entry["points"], dtype=np.float64)
    if points.shape not in [(count, 2) for count in counts] or not np.isfinite(points).all():
        raise ValueError(points.shape)
    return points


def _polygon(entry: dict[str, Any], label: str, shape: tuple[int, int]) -> LabelledObject | None:
    """Return a polygon."""
    points = outline(entry["points"])
    return None if points is None else LabelledObject(label, (points,), crowd=label == IGNORED)


def _rectangle(entry: dict[str, Any], label: str, shape: tuple[int, int]) -> LabelledObject | None:
    """Return a rectangle by two opposite corners, or all four, in any order."""
    points = _points(entry, 2, 4)
    (x1, y1), (x2, y2) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return LabelledObject(label, (), (x1, y1, x2, y2), crowd=label == IGNORED)


def _circle(entry: dict[str, Any], label: str, shape: tuple[int, int]) -> LabelledObject | None:
    """Return a circle, by its centre and a point on it."""
    centre, edge = _points(entry, 2)
    radius = float(np.hypot(*(edge - centre)))
    if radius <= 0:
        return None
    points = ellipse((float(centre[0]), float(centre[1])), (radius, radius))
    return LabelledObject(label, (points,), crowd=label == IGNORED)


def _mask(entry: dict[str, Any], label: str, shape: tuple[int, int]) -> LabelledObject | None:
    """Return a mask: a PNG of the rectangle between two pixels, both in it."""
    (x1, y1), (x2, y2) = np.rint(_points(entry, 2)).astype(int).tolist()
    data = base64.b64decode(entry["mask"], validate=True)
    size = (x2 - x1 + 1, y2 - y1 + 1)
    if usable_shape(size[1], size[0]) is None or struct.unpack(">II", data[PNG_SIZE]) != size:
        return None
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    return None if pixels is None else LabelledObject(label, mask=place_mask(pixels > 0, x1, y1, shape))


MAKERS = {
    "polygon": _polygon,
    "rotation": _polygon,
    "oriented_rectangle": _polygon,
    "rectangle": _rectangle,
    "circle": _circle,
    "mask": _mask,
}
