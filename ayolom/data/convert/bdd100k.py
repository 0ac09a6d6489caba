"""BDD100K: boxes, drivable area and lanes, as JSON of its two ages and as PNG class maps.

The formats: https://github.com/bdd100k/bdd100k/blob/master/doc/source/format.rst (a list of frames for a split) and,
before it, https://github.com/ucbdrive/bdd-data (also one file for an image, outlines as points with their type).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ayolom.data.convert._bdd_frames import UNKNOWN, frames, is_bdd, kinds, labels, units
from ayolom.data.convert._bdd_labels import AREAS, BOXES, DRIVABLE, LANE, LANES, LAYERS, labelled_object
from ayolom.data.convert._bdd_maps import COLOURED, OLD_MAP, map_folders, positions
from ayolom.data.convert._colors import classes_of_values, read_palette_png
from ayolom.data.convert._files import find_image, is_json, is_png, relative_name
from ayolom.data.convert._format import Format, Layer
from ayolom.data.convert._problems import Problems
from ayolom.data.convert._sizes import header_shape
from ayolom.data.convert._splits import split_of
from ayolom.data.convert._values import LabelledImage
from ayolom.data.walk import walk
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ayolom.data.convert._format import ReadOptions
    from ayolom.data.convert._values import Report


class BddFormat(Format):
    """The folder of BDD100K (`images`, `labels`), a part of it, or one JSON file."""

    name: ClassVar[str] = "bdd100k"
    title: ClassVar[str] = "BDD100K (boxes, drivable area, lanes)"

    def recognises(self, source: Path) -> bool:
        """Return whether one of the first JSON files has frames of BDD100K, or its folders of class maps are there."""
        return any(map(is_bdd, _first_json(source))) or any(map_folders(source).values())

    def layers(self, source: Path, options: ReadOptions) -> tuple[Layer, ...]:
        """Return those of the layers `vehicles`, `drivable` and `lane` that the source has."""
        maps, present = map_folders(source), {kind for unit in units(source) for kind in kinds(unit)}
        found = []
        for name in LAYERS:
            if maps.get(name):
                names = (*(AREAS if name == DRIVABLE else LANES), "background")
                found.append(Layer(name, "semantic", names))
            elif name in present:
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
        folders = map_folders(source).get(layer.name)
        if folders:
            for folder in folders:
                for file in walk(folder, is_png):
                    yield from _read_map(file, folder, source, layer, options, report)
            return
        for unit in units(source):
            if {layer.name, UNKNOWN} & kinds(unit):
                for file in unit:
                    yield from _read_json(file, source, layer, options, report)


def _first_json(source: Path) -> list[Path]:
    """Return the first JSON files of a source."""
    if source.is_file():
        return [source] if is_json(source.name) else []
    return list(walk(source, is_json, 5))


def _read_json(file: Path, source: Path, layer: Layer, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
    """Yield the images of one JSON file, up to its end or the place where it is damaged."""
    split = split_of(relative_name(file, [source.parent]))
    folders = _image_folders(file, source, options)
    try:
        for place, frame in frames(file):
            name = frame.get("name") if isinstance(frame, dict) else None
            if not isinstance(name, str) or not name:
                report.add("frame without a name", f"{file}: {place}")
                continue
            path = find_image(name, folders)
            problems, where = Problems(report, str(path)), f"{file}: {place}." if place else f"{file}: "
            found = [labelled_object(label, f"{where}{at}", layer.name, problems) for at, label in labels(frame)]
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


def _read_map(
    file: Path, folder: Path, source: Path, layer: Layer, options: ReadOptions, report: Report
) -> Iterator[LabelledImage]:
    """Yield the image of one class map; nothing when it cannot be read."""
    if file.stem.endswith(COLOURED):
        return
    folders = _image_folders(file, source, options)
    path = find_image(file.stem.removesuffix(OLD_MAP), folders)
    stored = read_palette_png(file)
    if stored is None or stored[0].ndim != 2:
        report.add("class map that cannot be read", str(file), str(path))
        return
    values, problems = positions(stored[0], layer.name, file, folder), Problems(report, str(path))
    values, strange = classes_of_values(values, len(layer.names))
    if strange:
        problems.add(f"values {strange} of no class in a class map", str(file))
    name, split = relative_name(path, [*folders, source]), split_of(relative_name(file, [source.parent]))
    shape = (values.shape[0], values.shape[1])
    yield LabelledImage(name, shape, (), path, split, class_map=values, complete=not problems.any)
