"""COCO JSON of any size as a stream of labelled images: annotations are grouped by image in a temporary file."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ayolom.data.convert._files import find_image, is_json, those_there
from ayolom.data.convert._format import Format, Layer
from ayolom.data.convert._json import JsonFile, head
from ayolom.data.convert._rle import decode
from ayolom.data.convert._sizes import header_shape
from ayolom.data.convert._splits import split_of, without_split
from ayolom.data.convert._values import LabelledImage, LabelledObject, Report
from ayolom.data.convert.coco import LISTS, category_names, labelled_object, lookup_key
from ayolom.data.walk import walk
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ayolom.data.convert._format import ReadOptions

LISTED = re.compile(r'"(?:images|annotations|categories)"\s*:\s*\[')
FOREIGN = re.compile(r'"(?:images|categories)"\s*:\s*\{|"_via_')
LOOKED_AT = 20  # files of a folder that are opened to tell its format
LARGEST = 2**20  # pixels of a side
ENCLOSED = 2.0  # pixels by which an outline may leave its box
IMAGE_FOLDERS = ("", "images", "JPEGImages", "data", "img")
KEPT = ("category_id", "segmentation", "bbox", "iscrowd")
SCHEMA = """
CREATE TABLE images (row INTEGER PRIMARY KEY, key TEXT UNIQUE, name TEXT UNIQUE, height INTEGER, width INTEGER);
CREATE TABLE annotations (row INTEGER PRIMARY KEY, image INTEGER, number INTEGER, body TEXT);
"""
INSERT_IMAGE = "INSERT OR IGNORE INTO images (key, name, height, width) VALUES (?, ?, ?, ?)"


class CocoFormat(Format):
    """COCO JSON (https://cocodataset.org/#format-data): polygons, boxes, run-length masks, crowds."""

    name: ClassVar[str] = "coco"
    title: ClassVar[str] = "COCO JSON (CarDD, DSMLR, Roboflow's and CVAT's COCO exports)"

    def recognises(self, source: Path) -> bool:
        """Return whether a JSON file, or one of the first JSON files of a folder, has COCO's lists."""
        if source.is_file():
            return _is_coco(source)
        return source.is_dir() and any(_is_coco(file) for file in walk(source, is_json, LOOKED_AT))

    def layers(self, source: Path, options: ReadOptions) -> tuple[Layer, ...]:
        """Return one layer, or of a folder one for each kind of annotation file in it.

        Files that differ only in the split in their name (`instances_train.json`, `instances_val.json`) are one layer.
        """
        return tuple(Layer(name, "detect", _used_names(files)) for name, files in _sets(source).items())

    def read(self, source: Path, layer: Layer, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
        """Yield the images of the layer's files, in the order of the files and of their lists of images."""
        for file in _sets(source)[layer.name]:
            yield from _read_file(file, source, options, report)


def _is_coco(file: Path) -> bool:
    """Return whether the beginning of a file looks like COCO's."""
    text = head(file) if is_json(file.name) else ""
    return text.lstrip().startswith("{") and bool(LISTED.search(text)) and not FOREIGN.search(text)


def _sets(source: Path) -> dict[str, list[Path]]:
    """Return the annotation files by name of their label set."""
    if source.is_file():
        return {without_split(source.stem) or source.stem: [source]}
    sets: dict[str, list[Path]] = {}
    for file in walk(source, is_json):
        if _is_coco(file):
            sets.setdefault(without_split(file.stem) or "annotations", []).append(file)
    if not sets:
        raise AyolomError(f"{source}: holds no COCO JSON file; give the annotation file itself")
    return sets


def _used_names(files: list[Path]) -> tuple[str, ...]:
    """Return the names of the classes that label something, in the order of the files and of their ids."""
    names: dict[str, None] = {}
    used: set[str] = set()
    for file in files:
        content = JsonFile(file)
        here = category_names(list(content.items("categories")), str(file), Report())
        names.update(dict.fromkeys(here.values()))
        for entry in content.items("annotations"):
            if isinstance(entry, dict) and (key := lookup_key(entry.get("category_id"))) in here:
                used.add(here[key])
    return tuple(name for name in names if name in used)


def _read_file(file: Path, source: Path, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
    """Yield the images of one annotation file."""
    content, base = JsonFile(file), source if source.is_dir() else source.parent
    names = category_names(list(content.items("categories")), str(file), report)
    folders = those_there([options.images] if options.images else _folders(file))
    with closing(sqlite3.connect("")) as spool:  # a file without a name, which vanishes with the process
        spool.executescript(SCHEMA)
        if not _spool(content, spool, report):
            raise AyolomError(f"{file}: lists no image (it needs the lists {', '.join(LISTS)}); export as 'COCO'")
        for row, name, height, width in spool.execute("SELECT row, name, height, width FROM images ORDER BY row"):
            path = find_image(name, folders)
            shape = (height, width) if height else header_shape(path)
            entries = spool.execute("SELECT number, body FROM annotations WHERE image = ? ORDER BY number", (row,))
            objects, complete = [], True
            for number, body in entries:
                item = _object(json.loads(body), names, (f"{file}: annotations[{number}]", name), shape, report)
                complete &= item is not None
                objects += [item] if item is not None else []
            split = split_of(file.relative_to(base)) or split_of(path.parent.name)
            yield LabelledImage(name, shape, tuple(objects), path, split, complete=complete)


def _folders(file: Path) -> list[Path]:
    """Return where the images of an annotation file may lie: beside it, or beside its folder, by split or not."""
    below = [file.parent / folder for folder in IMAGE_FOLDERS]
    parts = [file.stem.rpartition("_")[2], split_of(file.name) or "", file.stem]
    beside = [file.parent.parent / folder / part for folder in IMAGE_FOLDERS for part in (*filter(None, parts), "")]
    return [*below, *beside]


def _spool(content: JsonFile, spool: sqlite3.Connection, report: Report) -> bool:
    """Put images and annotations into the temporary file; return whether there is an image."""
    source = str(content.file)
    for number, entry in enumerate(content.items("images")):
        row = _image_row(entry)
        where = f"{source}: images[{number}]"
        if row is None:
            report.add("malformed image entry (left out)", where)
            continue
        if not spool.execute(INSERT_IMAGE, row).rowcount:
            report.add("image listed twice (the first is kept)", where, row[1])
    for number, entry in enumerate(content.items("annotations")):
        key = lookup_key(entry.get("image_id")) if isinstance(entry, dict) else None
        found = spool.execute("SELECT row FROM images WHERE key = ?", (_text_key(key),)).fetchone()
        if found is None:
            report.add("annotation of an image that is not listed (left out)", f"{source}: annotations[{number}]")
            continue
        body = json.dumps({name: entry[name] for name in KEPT if name in entry})
        spool.execute("INSERT INTO annotations (image, number, body) VALUES (?, ?, ?)", (found[0], number, body))
    spool.execute("CREATE INDEX by_image ON annotations (image, number)")
    return spool.execute("SELECT 1 FROM images LIMIT 1").fetchone() is not None


def _text_key(key: Any) -> str:
    """Return an id as text in which 1 and "1" differ."""
    return json.dumps(key)


def _image_row(entry: Any) -> tuple[str, str, int, int] | None:
    """Return id, name, height and width of an image entry, the last two 0 when not given; None when malformed."""
    if not isinstance(entry, dict):
        return None
    key, name = lookup_key(entry.get("id")), entry.get("file_name")
    try:
        height, width = int(entry.get("height") or 0), int(entry.get("width") or 0)
    except (TypeError, ValueError, OverflowError):
        return None
    if key is None or not isinstance(name, str) or not name.strip() or min(height, width) < 0:
        return None
    if max(height, width) > LARGEST:
        return None
    return (_text_key(key), name, height, width) if min(height, width) else (_text_key(key), name, 0, 0)


def _object(
    entry: dict[str, Any], names: dict[Any, str], place: tuple[str, str], shape: tuple[int, int], report: Report
) -> LabelledObject | None:
    """Return an annotation as an object, None when it cannot be used.

    Args:
        entry: The annotation.
        names: Class name by category id.
        place: File and entry, and the image, for the report.
        shape: (H, W) of the image.
        report: Receives what is wrong.
    """
    where, image = place
    key = lookup_key(entry.get("category_id"))
    if key not in names:
        report.add("unknown category id", where, image)
        return None
    segmentation = entry.get("segmentation")
    if not isinstance(segmentation, dict) or not segmentation:
        return _outlined(entry, names[key], where, image, report)
    try:
        mask = decode(segmentation, shape)
    except ValueError as error:
        report.add("malformed run-length mask", f"{where}, {error}", image)
        return None
    return LabelledObject(names[key], mask=mask, crowd=bool(entry.get("iscrowd")), where=where)


def _outlined(entry: dict[str, Any], label: str, where: str, image: str, report: Report) -> LabelledObject | None:
    """Return an annotation without a run-length mask as an object, None when it cannot be used.

    One with a malformed outline keeps its box alone.
    """
    segmentation = entry.get("segmentation")
    outlines = [one for one in segmentation if one != []] if isinstance(segmentation, list) else []
    mine = Report()
    item = labelled_object({"segmentation": outlines, "bbox": entry.get("bbox")}, label, where, mine)
    for what in mine.counts:
        report.add(what, where, image)
    if item is None or (mine.counts and item.box is None):
        return None
    polygons = () if mine.counts else item.polygons
    if polygons and item.box is not None:
        _check_box(np.concatenate(polygons), item.box, where, image, report)
    return LabelledObject(label, polygons, item.box, None, bool(entry.get("iscrowd")), where)


def _check_box(
    points: np.ndarray, box: tuple[float, float, float, float], where: str, image: str, report: Report
) -> None:
    """Note a box (x1, y1, x2, y2) that its outline (K, 2) leaves."""
    low, high = np.array(box[:2]) - ENCLOSED, np.array(box[2:]) + ENCLOSED
    if (points < low).any() or (points > high).any():
        report.note("box does not enclose its outline", where, image)
