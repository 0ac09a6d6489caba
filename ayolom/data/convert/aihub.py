"""AI-Hub 581, Korean photos of vehicle damage: one JSON file for an image, with damage and often the parts as well.

The data: https://www.aihub.or.kr/aihubdata/data/view.do?dataSetSn=581. Its files differ among themselves: a byte order
mark or none, `images` and `categories` as dictionaries or lists, `annotations` as a list or a single entry, outlines
nested one to four deep. Images and labels lie in two folders, `1.원천데이터` and `2.라벨링데이터`, in archives of
like names (`TS_damage` and `TL_damage`). Photos of one vehicle share the last number of their file name: group by it.
A third folder, `1.원천데이터_230126_add`, holds estimates of repairs, which are JSON as well and no labels.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, ClassVar

from ayolom.data.convert._aihub_labels import DAMAGE, DAMAGES, KINDS, PARTS, labelled_object, text_of
from ayolom.data.convert._files import find_image, folders_of, is_json, relative_name
from ayolom.data.convert._format import Format, Layer
from ayolom.data.convert._problems import Problems
from ayolom.data.convert._sizes import header_shape, usable_shape
from ayolom.data.convert._splits import split_of
from ayolom.data.convert._stream import first_keys, read_json
from ayolom.data.convert._values import LabelledImage
from ayolom.data.walk import walk
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ayolom.data.convert._format import ReadOptions
    from ayolom.data.convert._values import Report

LABELS, IMAGES = "라벨링데이터", "원천데이터"
BOTH = "damage_part"  # the set whose images all have both
ARCHIVE = re.compile(r"^([TV])L_")
LOOKED_AT = 20
DEEPEST = 4  # folders from the data set's own down to those of labels: 01.데이터, 1.Training, 2.라벨링데이터


class AiHubFormat(Format):
    """The unpacked data set, one of its folders, or one JSON file."""

    name: ClassVar[str] = "aihub"
    title: ClassVar[str] = "AI-Hub 581 vehicle damage"

    def recognises(self, source: Path) -> bool:
        """Return whether one of the first JSON files is of AI-Hub's damage data."""
        return any(is_json(file.name) and _is_aihub(file) for root in _roots(source) for file in _files(root, 5))

    def layers(self, source: Path, options: ReadOptions) -> tuple[Layer, ...]:
        """Return those of the layers `damage` and `parts` that the first files of each folder have."""
        found: set[str] = set()
        for root in _roots(source):
            for folder in (root, *folders_of(root)):  # the files of one folder are alike
                found.update(kind for file in _files(folder, LOOKED_AT) if _is_aihub(file) for kind in _layers_of(file))
        if not found:
            raise AyolomError(
                f"{source}: holds no labels of AI-Hub 581 (JSON with 'annotations' of damage or part); give the folder "
                f"with {LABELS} and {IMAGES}"
            )
        kinds = ((DAMAGE, "detect", DAMAGES), (PARTS, "semantic", ()))
        return tuple(Layer(name, kind, names) for name, kind, names in kinds if name in found)

    def read(self, source: Path, layer: Layer, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
        """Yield the images of a layer, one file at a time."""
        finder = _ImageFolders(source, options.images)
        for root in _roots(source):
            for file in _files(root):
                yield from _read(file, layer.name, finder, source, report)


def _is_aihub(file: Path) -> bool:
    """Return whether a JSON file begins like one of AI-Hub's: COCO's keys, and damage or part in an annotation."""
    found = first_keys(file)
    own = not found.isdisjoint({"damage", "part"}) and not found.isdisjoint({"level", "repair", "supercategory_name"})
    return "annotations" in found and "images" in found and own


def _roots(source: Path) -> list[Path]:
    """Return the folders of labels in a source; the source itself where none has that name."""
    return _label_folders(source, DEEPEST) or [source]


def _label_folders(folder: Path, depth: int) -> list[Path]:
    """Return a folder, or those in it to a depth, whose names are those of labels; photos are passed by."""
    name = _normal(folder.name)
    if LABELS in name:
        return [folder]
    if depth == 0 or IMAGES in name:
        return []
    return [found for inner in folders_of(folder) for found in _label_folders(inner, depth - 1)]


def _files(root: Path, most: int | None = None) -> Iterator[Path]:
    """Yield the JSON files of a folder, or the file that it is."""
    return iter([root]) if root.is_file() else walk(root, is_json, most)


def _normal(name: str) -> str:
    """Return a name with its Korean letters composed; some systems store them taken apart."""
    return unicodedata.normalize("NFC", name)


def _layers_of(file: Path) -> set[str]:
    """Return the layers that a file is labelled for, none when it is broken."""
    try:
        annotations = _annotations(read_json(file))
    except AyolomError:
        return set()
    return _layers_in(annotations, file)


def _layers_in(annotations: list[Any], file: Path) -> set[str]:
    """Return the layers that the annotations of a file speak of."""
    if any(BOTH in part for part in file.parts[-3:-1]):  # TL_damage_part/damage_part/a.json
        return {DAMAGE, PARTS}
    entries = [entry for entry in annotations if isinstance(entry, dict)]
    return {layer for layer, key in KINDS.items() if any(text_of(entry.get(key)) for entry in entries)}


def _annotations(content: Any) -> list[Any]:
    """Return the annotations as a list."""
    found = content.get("annotations") if isinstance(content, dict) else None
    return found if isinstance(found, list) else [] if found is None else [found]


def _image_entry(content: Any) -> dict[str, Any]:
    """Return what a file says of its image: a dictionary, or the first of a list."""
    found = content.get("images") if isinstance(content, dict) else None
    if isinstance(found, list):
        found = found[0] if found else None
    return found if isinstance(found, dict) else {}


def _read(file: Path, layer: str, finder: _ImageFolders, source: Path, report: Report) -> Iterator[LabelledImage]:
    """Yield the image of one file if the file is labelled for the layer."""
    try:
        content = read_json(file)
    except AyolomError as error:
        report.add("broken JSON file", str(error))
        return
    if not isinstance(content, dict) or "annotations" not in content or "images" not in content:
        report.note("JSON file of another kind (not read)", str(file))
        return
    annotations, entry = _annotations(content), _image_entry(content)
    if layer not in _layers_in(annotations, file):
        return
    name = text_of(entry.get("file_name")) or file.stem
    path = finder.find(name, file)
    shape = usable_shape(entry.get("height"), entry.get("width")) or header_shape(path)
    problems, single = Problems(report, str(path)), isinstance(content["annotations"], dict)
    objects = []
    for number, annotation in enumerate(annotations):
        where = f"{file}: annotations" + ("" if single else f"[{number}]")
        item = labelled_object(annotation, layer, where, problems)
        objects += [] if item is None else [item]
    split = split_of(relative_name(file.parent, [source.parent]))
    file_name = relative_name(path, [finder.images, source])
    yield LabelledImage(file_name, shape, tuple(objects), path, split, complete=not problems.any)


class _ImageFolders:
    """Finds the image of a label file, in the folder of photos that stands beside that of labels."""

    def __init__(self, source: Path, images: Path | None) -> None:
        """Bind to a source, and the folder of images that the user gives."""
        self.source, self.images = source, images
        self._known: dict[Path, list[Path]] = {}

    def find(self, name: str, file: Path) -> Path:
        """Return the file of an image, or where it should be."""
        if file.parent not in self._known:
            self._known[file.parent] = self._folders(file.parent)
        return find_image(name, self._known[file.parent])

    def _folders(self, labels: Path) -> list[Path]:
        """Return where the images of a folder of labels may be, the likeliest first."""
        if self.images is not None:
            return [self.images, *self._below(self.images)]
        for parent in (labels, *labels.parents):
            if LABELS in _normal(parent.name):
                tops = [folder for folder in folders_of(parent.parent) if IMAGES in _normal(folder.name)]
                inner = [ARCHIVE.sub(r"\1S_", part) for part in labels.relative_to(parent).parts]
                likely = [folder.joinpath(*inner) for top in tops[:1] for folder in [top]]
                return (
                    [folder for folder in likely if folder.is_dir()]
                    + [folder for top in tops for folder in (top, *self._below(top))]
                    + [labels]
                )
        return [labels, labels.parent / "images"]

    def _below(self, top: Path) -> list[Path]:
        """Return the folders below a folder."""
        return [inner for folder in folders_of(top) for inner in (folder, *self._below(folder))]
