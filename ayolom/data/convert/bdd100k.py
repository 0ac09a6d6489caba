"""BDD100K: boxes, drivable area and lanes, as JSON of its two ages and as PNG class maps.

The formats: https://github.com/bdd100k/bdd100k/blob/master/doc/source/format.rst (a list of frames for a split) and,
before it, https://github.com/ucbdrive/bdd-data (also one file for an image, outlines as points with their type).
"""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ayolom.data.convert._bdd_labels import (
    AREAS,
    BOXES,
    DRIVABLE,
    LANE,
    LANES,
    LAYERS,
    NO_LAYER,
    labelled_object,
    layer_of,
)
from ayolom.data.convert._colors import IGNORE, read_palette_png
from ayolom.data.convert._files import find_image, is_json, is_png, relative_name
from ayolom.data.convert._format import Format, Layer
from ayolom.data.convert._json import head
from ayolom.data.convert._problems import Problems
from ayolom.data.convert._sizes import header_shape
from ayolom.data.convert._splits import split_of
from ayolom.data.convert._stream import entries, first_keys, read_json
from ayolom.data.convert._values import LabelledImage
from ayolom.data.walk import walk
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ayolom.data.convert._format import ReadOptions
    from ayolom.data.convert._values import Report

LANE_BITS, NO_LANE_BIT = 0b111, 0b1000  # of a lane map's pixel; higher bits tell style and direction
OLD_MAP = "_drivable_id"  # ending of the names of the older maps, which count from the background
UNKNOWN = "unknown"
LOOKED_AT = 100  # frames that say what a file holds


