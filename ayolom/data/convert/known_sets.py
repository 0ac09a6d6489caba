"""Published data sets and exports that are COCO, YOLO or VOC in folders of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ayolom.data.convert._files import folders_of
from ayolom.data.convert._format import Format
from ayolom.data.convert.coco_format import CocoFormat
from ayolom.data.convert.voc import VocFormat
from ayolom.data.convert.yolo_format import YoloFormat
from ayolom.data.walk import walk
from ayolom.errors import AyolomError
from ayolom.yaml_io import load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ayolom.data.convert._format import Layer, ReadOptions
    from ayolom.data.convert._values import LabelledImage, Report

ROBOFLOW_FILES = ("_annotations.coco.json", "README.roboflow.txt")
ROBOFLOW_SPLITS = ("train", "valid", "test")
ROBOFLOW_MARK = ".rf."  # in the name of every image: {stem}_{ending}.rf.{hash}.jpg


class _Inner(Format):
    """A format whose labels are of another one, with a layer that has a better name or kind."""

    layer: ClassVar[str]
    kind: ClassVar[str]
    reader: ClassVar[type[Format]]

    def inner(self, source: Path) -> Format:
        """Return the reader of the labels."""
        return self.reader()

    def root(self, source: Path) -> Path:
        """Return the folder that this reader takes."""
        return source

    def prepared(self, source: Path, options: ReadOptions) -> ReadOptions:
        """Return the options for this reader."""
        return options

    def layers(self, source: Path, options: ReadOptions) -> tuple[Layer, ...]:
        """Return the layers; the only one has the name that the data set gives it."""
        root = self._recognised(source)
        found = self.inner(root).layers(root, self.prepared(root, options))
        return tuple(replace(layer, name=self._renamed(layer.name, len(found)), kind=self.kind) for layer in found)

    def read(self, source: Path, layer: Layer, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
        """Yield the images of one layer."""
        root = self._recognised(source)
        reader, options = self.inner(root), self.prepared(root, options)
        found = reader.layers(root, options)
        theirs = next(entry for entry in found if self._renamed(entry.name, len(found)) == layer.name)
        yield from reader.read(root, theirs, options, report)

    def _renamed(self, name: str, count: int) -> str:
        """Return our name for a layer."""
        return self.layer if count == 1 else name

    def _recognised(self, source: Path) -> Path:
        """Return the folder to read, after a check that the source is of this kind."""
        if not self.recognises(source):
            raise AyolomError(f"{source}: is not laid out as {self.title}; give the folder that it unpacks to")
        return self.root(source)


class CarDdFormat(_Inner):
    """CarDD (https://cardd-ustc.github.io): COCO in `CarDD_COCO`; the masks in `CarDD_SOD` tell no classes."""

    name: ClassVar[str] = "cardd"
    title: ClassVar[str] = "CarDD (kinds of damage)"
    layer: ClassVar[str] = "damage"
    kind: ClassVar[str] = "detect"
    reader: ClassVar[type[Format]] = CocoFormat

    def recognises(self, source: Path) -> bool:
        """Return whether a folder is CarDD_COCO, or has it in it."""
        root = self.root(source)
        named = root.name.lower().startswith("cardd")
        return named and (root / "annotations").is_dir() and CocoFormat().recognises(root / "annotations")

    def root(self, source: Path) -> Path:
        """Return the folder of the COCO files, which unpacked archives hold one or two folders deeper."""
        inner = (source / folder / "CarDD_COCO" for folder in (".", "CarDD_release", "CarDD_release/CarDD_release"))
        return next((folder for folder in inner if folder.is_dir()), source)


class DsmlrFormat(_Inner):
    """DSMLR car parts (https://github.com/dsmlr/Car-Parts-Segmentation): `annotations.json` beside `JPEGImages`."""

    name: ClassVar[str] = "dsmlr"
    title: ClassVar[str] = "DSMLR Car-Parts-Segmentation"
    layer: ClassVar[str] = "parts"
    kind: ClassVar[str] = "semantic"
    reader: ClassVar[type[Format]] = CocoFormat

    def recognises(self, source: Path) -> bool:
        """Return whether a folder, or `trainingset` or `testset` in it, has COCO beside JPEGImages."""
        folders = [source, source / "trainingset", source / "testset"]
        files = [folder / "annotations.json" for folder in folders if (folder / "JPEGImages").is_dir()]
        return any(file.is_file() and CocoFormat().recognises(file) for file in files)


class CarPartsSegFormat(_Inner):
    """The base's car parts (https://docs.ultralytics.com/datasets/segment/carparts-seg), whose archive has no names."""

    name: ClassVar[str] = "carparts-seg"
    title: ClassVar[str] = "Ultralytics carparts-seg"
    layer: ClassVar[str] = "parts"
    kind: ClassVar[str] = "semantic"
    reader: ClassVar[type[Format]] = YoloFormat

    def recognises(self, source: Path) -> bool:
        """Return whether a folder of that name, or with the YAML file of that name, has labels of YOLO."""
        named = source.name.lower().startswith("carparts-seg") or (source / "carparts-seg.yaml").is_file()
        return source.is_dir() and named and YoloFormat().recognises(source)

    def prepared(self, source: Path, options: ReadOptions) -> ReadOptions:
        """Return the options with the names that the base knows, where the folder has no YAML file."""
        if options.names or any(path.suffix in {".yaml", ".yml"} for path in source.iterdir()):
            return options
        from ultralytics.cfg import __file__ as base

        names = load_yaml(Path(base).parent / "datasets" / "carparts-seg.yaml")["names"]
        return replace(options, names=tuple(names[number] for number in sorted(names)))


class RoboflowFormat(_Inner):
    """An export of Roboflow (https://docs.roboflow.com): COCO, YOLO or VOC in `train`, `valid` and `test`.

    Its images are renamed, and there may be several augmented copies of one: split by what is before `.rf.`.
    """

    name: ClassVar[str] = "roboflow"
    title: ClassVar[str] = "Roboflow export (COCO, YOLO, VOC)"
    layer: ClassVar[str] = "objects"
    kind: ClassVar[str] = "detect"

    def recognises(self, source: Path) -> bool:
        """Return whether Roboflow's own files are there, or its mark in the names of images in its folders."""
        if not source.is_dir():
            return False
        folders = [source, *folders_of(source)]
        named = any((folder / name).is_file() for folder in folders for name in ROBOFLOW_FILES)
        splits = [source / name for name in ROBOFLOW_SPLITS]
        marked = named or any(ROBOFLOW_MARK in file.name for folder in splits for file in walk(folder, _is_any, 5))
        return marked and self._found(source) is not None

    def inner(self, source: Path) -> Format:
        """Return the reader of the labels."""
        found = self._found(source)
        if found is None:
            raise AyolomError(f"{source}: holds no labels; export them with the images as COCO or YOLO")
        return found

    def _found(self, source: Path) -> Format | None:
        """Return the format of the labels, None when there are none."""
        return next((reader for reader in (CocoFormat(), VocFormat(), YoloFormat()) if reader.recognises(source)), None)


def _is_any(name: str) -> bool:
    """Return that any file counts."""
    return True
