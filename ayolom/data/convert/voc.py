"""Pascal VOC: an XML file with boxes for an image, and masks in the colours of a fixed palette.

The format: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/. Its pixels are counted from 1 and a box names the
first and the last pixel in it, so that `xmin` 1, `xmax` 10 are the edges 0 and 10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ayolom.data.convert._colors import IGNORE
from ayolom.data.convert._files import find_image, folders_of, is_png, is_xml, relative_name
from ayolom.data.convert._format import Format, Layer
from ayolom.data.convert._problems import Problems
from ayolom.data.convert._shapes import box_of, outline
from ayolom.data.convert._sizes import header_shape, usable_shape
from ayolom.data.convert._splits import split_of
from ayolom.data.convert._values import LabelledImage, LabelledObject
from ayolom.data.convert._voc_masks import FOLDERS, VOID, class_colors, mask_folder, read_mask
from ayolom.data.convert._xml import Element, XmlError, pieces, root_tag
from ayolom.data.walk import walk
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np

    from ayolom.data.convert._format import ReadOptions
    from ayolom.data.convert._values import Report

BOXES, MASKS = "objects", "masks"
FIRST_PIXEL = 1
LISTS = ("train", "val", "test")
IMAGE_FOLDERS = ("JPEGImages", "images", "Images")


class VocFormat(Format):
    """A folder with `Annotations`, one around several of them, or XML files beside their images."""

    name: ClassVar[str] = "voc"
    title: ClassVar[str] = "Pascal VOC XML"

    def recognises(self, source: Path) -> bool:
        """Return whether the first XML files have VOC's root, or there are VOC's folders of masks."""
        if source.is_file():
            return source.suffix.lower() == ".xml" and root_tag(source) == "annotation"
        roots = _roots(source)
        return any(root_tag(file) == "annotation" for root in roots for file in _first_xml(root)) or _masks(roots)

    def layers(self, source: Path, options: ReadOptions) -> tuple[Layer, ...]:
        """Return the layer of the boxes, and that of the masks where there are any."""
        if not self.recognises(source):
            raise AyolomError(
                f"{source}: holds no Pascal VOC files (XML whose first element is <annotation>); give the folder that "
                "holds Annotations/ and JPEGImages/"
            )
        roots = [source] if source.is_file() else _roots(source)
        found = []
        if source.is_file() or any(_first_xml(root) for root in roots):
            found.append(Layer(BOXES, "detect", options.names))
        if source.is_dir() and _masks(roots):
            colors = class_colors(next(root for root in roots if _masks([root])), options)
            found.append(Layer(MASKS, "semantic", tuple(colors)))
        return tuple(found)

    def read(self, source: Path, layer: Layer, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
        """Yield the images, one file at a time."""
        for root in [source] if source.is_file() else _roots(source):
            folder = root if root.is_dir() else _around(root)
            splits = _splits(folder, "Main" if layer.name == BOXES else "Segmentation")
            if layer.name == MASKS:
                yield from _read_masks(folder, source, splits, layer, options, report)
            else:
                for file in [root] if root.is_file() else walk(_labels(root), is_xml):
                    yield from _read(file, folder, source, splits, options, report)


def _roots(source: Path) -> list[Path]:
    """Return the folders of VOC's layout: the source, or those in it (VOCdevkit/VOC2007, VOC2012)."""
    marks = ("Annotations", *FOLDERS)
    if any((source / mark).is_dir() for mark in marks):
        return [source]
    inner = [folder for folder in folders_of(source) if any((folder / mark).is_dir() for mark in marks)]
    return inner or [source]


def _around(file: Path) -> Path:
    """Return the folder of VOC's layout around a file, or that of the file."""
    return file.parents[1] if file.parent.name == "Annotations" else file.parent


def _labels(root: Path) -> Path:
    """Return the folder of the XML files."""
    return root / "Annotations" if (root / "Annotations").is_dir() else root


def _first_xml(root: Path) -> list[Path]:
    """Return the first XML files."""
    return list(walk(_labels(root), is_xml, 3))


def _masks(roots: list[Path]) -> bool:
    """Return whether one of the folders has masks."""
    return any(mask_folder(root) is not None for root in roots)


def _splits(root: Path, kind: str) -> dict[str, str]:
    """Return the split by image name from the lists, those of the kind before those of the others."""
    found: dict[str, str] = {}
    folders = sorted(folders_of(root / "ImageSets"), key=lambda folder: folder.name != kind)
    for folder in folders:
        for name in LISTS:
            file = folder / f"{name}.txt"
            text = file.read_text(encoding="utf-8-sig", errors="replace") if file.is_file() else ""
            for line in text.splitlines():
                if line.strip():
                    found.setdefault(line.split()[0], name)
    return found


