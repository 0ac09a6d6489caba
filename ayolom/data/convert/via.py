"""VGG Image Annotator (VIA) 1 and 2: regions in absolute pixels, as a dictionary or a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ayolom.data.convert._shapes import ellipse, without_area
from ayolom.data.convert._sizes import decoded_shape
from ayolom.data.convert._values import Annotations, LabelledImage, LabelledObject, Report
from ayolom.data.convert.coco import load_json
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def read_via(file: Path, images: Path, attribute: str | None = None, default: str | None = None) -> Annotations:
    """Read a VIA project or annotation file.

    Args:
        file: The JSON file.
        images: Folder of the images; VIA does not store their sizes.
        attribute: Region attribute that holds the class; None takes the only one.
        default: Class of regions without attributes; None reports them as unusable.

    Raises:
        AyolomError: The file is missing or is not VIA JSON.
    """
    content = load_json(file)
    names = [str(entry.get("filename")) for entry in _entries(content, str(file)) if isinstance(entry, dict)]
    shapes = {name: shape for name in names if (shape := decoded_shape(images / name)) is not None}
    return parse_via(content, shapes, str(file), attribute, default)


def parse_via(
    content: Any,
    shapes: Mapping[str, tuple[int, int]],
    source: str,
    attribute: str | None = None,
    default: str | None = None,
) -> Annotations:
    """Turn the content of a VIA file into labelled images.

    Args:
        content: The parsed JSON: a project, or the mapping of images that VIA exports as annotations.
        shapes: (H, W) by file name; images that are not in it are left out and reported.
        source: Name of the file, for messages.
        attribute: Region attribute that holds the class; None takes the only one.
        default: Class of regions without attributes; None reports them as unusable.

    Raises:
        AyolomError: The content is not of VIA 1 or 2.
    """
    report, images, names = Report(), [], {}
    for entry in _entries(content, source):
        name = entry.get("filename") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            report.add("malformed image entry (left out)", source)
            continue
        if name not in shapes:
            report.add("image missing or unreadable (left out)", f"{source}: {name}")
            continue
        objects = []
        for number, region in enumerate(regions_of(entry)):
            found = region_objects(region, f"{source}: {name} region {number}", attribute, default, report)
            for item in found:
                if item.shapeless:
                    report.add(f"{item.shapeless} (left out)", item.where)
            objects += [item for item in found if not item.shapeless]
        names.update(dict.fromkeys(item.label for item in objects))
        images.append(LabelledImage(name, shapes[name], tuple(objects)))
    return Annotations(images, sorted(names), report)


def _entries(content: Any, source: str) -> list[Any]:
    """Return the entries of the images."""
    if isinstance(content, dict):
        content = content.get("_via_img_metadata", content)
    entries = list(content.values()) if isinstance(content, dict) else content
    if not isinstance(entries, list) or not any(isinstance(entry, dict) and "regions" in entry for entry in entries):
        raise AyolomError(
            f"{source}: is not a VIA 1 or 2 file (no image has 'regions'); in VIA choose Annotation > Export as JSON"
        )
    return entries


def regions_of(entry: dict[str, Any]) -> Iterator[Any]:
    """Yield the regions of an image: VIA 1 stores them by number, VIA 2 as a list."""
    regions = entry.get("regions") or []
    if isinstance(regions, dict):
        yield from regions.values()
    elif isinstance(regions, list):
        yield from regions
    else:
        yield regions  # what it is instead is reported as a malformed region


def region_objects(
    region: Any, where: str, attribute: str | None, default: str | None, report: Report
) -> list[LabelledObject]:
    """Return one object for each class that a region names, a point without a shape; none when it cannot be used."""
    if not isinstance(region, dict):
        report.add("malformed region (left out)", where)
        return []
    shape, labels = region.get("shape_attributes"), _labels(region.get("region_attributes"), attribute, default)
    if not labels:
        report.add("region without a class (left out)", where)
    if isinstance(shape, dict) and shape.get("name") == "point":
        return [without_area("point", label, where) for label in labels]
    points = _outline(shape, where, report)
    if points is None:
        return []
    return [LabelledObject(label, (points,), where=where) for label in labels]


def _labels(attributes: Any, attribute: str | None, default: str | None) -> list[str]:
    """Return the classes in a region's attributes: a text field, a choice, or boxes to tick."""
    attributes = attributes if isinstance(attributes, dict) else {}
    if attribute is None and len(attributes) == 1:
        attribute = next(iter(attributes))
    value = attributes.get(attribute)
    if isinstance(value, dict):
        return [str(name) for name, ticked in value.items() if ticked]
    if isinstance(value, (str, int)) and str(value).strip():
        return [str(value).strip()]
    return [default] if default is not None and not attributes else []


def _outline(shape: Any, where: str, report: Report) -> np.ndarray | None:
    """Return a region's outline (K, 2) in pixels, None when it is malformed or of a kind without area."""
    shape = shape if isinstance(shape, dict) else {}
    kind = str(shape.get("name"))
    maker = {"polygon": _polygon, "polyline": _polygon, "rect": _rectangle, "circle": _ellipse, "ellipse": _ellipse}
    if kind not in maker:
        report.add(f"region of the kind '{kind}' (left out)", where)
        return None
    try:
        points = maker[kind](shape)
    except (KeyError, TypeError, ValueError, OverflowError):
        points = np.zeros((0, 2))
    if len(points) < 3 or not np.isfinite(points).all():
        report.add("malformed region (left out)", where)
        return None
    return points


def _polygon(shape: dict[str, Any]) -> np.ndarray:
    """Return the points of a polygon; lists of unequal length raise ValueError."""
    return np.array([shape["all_points_x"], shape["all_points_y"]], dtype=np.float64).T


def _rectangle(shape: dict[str, Any]) -> np.ndarray:
    """Return the corners of a rectangle."""
    x, y, width, height = (float(shape[key]) for key in ("x", "y", "width", "height"))
    return np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])


def _ellipse(shape: dict[str, Any]) -> np.ndarray:
    """Return points on an ellipse or circle; `theta` turns it clockwise on the screen, in radians."""
    across, along = (float(shape.get(key, shape.get("r", np.nan))) for key in ("rx", "ry"))
    return ellipse((float(shape["cx"]), float(shape["cy"])), (across, along), float(shape.get("theta", 0)))
