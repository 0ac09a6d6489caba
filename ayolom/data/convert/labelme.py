"""LabelMe JSON: one file for an image, with polygons, rectangles, circles and masks.

The format: https://github.com/wkentaro/labelme (`shapes` of `label`, `points`, `shape_type`, `group_id`). The picture
that a file may carry in `imageData` is not used: labels belong to the image file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ayolom.data.convert._files import find_image, is_json, relative_name
from ayolom.data.convert._format import Format, Layer
from ayolom.data.convert._labelme_labels import labelled_object
from ayolom.data.convert._problems import Problems
from ayolom.data.convert._shapes import merged
from ayolom.data.convert._sizes import header_shape, usable_shape
from ayolom.data.convert._splits import split_of
from ayolom.data.convert._stream import first_keys, read_json
from ayolom.data.convert._values import LabelledImage
from ayolom.data.walk import is_image, walk
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ayolom.data.convert._format import ReadOptions
    from ayolom.data.convert._values import Report

LOOKED_AT = 50  # files that say whether a source holds outlines


class LabelMeFormat(Format):
    """One JSON file, or a folder of them."""

    name: ClassVar[str] = "labelme"
    title: ClassVar[str] = "LabelMe JSON"
    one_list: ClassVar[bool] = True

    def recognises(self, source: Path) -> bool:
        """Return whether one of the first JSON files is LabelMe's."""
        return any(_is_labelme(file) for file in _files(source, 5))

    def layers(self, source: Path, options: ReadOptions) -> tuple[Layer, ...]:
        """Return the one layer of the shapes."""
        files = _files(source, LOOKED_AT)
        if not any(_is_labelme(file) for file in files):
            raise AyolomError(
                f"{source}: holds no LabelMe JSON (files with 'shapes'); give the folder that LabelMe saved to"
            )
        kinds = {kind for file in files for kind in _kinds(file)}
        return (Layer("objects", "semantic" if kinds - {"rectangle"} else "detect", options.names),)

    def read(self, source: Path, layer: Layer, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
        """Yield the images, one file at a time."""
        for file in [source] if source.is_file() else walk(source, is_json):
            if _is_labelme(file):
                yield from _read(file, source if source.is_dir() else source.parent, options, report)
            else:
                report.note("JSON file of another kind (not read)", str(file))


def _files(source: Path, count: int) -> list[Path]:
    """Return the first JSON files of a source."""
    if source.is_file():
        return [source] if is_json(source.name) else []
    return list(walk(source, is_json, count))


def _is_labelme(file: Path) -> bool:
    """Return whether a file begins like one of LabelMe; what cannot be read does not end like it either."""
    found = first_keys(file)
    return "shapes" in found and not found.isdisjoint({"imagePath", "shape_type", "flags", "imageData"})


def _kinds(file: Path) -> set[str]:
    """Return the kinds of shapes in a file, none when it is broken."""
    try:
        content = read_json(file)
    except AyolomError:
        return set()
    shapes = content.get("shapes") if isinstance(content, dict) else None
    entries = [shape for shape in shapes if isinstance(shape, dict)] if isinstance(shapes, list) else []
    return {str(shape.get("shape_type") or "polygon") for shape in entries}


def _read(file: Path, source: Path, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
    """Yield the image of one file; nothing when the file cannot be read."""
    try:
        content = read_json(file)
    except AyolomError as error:
        report.add("broken JSON file", str(error))
        return
    shapes = content.get("shapes") if isinstance(content, dict) else None
    if not isinstance(shapes, list):
        report.add("file without a list 'shapes'", str(file))
        return
    path = _image_path(content.get("imagePath"), file, source, options)
    shape = usable_shape(content.get("imageHeight"), content.get("imageWidth")) or header_shape(path)
    problems, found = Problems(report, str(path)), []
    for number, entry in enumerate(shapes):
        item = labelled_object(entry, f"{file}: shapes[{number}]", shape, problems)
        if item is not None:
            found.append((entry.get("group_id"), item))
    name = relative_name(path, [options.images, source, source.parent])
    split = split_of(file.parent.relative_to(source.parent))
    yield LabelledImage(name, shape, merged(found, shape), path, split, complete=not problems.any)


def _image_path(name: Any, file: Path, source: Path, options: ReadOptions) -> Path:
    """Return the path of a file's image.

    LabelMe writes it relative to the JSON file, also upwards (`../images/a.jpg`); that is followed within the folder
    around the source, and no further.
    """
    name = name.replace("\\", "/").replace("\0", "") if isinstance(name, str) and name.strip() else file.stem
    if options.images is not None:
        return find_image(name, [options.images])
    beside = (file.parent / name).resolve()
    if beside.is_file() and beside.is_relative_to(source.parent.resolve()) and is_image(beside.name):
        return beside
    place = find_image(name, [file.parent])
    return place if place.is_file() else _same_stem(file, place)


def _same_stem(file: Path, otherwise: Path) -> Path:
    """Return the image of the JSON file's own name beside it: after a renaming that the file knows nothing of."""
    found = find_image(file.stem, [file.parent])
    return found if found.is_file() else otherwise
