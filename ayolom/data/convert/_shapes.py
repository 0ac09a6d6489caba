"""Shapes that annotation tools draw, as outlines and pixels."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ayolom.data.convert._geometry import fill_polygon
from ayolom.data.convert._values import LabelledObject

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CORNERS = 64  # points by which an ellipse is drawn: 0.2 % less area than the ellipse


def outline(points: object) -> np.ndarray | None:
    """Return points as (K, 2) float64 x, y, None unless they are three or more pairs of finite numbers."""
    try:
        found = np.array(points, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    usable = found.ndim == 2 and found.shape[1] == 2 and len(found) > 2 and bool(np.isfinite(found).all())
    return found if usable else None


def without_area(kind: str, label: str, where: str) -> LabelledObject:
    """Return an object of a kind that covers nothing, such as a point: the user's map says whether it matters."""
    reason = f"{kind} '{label}', which has no area (draw it round, or drop the class by map=)"
    return LabelledObject(label, where=where, shapeless=reason)


def box_of(values: Iterable[Any], sized: bool = False) -> tuple[float, float, float, float] | None:
    """Return (x1, y1, x2, y2) of a box, None unless they are four finite numbers and the box is not turned over.

    Args:
        values: Left, top, right and bottom edge; anything that `float` takes. KeyError of a generator counts as well.
        sized: Whether the last two are the width and the height.
    """
    try:
        x1, y1, x2, y2 = (float(value) for value in values)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if sized:
        x2, y2 = x1 + x2, y1 + y2
    usable = all(math.isfinite(value) for value in (x1, y1, x2, y2)) and x2 >= x1 and y2 >= y1
    return (x1, y1, x2, y2) if usable else None


def ellipse(centre: tuple[float, float], radii: tuple[float, float], turn: float = 0.0) -> np.ndarray:
    """Return points on an ellipse.

    Args:
        centre: x, y in pixels.
        radii: Along x and y before it is turned, in pixels.
        turn: Angle in radians, clockwise on the screen.

    Returns:
        (64, 2) x, y.
    """
    angle = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    return turned(np.stack([radii[0] * np.cos(angle), radii[1] * np.sin(angle)], axis=1), turn) + np.array(centre)


def turned(points: np.ndarray, turn: float) -> np.ndarray:
    """Return points (K, 2) turned around the origin by an angle in radians, clockwise on the screen."""
    cosine, sine = np.cos(turn), np.sin(turn)
    return points @ np.array([[cosine, sine], [-sine, cosine]])


def stroke(points: np.ndarray, width: float) -> tuple[np.ndarray, ...]:
    """Return the area of a line drawn with a width: one rectangle for each piece, longer by half the width at each end.

    Args:
        points: (K, 2) x, y in pixels, K >= 2.
        width: In pixels.
    """
    found = []
    for start, end in pairwise(points):
        length = float(np.hypot(*(end - start)))
        if length > 0:
            along = (end - start) / length * width / 2
            across = np.array([-along[1], along[0]])
            start, end = start - along, end + along
            found.append(np.array([start + across, end + across, end - across, start - across]))
    return tuple(found)


def place_mask(pixels: np.ndarray, left: int, top: int, shape: tuple[int, int]) -> np.ndarray:
    """Return an image's mask (H, W) bool from the pixels of a part of it, cut at the borders.

    Args:
        pixels: (h, w) bool.
        left: Column of their first column in the image; may lie outside.
        top: Row of their first row in the image; may lie outside.
        shape: (H, W) of the image.
    """
    mask = np.zeros(shape, bool)
    x1, y1 = max(left, 0), max(top, 0)
    x2, y2 = min(left + pixels.shape[1], shape[1]), min(top + pixels.shape[0], shape[0])
    if x2 > x1 and y2 > y1:
        mask[y1:y2, x1:x2] = pixels[y1 - top : y2 - top, x1 - left : x2 - left]
    return mask


def merged(pairs: Iterable[tuple[object, LabelledObject]], shape: tuple[int, int]) -> tuple[LabelledObject, ...]:
    """Join the objects of one group and class, in the order of their first members.

    Args:
        pairs: Group and object; None for an object of its own.
        shape: (H, W) of the image.
    """
    groups: dict[object, list[LabelledObject]] = {}
    for number, (group, item) in enumerate(pairs):
        alone = group is None or (not item.polygons and item.mask is None)
        groups.setdefault(("alone", number) if alone else (item.label, str(group)), []).append(item)
    return tuple(items[0] if len(items) == 1 else _joined(items, shape) for items in groups.values())


def _joined(items: Sequence[LabelledObject], shape: tuple[int, int]) -> LabelledObject:
    """Return several outlines and masks as one object."""
    polygons = tuple(points for item in items for points in item.polygons)
    masks = [item.mask for item in items if item.mask is not None]
    crowd = any(item.crowd for item in items)
    if not masks:
        return LabelledObject(items[0].label, polygons, crowd=crowd, where=items[0].where)
    masks += [fill_polygon(points, shape) for points in polygons]
    return LabelledObject(items[0].label, mask=np.logical_or.reduce(masks), crowd=crowd, where=items[0].where)
