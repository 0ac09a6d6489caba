"""From labelled objects to what our dataset layout stores: rows of boxes and class maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from ayolom.data.convert._geometry import clip_polygon, fill_polygon, polygon_area

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ayolom.data.convert._values import LabelledImage, LabelledObject, Report

BoxSource = Literal["annotation", "polygon"]


def box_rows(
    image: LabelledImage, classes: Mapping[str, int], report: Report, boxes: BoxSource = "annotation"
) -> np.ndarray:
    """Return the boxes of an image, cut at its borders.

    Args:
        image: Annotations of the image.
        classes: Class id by the source's class name; objects of other classes are left out and reported.
        report: Receives what was clipped or left out.
        boxes: "annotation" takes the source's box (the bounds of all outlines where it has none); "polygon" makes one
            box for each outline, which parts an annotation that spans two wheels.

    Returns:
        (N, 5) float64: class id, then x, y of the centre, width, height, divided by the image's width or height.
    """
    height, width = image.shape
    rows: list[tuple[float, ...]] = []
    for item in _mapped(image, classes, report):
        for x1, y1, x2, y2 in _item_boxes(item, image, report, boxes):
            centre = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height)
            row = (float(classes[item.label]), *centre, (x2 - x1) / width, (y2 - y1) / height)
            if row in rows:
                report.add("duplicate box (left out)", f"{image.file}: {item.label}")
            else:
                rows.append(row)
    return np.array(rows, dtype=np.float64).reshape(-1, 5)


def class_map(image: LabelledImage, classes: Mapping[str, int], report: Report, background: int = 0) -> np.ndarray:
    """Return the objects of an image painted as class ids, smaller ones over larger ones.

    Args:
        image: Annotations of the image.
        classes: Class id (0 .. 254) by the source's class name; objects of other classes are left out and reported.
        report: Receives what was clipped or left out.
        background: Id of the pixels outside every object.

    Returns:
        (H, W) uint8.
    """
    painted = np.full(image.shape, background, np.uint8)
    items = [item for item in _mapped(image, classes, report) if _has_outline(item, image, report)]
    for item in sorted(items, key=lambda item: -_area(item)):
        area = np.zeros(image.shape, bool) if item.mask is None else item.mask
        for points in item.polygons:
            _inside(points, f"{image.file}: {item.label}", image.shape, report)
            area |= fill_polygon(points, image.shape)
        if not area.any():
            report.add("object without a pixel in the image (left out)", f"{image.file}: {item.label}")
        painted[area] = classes[item.label]
    return painted


def _area(item: LabelledObject) -> float:
    """Return about how many pixels an object covers."""
    return sum(polygon_area(points) for points in item.polygons) if item.mask is None else float(item.mask.sum())


def _mapped(image: LabelledImage, classes: Mapping[str, int], report: Report) -> Iterator[LabelledObject]:
    """Yield the objects whose class is mapped and report the others."""
    for item in image.objects:
        if item.label in classes:
            yield item
        else:
            report.add(f"class '{item.label}' is not mapped (left out)", image.file)


def _has_outline(item: LabelledObject, image: LabelledImage, report: Report) -> bool:
    """Return whether an object can be painted; one with a box alone cannot."""
    if not item.polygons and item.mask is None:
        report.add("object without an outline (left out of the mask)", f"{image.file}: {item.label}")
    return bool(item.polygons) or item.mask is not None


def _item_boxes(
    item: LabelledObject, image: LabelledImage, report: Report, boxes: BoxSource
) -> list[tuple[float, float, float, float]]:
    """Return the boxes (x1, y1, x2, y2) in pixels that one object gives, inside the image."""
    where = f"{image.file}: {item.label}"
    if item.box is not None and (boxes == "annotation" or not item.polygons):
        x1, y1, x2, y2 = item.box
        outlines = [np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], dtype=np.float64)]
    elif item.mask is not None:
        rows, columns = np.nonzero(item.mask.any(1))[0], np.nonzero(item.mask.any(0))[0]
        corners = [(columns[0], rows[0]), (columns[-1] + 1, rows[-1] + 1)] if len(rows) else []
        outlines = [np.array(corners, dtype=np.float64)] if corners else []
    elif boxes == "annotation":
        outlines = [np.concatenate(item.polygons)] if item.polygons else []
    else:
        outlines = list(item.polygons)
    found = []
    for points in outlines:
        cut = _inside(points, where, image.shape, report)
        sides = np.ptp(cut, axis=0) if len(cut) else np.zeros(2)
        if sides.min() <= 0:
            report.add("box without area in the image (left out)", where)
            continue
        found.append((*cut.min(axis=0).tolist(), *cut.max(axis=0).tolist()))
    return found


def _inside(points: np.ndarray, where: str, shape: tuple[int, int], report: Report) -> np.ndarray:
    """Return the part of a polygon inside the image and report when that is not the whole."""
    if (points < 0).any() or (points > (shape[1], shape[0])).any():
        report.add("outline reaches outside the image (clipped)", where)
        return clip_polygon(points, shape)
    return points
