"""CVAT for images 1.1: one `annotations.xml` (https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/)."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ClassVar
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from ayolom.data.convert._note import label_names
from ayolom.data.export._exporter import Exporter, ExportOptions
from ayolom.data.export._objects import objects_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ayolom.data.convert import LabelledImage, LabelledObject
    from ayolom.tasks.base import Task


class CvatExporter(Exporter):
    """Writes `annotations.xml` and `images/<split>/<name>`.

    In CVAT: create a task with these labels and the images of `images/` (their paths kept), then upload the file as
    "CVAT 1.1"; what CVAT exports as "CVAT for images 1.1" takes the place of the file for the import. The split stands
    in the names of the images, as a task of CVAT has one subset. The file is written as images come, so it is never in
    memory.
    """

    title: ClassVar[str] = "CVAT for images 1.1: one XML file, for correction by hand"
    one_list: ClassVar[bool] = True

    def __init__(self, root: Path, tasks: Sequence[Task], options: ExportOptions) -> None:
        """Make the folder and begin the file."""
        super().__init__(root, tasks, options)
        self.labels = label_names({task: names.values() for task, names in self.names.items()})
        self.count = 0
        self._stream = (root / "annotations.xml").open("x", encoding="utf-8", newline="\n")
        self._xml = XMLGenerator(self._stream, "utf-8", short_empty_elements=True)
        self._xml.startDocument()
        self._start("annotations")
        self._text("version", "1.1")
        self._describe()

    def add(self, image_file: Path, name: str, split: str, labels: Mapping[str, LabelledImage]) -> None:
        """Place an image and write its element."""
        target = self.root / "images" / split / PurePosixPath(name)
        self.place(image_file, target)
        self.list_image(target, labels)
        height, width = next(iter(labels.values())).shape
        sizes = {"width": str(width), "height": str(height)}
        self._start("image", id=str(self.count), name=f"{split}/{name}", **sizes)
        for task, image in labels.items():
            for item in objects_of(image, self.names[task], self.options.simplify):
                self._object(item, self.labels[task, item.label])
        self._xml.endElement("image")
        self._xml.characters("\n")
        self.count += 1

    def close(self, whole: bool = True) -> None:
        """End the file."""
        if whole:
            self._xml.endElement("annotations")
            self._xml.endDocument()
        self._stream.close()

    def _describe(self) -> None:
        """Write the labels, which CVAT reads when a project is made from the file."""
        for name in ("meta", "task", "labels"):
            self._start(name)
        for label in self.labels.values():
            self._start("label")
            self._text("name", label)
            self._text("attributes", "")
            self._xml.endElement("label")
        for name in ("labels", "task", "meta"):
            self._xml.endElement(name)
        self._xml.characters("\n")

    def _object(self, item: LabelledObject, label: str) -> None:
        """Write one object: its outlines, or its box where it has none."""
        common = {"label": label, "source": "file", "occluded": "0", "z_order": "0"}
        for outline in item.polygons:
            points = ";".join(f"{x:.2f},{y:.2f}" for x, y in outline)
            self._element("polygon", {**common, "points": points})
        if item.box is not None and not item.polygons:
            corners = zip(("xtl", "ytl", "xbr", "ybr"), item.box, strict=True)
            self._element("box", {**common, **{key: f"{value:.2f}" for key, value in corners}})

    def _element(self, name: str, attributes: dict[str, str]) -> None:
        """Write an element without content."""
        self._start(name, **attributes)
        self._xml.endElement(name)

    def _start(self, element: str, **attributes: str) -> None:
        """Open an element."""
        self._xml.startElement(element, AttributesImpl(attributes))

    def _text(self, name: str, text: str) -> None:
        """Write an element with text."""
        self._start(name)
        self._xml.characters(text)
        self._xml.endElement(name)
