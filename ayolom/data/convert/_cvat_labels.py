"""One annotation of CVAT XML: its class, and its shape."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ayolom.data.convert._shapes import ellipse, outline, place_mask, turned, without_area
from ayolom.data.convert._sizes import usable_shape
from ayolom.data.convert._values import LabelledObject

if TYPE_CHECKING:
    from ayolom.data.convert._problems import Problems
    from ayolom.data.convert._xml import Element

WITHOUT_AREA = frozenset({"polyline", "points", "cuboid", "skeleton"})
CLOSED = 2.0  # pixels between the ends of a polyline that is drawn round something


def labelled_object(
    element: Element, where: str, shape: tuple[int, int], attribute: str | None, problems: Problems
) -> LabelledObject | None:
    """Return one annotation, None for what is not seen in the image or cannot be used."""
    if element.attributes.get("outside") == "1":
        return None
    if element.tag == "tag":
        problems.note("tag of a whole image (not read)", where)
        return None
    label, closed = _label(element, attribute), _is_closed(element)
    if label and element.tag in WITHOUT_AREA and not closed:
        return without_area(element.tag, label, where)
    if closed:
        problems.note("polyline that ends where it begins (taken as an outline)", where)
    maker = MAKERS.get(element.tag)
    try:
        item = maker(element, label, shape) if maker else None
    except (KeyError, ValueError, OverflowError):
        item = None
    if item is None or not label:
        reason = f"malformed {element.tag}" if label else f"{element.tag} without a class"
        problems.add(reason, where)
        return None
    return replace(item, where=where)


def _label(element: Element, attribute: str | None) -> str:
    """Return the class of an annotation: its label, or the value of the attribute that the user names."""
    if attribute is None:
        return element.attributes.get("label", "").strip()
    values = (entry.text.strip() for entry in element.all("attribute") if entry.attributes.get("name") == attribute)
    return next(values, "")


def _numbers(element: Element, *names: str) -> list[float]:
    """Return attributes as finite numbers; KeyError and ValueError tell of others."""
    values = [float(element.attributes[name]) for name in names]
    if not all(math.isfinite(value) for value in values):
        raise ValueError(values)
    return values


def _box(element: Element, label: str, shape: tuple[int, int]) -> LabelledObject | None:
    """Return a box; a turned one by its four corners."""
    x1, y1, x2, y2 = _numbers(element, "xtl", "ytl", "xbr", "ybr")
    turn = _turn(element)
    if x2 < x1 or y2 < y1:
        return None
    if not turn:
        return LabelledObject(label, (), (x1, y1, x2, y2))
    centre = np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    corners = np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)]) - centre
    return LabelledObject(label, (turned(corners, turn) + centre,))


def _is_closed(element: Element) -> bool:
    """Return whether an annotation is a polyline that ends where it begins."""
    points = _outline(element) if element.tag == "polyline" else None
    return points is not None and len(points) > 3 and math.dist(points[0], points[-1]) <= CLOSED


def _outline(element: Element) -> np.ndarray | None:
    """Return the points (K, 2) of an annotation, written as `x,y;x,y`; None unless they are three or more."""
    return outline([pair.split(",") for pair in element.attributes.get("points", "").split(";") if pair])


def _polygon(element: Element, label: str, shape: tuple[int, int]) -> LabelledObject | None:
    """Return a polygon."""
    points = _outline(element)
    return None if points is None else LabelledObject(label, (points,))


def _ellipse(element: Element, label: str, shape: tuple[int, int]) -> LabelledObject | None:
    """Return an ellipse as an outline."""
    x, y, across, along = _numbers(element, "cx", "cy", "rx", "ry")
    if min(across, along) <= 0:
        return None
    return LabelledObject(label, (ellipse((x, y), (across, along), _turn(element)),))


def _mask(element: Element, label: str, shape: tuple[int, int]) -> LabelledObject | None:
    """Return a mask: lengths of runs off and on in turn, row by row, in the rectangle that it is given for."""
    left, top, width, height = (int(value) for value in _numbers(element, "left", "top", "width", "height"))
    runs = np.array([int(run) for run in element.attributes["rle"].split(",")], dtype=np.int64)
    within = usable_shape(height, width) is not None and max(abs(left), abs(top)) <= max(shape)
    if not within or runs.min() < 0 or runs.max() > width * height or runs.sum() != width * height:
        return None
    pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
    return LabelledObject(label, mask=place_mask(pixels, left, top, shape))


def _turn(element: Element) -> float:
    """Return the angle in radians by which a shape is turned clockwise about its centre."""
    return math.radians(_numbers(element, "rotation")[0]) if "rotation" in element.attributes else 0.0


MAKERS = {"box": _box, "polygon": _polygon, "polyline": _polygon, "ellipse": _ellipse, "mask": _mask}