class BddFormat(Format):
    """The folder of BDD100K (`images`, `labels`), a part of it, or one JSON file."""

    name: ClassVar[str] = "bdd100k"
    title: ClassVar[str] = "BDD100K (boxes, drivable area, lanes)"

    def recognises(self, source: Path) -> bool:
        """Return whether one of the first JSON files has frames of BDD100K, or its folders of class maps are there."""
        return any(map(_is_bdd, _first_json(source))) or any(_map_folders(source).values())

    def layers(self, source: Path, options: ReadOptions) -> tuple[Layer, ...]:
        """Return those of the layers `vehicles`, `drivable` and `lane` that the source has."""
        maps, kinds = _map_folders(source), {kind for unit in _units(source) for kind in _kinds(unit)}
        found = []
        for name in LAYERS:
            if maps.get(name):
                names = (*(AREAS if name == DRIVABLE else LANES), "background")
                found.append(Layer(name, "semantic", names))
            elif name in kinds:
                names = AREAS if name == DRIVABLE else LANES if name == LANE else options.names
                found.append(Layer(name, "detect" if name == BOXES else "semantic", names))
        if not found:
            raise AyolomError(
                f"{source}: holds no labels of BDD100K (JSON frames with box2d or poly2d, or PNG maps in "
                "labels/drivable/masks or labels/lane/masks); give its folder or one of its JSON files"
            )
        return tuple(found)

    def read(self, source: Path, layer: Layer, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
        """Yield the images of one layer; class maps are taken where there are both maps and outlines."""
        folders = _map_folders(source).get(layer.name)
        if folders:
            for folder in folders:
                for file in walk(folder, is_png):
                    yield from _read_map(file, folder, source, layer, options, report)
            return
        for unit in _units(source):
            if {layer.name, UNKNOWN} & _kinds(unit):
                for file in _files_of(unit):
                    yield from _read_json(file, source, layer, options, report)


def _first_json(source: Path) -> list[Path]:
    """Return the first JSON files of a source."""
    if source.is_file():
        return [source] if is_json(source.name) else []
    return list(walk(source, is_json, 5))


def _is_bdd(file: Path) -> bool:
    """Return whether a JSON file begins with frames of BDD100K."""
    found = first_keys(file)
    frames = "name" in found and ("labels" in found or {"frames", "objects"} <= found)
    return frames and not found.isdisjoint({"box2d", "poly2d", "timeofday", "videoName"})


def _is_single(file: Path) -> bool:
    """Return whether a JSON file is that of one image, not of a list of frames."""
    found = first_keys(file)
    return head(file).lstrip().startswith("{") and ("objects" in found or "frames" not in found)


def _units(source: Path) -> list[Path]:
    """Return what is read as one: files with a list of frames, folders with a file for each image."""
    if source.is_file():
        return [source]
    found: list[Path] = []
    for parent, folders, names in os.walk(source, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files = [Path(parent, name) for name in sorted(names) if is_json(name) and not name.startswith(".")]
        if any(_is_single(file) for file in files[:LOOKED_AT] if _is_bdd(file)):
            found.append(Path(parent))
        else:
            found += filter(_is_bdd, files)
    return found


def _files_of(unit: Path) -> list[Path]:
    """Return the files of a unit."""
    return [unit] if unit.is_file() else sorted(file for file in unit.iterdir() if is_json(file.name))


def _kinds(unit: Path) -> set[str]:
    """Return the layers that the first frames of a unit hold; `UNKNOWN` where a damaged file may hold any."""
    found: set[str] = set()
    for file in _files_of(unit)[:LOOKED_AT]:
        found |= _kinds_in(file)
    return found - {UNKNOWN} or found


def _kinds_in(file: Path) -> set[str]:
    """Return the layers that the first frames of a file hold."""
    try:
        frames = [frame for _, frame in islice(_frames(file), LOOKED_AT)]
    except AyolomError:
        return {UNKNOWN}  # `read` reports it
    return {layer_of(label) for frame in frames for _, label in _labels(frame)} - {NO_LAYER}


def _frames(file: Path) -> Iterator[tuple[str, Any]]:
    """Yield the frames of a file with their place in it."""
    if _is_single(file):
        yield "", read_json(file)
    elif head(file).lstrip().startswith("["):
        yield from entries(file)
    else:
        yield from entries(file, "frames")


def _labels(frame: Any) -> Iterator[tuple[str, Any]]:
    """Yield the labels of a frame with their place in it; in the older files they are objects of its only instant."""
    parts = frame if isinstance(frame, dict) else {}
    groups = [("labels", parts.get("labels"))]
    instants = parts.get("frames")
    for number, instant in enumerate(instants if isinstance(instants, list) else []):
        groups.append((f"frames[{number}].objects", instant.get("objects") if isinstance(instant, dict) else None))
    for place, group in groups:
        yield from ((f"{place}[{n}]", label) for n, label in enumerate(group if isinstance(group, list) else []))


def _read_json(file: Path, source: Path, layer: Layer, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
    """Yield the images of one JSON file, up to its end or the place where it is damaged."""
    split = split_of(relative_name(file, [source.parent]))
    folders = _image_folders(file, source, options)
    try:
        for place, frame in _frames(file):
            name = frame.get("name") if isinstance(frame, dict) else None
            if not isinstance(name, str) or not name:
                report.add("frame without a name", f"{file}: {place}")
                continue
            path = find_image(name, folders)
            problems, where = Problems(report, str(path)), f"{file}: {place}." if place else f"{file}: "
            found = [labelled_object(label, f"{where}{at}", layer.name, problems) for at, label in _labels(frame)]
            objects = tuple(item for item in found if item is not None)
            name = relative_name(path, [*folders, source])
            yield LabelledImage(name, header_shape(path), objects, path, split, complete=not problems.any)
    except AyolomError as error:
        report.add("broken JSON file: the rest is not read", str(error))


def _image_folders(file: Path, source: Path, options: ReadOptions) -> list[Path]:
    """Return where the images of a label file or a folder of maps may be, the likeliest first."""
    if options.images is not None:
        folders, last = [options.images], []
    else:
        tops = [file.parent, *list(file.parents)[1:5]]
        folders, last = [top / "images" / "100k" for top in tops] + [top / "images" for top in tops], [file.parent]
    split = split_of(relative_name(file, [source.parent])) or ""
    found = [folder for folder in (*(folder / split for folder in folders), *folders, *last) if folder.is_dir()]
    return found or [source if source.is_dir() else source.parent]


def _map_folders(source: Path) -> dict[str, list[Path]]:
    """Return the folders of class maps by layer."""
    if not source.is_dir():
        return {}
    tops = [source, source / "labels"]
    drivable = [top / "drivable" / "masks" for top in tops] + [top / "drivable_maps" / "labels" for top in tops]
    drivable += [source / "bdd100k_drivable_maps" / "labels"]
    lane = [top / "lane" / "masks" for top in tops]
    return {
        name: [folder for folder in folders if next(walk(folder, is_png, 1), None) is not None]
        for name, folders in ((DRIVABLE, drivable), (LANE, lane))
    }


def _read_map(
    file: Path, folder: Path, source: Path, layer: Layer, options: ReadOptions, report: Report
) -> Iterator[LabelledImage]:
    """Yield the image of one class map; nothing when it cannot be read."""
    stem = file.stem.removesuffix("_drivable_color")
    if stem != file.stem:
        return  # the same in colours
    folders = _image_folders(file, source, options)
    path = find_image(file.stem.removesuffix(OLD_MAP), folders)
    stored = read_palette_png(file)
    if stored is None or stored[0].ndim != 2:
        report.add("class map that cannot be read", str(file), str(path))
        return
    values, problems = stored[0], Problems(report, str(path))
    if layer.name == LANE:
        values = np.where(values & NO_LANE_BIT, len(LANES), values & LANE_BITS).astype(np.uint8)
    elif file.stem.endswith(OLD_MAP) or "drivable_maps" in folder.parent.name:
        values = np.where(values < 3, (values + 2) % 3, values).astype(np.uint8)  # background was 0
    strange = [int(value) for value in np.unique(values) if value >= len(layer.names) and value != IGNORE]
    if strange:
        problems.add(f"values {strange} of no class in a class map", str(file))
        values = np.where(values < len(layer.names), values, IGNORE).astype(np.uint8)
    name, split = relative_name(path, [*folders, source]), split_of(relative_name(file, [source.parent]))
    shape = (values.shape[0], values.shape[1])
    yield LabelledImage(name, shape, (), path, split, class_map=values, complete=not problems.any)
