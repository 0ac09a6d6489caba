"""The layout of A-YOLOM: images in one folder, and a folder of labels for each task beside it.

The layout: https://github.com/JiayuanWang-JW/YOLOv8-multi-task (README, "Data preparation"): `images/train2017`,
`detection-object/labels/train2017`, `seg-drivable-10/labels/train2017`, ... Names of tasks have "det" or "seg" in them;
the number at the end of a "seg" is the class that it labels. Other data sets came with other classes in this layout.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ayolom.data.convert._colors import classes_of_values, read_palette_png
from ayolom.data.convert._files import find_image, folders_of, is_png, relative_name
from ayolom.data.convert._format import Format, Layer
from ayolom.data.convert._problems import Problems
from ayolom.data.convert._sizes import UNKNOWN_SHAPE, header_shape
from ayolom.data.convert._splits import split_of
from ayolom.data.convert._values import LabelledImage
from ayolom.data.convert.yolo import parse_yolo
from ayolom.data.walk import walk
from ayolom.errors import AyolomError
from ayolom.yaml_io import load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ayolom.data.convert._format import ReadOptions
    from ayolom.data.convert._values import Report

TASK = re.compile(r"det|seg", re.IGNORECASE)
NUMBER = re.compile(r"-(\d+)$")
PUBLISHED = frozenset({"detection-object", "seg-drivable", "seg-lane", "seg-drivable-10", "seg-lane-11"})
NAMES = (
    "person", "rider", "car", "bus", "truck", "bike", "motor", "traffic light", "traffic sign", "train", "drivable",
    "lane",
)  # fmt: skip # of the published data, where no YAML file says more


class AyolomLayoutFormat(Format):
    """A folder with `images` and folders of tasks, each with `labels`."""

    name: ClassVar[str] = "ayolom"
    title: ClassVar[str] = "A-YOLOM's folders (detection-object, seg-drivable-10, seg-lane-11)"

    def recognises(self, source: Path) -> bool:
        """Return whether a folder has images and a folder of labels for a task."""
        return source.is_dir() and (source / "images").is_dir() and bool(_tasks(source))

    def layers(self, source: Path, options: ReadOptions) -> tuple[Layer, ...]:
        """Return a layer for each task's folder."""
        if not source.is_dir() or not _tasks(source):
            raise AyolomError(
                f"{source}: holds no folders of tasks (names with 'det' or 'seg', each with labels/); give the folder "
                "around them"
            )
        names = _names(source, options)
        numbers = {number for folder in _tasks(source) if (number := _number(folder)) is not None}
        return tuple(_layer(folder, names, numbers) for folder in _tasks(source))

    def read(self, source: Path, layer: Layer, options: ReadOptions, report: Report) -> Iterator[LabelledImage]:
        """Yield the images that have a label file of the task, one at a time."""
        labels, images = source / layer.name / "labels", options.images or source / "images"
        names = _names(source, options)
        maps = _has_maps(labels.parent)
        for file in walk(labels, is_png if maps else _is_text):
            path = find_image(file.relative_to(labels).with_suffix("").as_posix(), [images])
            split = split_of(file.relative_to(labels).parent)
            if maps:
                yield from _read_map(file, path, images, split, layer, report)
            else:
                yield _read_text(file, path, images, split, names, report)


def _is_text(name: str) -> bool:
    """Return whether a file's name ends like a text's."""
    return name.lower().endswith(".txt")


def _tasks(source: Path) -> list[Path]:
    """Return the folders of the tasks."""
    return [folder for folder in folders_of(source) if TASK.search(folder.name) and (folder / "labels").is_dir()]


def _number(folder: Path) -> int | None:
    """Return the only class of a folder of masks; None where it has several, or boxes, whatever its name ends with."""
    found = NUMBER.search(folder.name) if re.search("seg", folder.name, re.IGNORECASE) else None
    return None if found is None else int(found[1])


def _has_maps(folder: Path) -> bool:
    """Return whether a task's labels are class maps instead of text."""
    text = next(walk(folder / "labels", _is_text, 1), None)
    return text is None and next(walk(folder / "labels", is_png, 1), None) is not None


def _names(source: Path, options: ReadOptions) -> tuple[str, ...]:
    """Return the class names of all tasks by id: the user's, those of a YAML file, or those of the published data.

    A file with `labels_list`, which is A-YOLOM's own, goes before others.
    """
    if options.names:
        return options.names
    files = sorted(path for path in source.iterdir() if path.suffix.lower() in {".yaml", ".yml"})
    read = [(content, file) for file in files if (content := load_yaml(file)).get("names")]
    for content, file in sorted(read, key=lambda pair: "labels_list" not in pair[0]):
        names = content["names"]
        if isinstance(names, (dict, list)):
            return tuple(map(str, names)) if isinstance(names, list) else _listed(names, file)
    if all(folder.name in PUBLISHED for folder in _tasks(source)):
        return NAMES
    raise AyolomError(
        f"{source}: no YAML file tells the class names (looked for one with names:); put the one that belongs to the "
        "data there, or give names= in the order of the ids"
    )


def _listed(names: dict[object, object], file: Path) -> tuple[str, ...]:
    """Return names by id as a tuple."""
    if sorted(names, key=str) != sorted(range(len(names)), key=str):
        raise AyolomError(f"{file}: names: ids must run from 0 without gaps; mend the file or give names=")
    return tuple(str(names[number]) for number in range(len(names)))


def _layer(folder: Path, names: tuple[str, ...], numbers: set[int]) -> Layer:
    """Return the layer of a task's folder: one class where its name ends with a number, else all without a number."""
    number = _number(folder)
    if number is None:
        own = tuple(name for other, name in enumerate(names) if other not in numbers)
    elif number < len(names):
        own = (names[number],)
    else:
        raise AyolomError(f"{folder}: is the task of class {number}, but there are {len(names)} names; give names=")
    if not re.search("seg", folder.name, re.IGNORECASE):
        return Layer(folder.name, "detect", own)
    return Layer(folder.name, "semantic", own if number is None or not _has_maps(folder) else ("background", *own))


def _read_text(
    file: Path, path: Path, images: Path, split: str | None, names: tuple[str, ...], report: Report
) -> LabelledImage:
    """Return the image of one text file."""
    shape, problems = header_shape(path), Problems(report, str(path))
    name = relative_name(path, [images])
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        problems.add("label file is no UTF-8 text", f"{file}: whole file")
        return LabelledImage(name, shape, (), path, split, complete=False)
    wanted = shape if shape != UNKNOWN_SHAPE else (1, 1)  # a missing image is reported by the import
    objects = parse_yolo(text, names, wanted, file, problems)
    return LabelledImage(name, shape, objects, path, split, complete=not problems.any)


def _read_map(
    file: Path, path: Path, images: Path, split: str | None, layer: Layer, report: Report
) -> Iterator[LabelledImage]:
    """Yield the image of one class map; of a task with one class everything but 0 is that."""
    stored = read_palette_png(file)
    if stored is None or stored[0].ndim != 2:
        report.add("class map that cannot be read", str(file), str(path))
        return
    values, problems = stored[0], Problems(report, str(path))
    if NUMBER.search(layer.name):
        values = (values > 0).astype(np.uint8)
    values, strange = classes_of_values(values, len(layer.names))
    if strange:
        problems.add(f"values {strange} of no class in a class map", str(file))
    shape, name = (values.shape[0], values.shape[1]), relative_name(path, [images])
    yield LabelledImage(name, shape, (), path, split, class_map=values, complete=not problems.any)
