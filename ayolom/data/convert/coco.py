"""COCO JSON: polygons and boxes in absolute pixels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ayolom.data.convert._shapes import box_of
from ayolom.data.convert._values import Annotations, LabelledImage, LabelledObject, Report
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from pathlib import Path

LISTS = ("images", "annotations", "categories")


def read_coco(file: Path) -> Annotations:
    """Read a COCO JSON file.

    Raises:
        AyolomError: The file is missing or is not COCO JSON.
    """
    return parse_coco(load_json(file), str(file))


def load_json(file: Path) -> Any:
    """Read a JSON file.

    Raises:
        AyolomError: The file is missing or is not JSON.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise AyolomError(f"{file}: cannot be read ({error.strerror}); give the path of the annotation file") from error
    except ValueError as error:
        raise AyolomError(f"{file}: is not JSON ({error}); export the annotations again") from error


def parse_coco(content: Any, source: str) -> Annotations:
    """Turn the content of a COCO JSON file into labelled images.

    Category ids may start anywhere, and the same id may mean different things in different files: objects carry the
    category's name. Entries that cannot be used are counted in the report; the good ones beside them are kept.

    Args:
        content: The parsed JSON.
        source: Name of the file, for messages.

    Raises:
        AyolomError: The content has no lists `images`, `annotations` and `categories`.
    """
    lists: list[Any] = [content.get(key) for key in LISTS] if isinstance(content, dict) else [None]
    if not all(isinstance(part, list) for part in lists):
        raise AyolomError(
            f"{source}: is not COCO JSON (it needs the lists 'images', 'annotations' and 'categories'); "
            "export as 'COCO', or use the importer of the format at hand"
        )
    images, annotations, categories = lists
    report = Report()
    names = category_names(categories, source, report)
    sizes = _image_entries(images, source, report)
    objects: dict[Any, list[LabelledObject]] = {key: [] for key in sizes}
    for number, entry in enumerate(annotations):
        where = f"{source}: annotations[{number}]"
        if not isinstance(entry, dict) or lookup_key(entry.get("image_id")) not in objects:
            report.add("annotation of an image that is not listed (left out)", where)
        elif lookup_key(entry.get("category_id")) not in names:
            report.add("unknown category id (left out)", where)
        else:
            item = labelled_object(entry, names[entry["category_id"]], where, report)
            if item is not None:
                objects[entry["image_id"]].append(item)
    found = [LabelledImage(name, shape, tuple(objects[key])) for key, (name, shape) in sizes.items()]
    return Annotations(found, list(dict.fromkeys(names.values())), report)


def lookup_key(value: Any) -> Any:
    """Return an id that can be looked up, None for a list or dictionary in its place."""
    return value if isinstance(value, (int, str)) else None


def category_names(categories: list[Any], source: str, report: Report) -> dict[Any, str]:
    """Return the class names by category id, in the order of the ids."""
    names = {}
    for number, entry in enumerate(categories):
        if isinstance(entry, dict) and lookup_key(entry.get("id")) is not None and isinstance(entry.get("name"), str):
            names[entry["id"]] = entry["name"]
        else:
            report.add("malformed category (left out)", f"{source}: categories[{number}]")
    return dict(sorted(names.items(), key=lambda pair: (isinstance(pair[0], str), pair[0])))


def _image_entries(images: list[Any], source: str, report: Report) -> dict[Any, tuple[str, tuple[int, int]]]:
    """Return file name and (H, W) by image id."""
    entries: dict[Any, tuple[str, tuple[int, int]]] = {}
    for number, entry in enumerate(images):
        where = f"{source}: images[{number}]"
        try:
            key, name, shape = entry["id"], entry["file_name"], (int(entry["height"]), int(entry["width"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            report.add("malformed image entry (left out)", where)
            continue
        if lookup_key(key) is None or not isinstance(name, str) or min(shape) < 1:
            report.add("malformed image entry (left out)", where)
        elif key in entries or any(name == other for other, _ in entries.values()):
            report.add("image listed twice (the first is kept)", where)
        else:
            entries[key] = (name, shape)
    return entries


def labelled_object(entry: dict[str, Any], label: str, where: str, report: Report) -> LabelledObject | None:
    """Return an annotation's outlines and box, None when it has neither."""
    if entry.get("iscrowd") and not isinstance(entry.get("segmentation"), list):
        report.add("crowd annotation (left out)", where)
        return None
    polygons = _polygons(entry.get("segmentation"), where, report)
    box = _box(entry.get("bbox"), where, report)
    if not polygons and box is None:
        report.add("annotation without a usable outline or box (left out)", where)
        return None
    return LabelledObject(label, polygons, box)


def _polygons(segmentation: Any, where: str, report: Report) -> tuple[np.ndarray, ...]:
    """Return the usable outlines of an annotation."""
    if isinstance(segmentation, dict):
        report.add("run-length mask instead of an outline (not read)", where)
        return ()
    outlines = segmentation if isinstance(segmentation, list) else []
    if outlines and all(isinstance(value, (int, float)) for value in outlines):
        outlines = [outlines]  # some exporters forget the outer list
    found = []
    for flat in outlines:
        try:
            points = np.array(flat, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            points = np.zeros(0)
        if points.ndim != 1 or points.size < 6 or points.size % 2 or not np.isfinite(points).all():
            report.add("malformed outline (left out)", where)
        else:
            found.append(points.reshape(-1, 2))
    return tuple(found)


def _box(value: Any, where: str, report: Report) -> tuple[float, float, float, float] | None:
    """Return x1, y1, x2, y2 of a COCO box (x, y, width, height), None when there is none."""
    if value is None or value == []:
        return None
    found = box_of(value, sized=True)
    if found is None:
        report.add("malformed box (left out)", where)
    return found
