"""CVAT XML 1.1 for images: boxes, polygons, ellipses and run-length masks of a task or a project.

The format: https://docs.cvat.ai/docs/other/xml_format.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, ClassVar
from zipfile import BadZipFile, ZipFile

from ayolom.data.convert._cvat_labels import labelled_object
from ayolom.data.convert._files import find_image, folders_of, is_xml, relative_name, safe_name
from ayolom.data.convert._format import Format, Layer
from ayolom.data.convert._problems import Problems
from ayolom.data.convert._shapes import merged
from ayolom.data.convert._sizes import usable_shape
from ayolom.data.convert._splits import split_of
from ayolom.data.convert._values import LabelledImage, Report
from ayolom.data.convert._xml import Element, XmlError, pieces, root_tag
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ayolom.data.convert._format import ReadOptions

LOOKED_AT = 50  # images that say whether a source holds outlines
OUTLINES = frozenset({"polygon", "mask", "ellipse"})


class CvatFormat(Format):
    """An `annotations.xml`, or a folder with one or with subfolders that have one each."""

    name: ClassVar[str] = "cvat"
    title: ClassVar[str] = "CVAT XML 1.1 for images"
    one_list: ClassVar[bool] = True

    def recognises(self, source: Path) -> bool:
        """Return whether the first XML files have CVAT's root, or a zip holds an annotations.xml."""
        return _is_zip(source) or any(root_tag(file) == "annotations" for file in _files(source)[:3])

    def layers(self, source: Path, options: ReadOptions) -> tuple[Layer, ...]:
        """Return the one layer of the objects; its names are those of the project, in its order."""
        names: dict[str, None] = {}
        outlined = False
        for file in _usable(source):
            for element in _first(file):
                names.update(dict.fromkeys(_names(element)))
                outlined |= any(child.tag in OUTLINES for child in element.children)
        listed = options.names or (() if options.attribute else tuple(names))
        return (Layer("objects", "semantic" if outlined else "detect", listed),)

    def read(self, source: Path, layer: Layer, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
        """Yield the images, one at a time."""
        for file in _usable(source):
            for element in _pieces(file, report):
                if element.tag == "image":
                    yield from _image(element, file, options, report)


def _is_zip(source: Path) -> bool:
    """Return whether a file is an archive as CVAT exports it."""
    if source.suffix.lower() != ".zip" or not source.is_file():
        return False
    try:
        with ZipFile(source) as archive:
            return any(name.endswith("annotations.xml") for name in archive.namelist())
    except (BadZipFile, OSError):
        return False


def _files(source: Path) -> list[Path]:
    """Return the XML files of a source: the file itself, those of the folder, or of the folders in it."""
    if source.is_file():
        return [source] if source.suffix.lower() == ".xml" else []
    folders = [source, *folders_of(source)]
    return [file for folder in folders for file in sorted(folder.glob("*")) if is_xml(file.name)]


def _usable(source: Path) -> list[Path]:
    """Return the annotation files.

    Raises:
        AyolomError: There is none, or one of a kind that cannot be read.
    """
    if _is_zip(source):
        raise AyolomError(f"{source}: is a zip; unpack it and give the folder")
    files = [file for file in _files(source) if root_tag(file) == "annotations"]
    if not files:
        raise AyolomError(
            f"{source}: holds no CVAT XML (a file whose first element is <annotations>); in CVAT export the task "
            "as 'CVAT for images 1.1' and unpack the zip"
        )
    for file in files:
        if _is_video(file):
            raise AyolomError(
                f"{file}: holds tracks of a video, which name no images; in CVAT export as 'CVAT for images 1.1'"
            )
    return files


def _is_video(file: Path) -> bool:
    """Return whether the first thing after the head of a file is a track."""
    return next((element.tag for element in _first(file) if element.tag in {"image", "track"}), "") == "track"


def _first(file: Path) -> Iterator[Element]:
    """Yield the head and the first images of a file; damage is left for `read` to report."""
    return islice(_pieces(file, Report()), LOOKED_AT)


def _pieces(file: Path, report: Report) -> Iterator[Element]:
    """Yield what is directly in a file's root, up to its end or the place where it is damaged."""
    try:
        yield from pieces(file, depth=1)
    except XmlError as error:
        report.add(f"damaged XML ({error.reason}): the rest is not read", f"{file}: line {error.line}")


def _names(element: Element) -> list[str]:
    """Return the class names in the head of a file; parts of a skeleton are no classes of their own."""
    if element.tag != "meta":
        return []
    labels = [found for child in element.children if (found := child.find("labels")) is not None]
    entries = [label for listed in labels for label in listed.all("label") if label.find("parent") is None]
    return [name for label in entries if (name := label.value("name"))]


def _image(element: Element, file: Path, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
    """Yield one image; nothing when it has no name or size."""
    name = element.attributes.get("name", "")
    shape = usable_shape(element.attributes.get("height"), element.attributes.get("width"))
    if not name or shape is None:
        report.add("image without a name or size", f"{file}: line {element.line}", name)
        return
    subset = element.attributes.get("subset", "")
    roots = [options.images] if options.images else [file.parent / "images", file.parent]
    folders = [folder for root in roots for folder in (root / subset, root) if _is_plain(subset)] or roots
    path = find_image(name, folders)
    file_name = relative_name(path, roots)
    problems, found = Problems(report, str(path)), []
    for child in element.children:
        item = labelled_object(child, f"{file}: line {child.line}", shape, options.attribute, problems)
        if item is not None:
            group = child.attributes.get("group_id", "0")
            found.append((None if group in {"", "0"} else group, item))
    split = split_of(subset) or split_of(str(safe_name(name).parent)) or split_of(file.parent.name)
    yield LabelledImage(file_name, shape, merged(found, shape), path, split, complete=not problems.any)


def _is_plain(subset: str) -> bool:
    """Return whether a subset's name can be a folder's."""
    return subset not in {"..", "."} and not any(sign in subset for sign in "/\\:")