def _split(stem: str, file: Path, source: Path, splits: dict[str, str]) -> str | None:
    """Return the split that a list, or else a folder, says."""
    return splits.get(stem) or split_of(relative_name(file.parent, [source, source.parent]))


def _image_folders(file: Path, root: Path, options: ReadOptions) -> list[Path]:
    """Return where the image of a label file may be."""
    if options.images is not None:
        return [options.images]
    beside = [root / name for name in IMAGE_FOLDERS if (root / name).is_dir()]
    return [*beside, file.parent]


def _read(
    file: Path, root: Path, source: Path, splits: dict[str, str], options: ReadOptions, report: Report
) -> Iterator[LabelledImage]:
    """Yield the image of one XML file; nothing when the file cannot be read."""
    try:
        content = next(pieces(file), None)
    except XmlError as error:
        report.add(f"damaged XML ({error.reason})", f"{file}: line {error.line}")
        return
    if content is None or content.tag != "annotation":
        report.note("XML file of another kind (not read)", str(file))
        return
    folders = _image_folders(file, root, options)
    path = _image_path(content.value("filename"), file, folders)
    shape = usable_shape(content.value("size/height"), content.value("size/width")) or header_shape(path)
    problems = Problems(report, str(path))
    found = [_object(entry, str(file), problems) for entry in content.all("object")]
    objects = tuple(item for item in found if item is not None)
    name, split = relative_name(path, [*folders, source]), _split(file.stem, file, source, splits)
    yield LabelledImage(name, shape, objects, path, split, complete=not problems.any)


def _image_path(name: str, file: Path, folders: list[Path]) -> Path:
    """Return the image that a file names; where there is none, one of the file's own name."""
    path = find_image(name or file.stem, folders)
    other = path if path.is_file() else find_image(file.stem, folders)
    return other if other.is_file() else path


def _object(entry: Element, file: str, problems: Problems) -> LabelledObject | None:
    """Return one object; difficult and truncated ones are objects like others."""
    where, label = f"{file}: line {entry.line}", entry.value("name")
    if not label:
        problems.add("object without a name", where)
        return None
    for part in entry.all("part"):
        problems.note("part of a body (not read)", f"{file}: line {part.line}")
    polygon, box = entry.find("polygon"), entry.find("bndbox")
    points = None if polygon is None else _points(polygon)
    corners = None if box is None else _box(box)
    if (polygon is not None and points is None) or (box is not None and corners is None):
        problems.add("malformed object", where)
        return None
    if points is None and corners is None:
        problems.add("object without a box", where)
        return None
    return LabelledObject(label, () if points is None else (points,), corners, where=where)


def _box(box: Element) -> tuple[float, float, float, float] | None:
    """Return the edges of a box, None when it is malformed."""
    edges = box_of(box.value(name) for name in ("xmin", "ymin", "xmax", "ymax"))
    if edges is None:
        return None
    # Some exporters count from 0: their first pixel is the border all the same
    x1, y1 = (0.0 if value == 0 else value - FIRST_PIXEL for value in edges[:2])
    return x1, y1, *edges[2:]


def _points(polygon: Element) -> np.ndarray | None:
    """Return an outline, written as x1, y1, x2, y2, ... by tools that add one; None when it is malformed."""
    pairs = [(polygon.value(f"x{n}"), polygon.value(f"y{n}")) for n in range(1, len(polygon.children) // 2 + 1)]
    points = outline([pair for pair in pairs if pair != ("", "")])
    return None if points is None else points - FIRST_PIXEL


def _read_masks(
    root: Path, source: Path, splits: dict[str, str], layer: Layer, options: ReadOptions, report: Report
) -> Iterator[LabelledImage]:
    """Yield the images of the masks, one at a time."""
    colors, names = class_colors(root, options), layer.names
    positions = {VOID: IGNORE, **{color: names.index(name) for name, color in colors.items() if name in names}}
    masks = mask_folder(root)
    if masks is None:
        return
    for file in walk(masks, is_png):
        folders = _image_folders(file, root, options)
        path = find_image(file.relative_to(masks).with_suffix("").as_posix(), folders)
        found = read_mask(file, positions, len(names))
        if found is None:
            report.add("damaged mask", str(file), str(path))
            continue
        (values, unknown), problems = found, Problems(report, str(path))
        for color in unknown:
            problems.add(f"colour or value {color} of no class in a mask", str(file))
        name, split = relative_name(path, [*folders, source]), _split(file.stem, file, source, splits)
        shape = (values.shape[0], values.shape[1])
        yield LabelledImage(name, shape, (), path, split, class_map=values, complete=not problems.any)
