"""COCO JSON, a file for each task and split (https://cocodataset.org/#format-data)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

import numpy as np

from ayolom.data.convert._geometry import polygon_area
from ayolom.data.export._exporter import Exporter, ExportOptions
from ayolom.data.export._objects import objects_of
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ayolom.data.convert import LabelledImage, LabelledObject
    from ayolom.tasks.base import Task


class CocoExporter(Exporter):
    """Writes `images/<split>/<name>` and `annotations/<task>_<split>.json`; file names are below `images/<split>`.

    An image stands in the file of a task only when it is labelled for it. Category ids run from 1 in the order of the
    classes, background left out. Images and annotations go to two files that are joined at the end, so neither is ever
    in memory.
    """

    title: ClassVar[str] = "COCO JSON, one file for each task and split"

    def __init__(self, root: Path, tasks: Sequence[Task], options: ExportOptions) -> None:
        """Make the folder.

        Raises:
            AyolomError: Run lengths are wanted and pycocotools is not installed.
        """
        super().__init__(root, tasks, options)
        self._encode = _encoder() if options.segmentation == "rle" else None
        self._files: dict[tuple[str, str], _CocoFile] = {}

    def add(self, image_file: Path, name: str, split: str, labels: Mapping[str, LabelledImage]) -> None:
        """Place an image and list it with its annotations, in the files of its tasks."""
        self.place(image_file, self.root / "images" / split / PurePosixPath(name))
        for task, image in labels.items():
            if (task, split) not in self._files:
                target = self.root / "annotations" / f"{task}_{split}.json"
                self._files[task, split] = _CocoFile(target, tuple(self.names[task].values()), task)
            file = self._files[task, split]
            number = file.image(name, image.shape)
            as_mask = self._encode is not None
            for item in objects_of(image, self.names[task], self.options.simplify, as_mask):
                file.annotation(number, item, self._segmentation(item))

    def close(self, whole: bool = True) -> None:
        """Join and close the files."""
        for file in self._files.values():
            file.close(whole)

    def _segmentation(self, item: LabelledObject) -> Any:
        """Return what COCO says of an object's outline: polygons, run lengths, or an empty list for a box."""
        if item.mask is not None and self._encode is not None:
            return self._encode(item.mask)
        return [outline.round(2).ravel().tolist() for outline in item.polygons]


class _CocoFile:
    """One JSON file under construction."""

    def __init__(self, target: Path, categories: tuple[str, ...], supercategory: str) -> None:
        """Begin the two lists."""
        target.parent.mkdir(parents=True, exist_ok=True)
        self.target, self.supercategory = target, supercategory
        self.categories = {name: number for number, name in enumerate(categories, 1)}
        self.images, self.annotations = 0, 0
        self._parts = [target.with_suffix(suffix) for suffix in (".images", ".annotations")]
        self._streams: list[TextIO] = [part.open("x", encoding="utf-8") for part in self._parts]

    def image(self, name: str, shape: tuple[int, int]) -> int:
        """List an image of (H, W) and return its id."""
        self.images += 1
        self._write(0, self.images, {"id": self.images, "file_name": name, "height": shape[0], "width": shape[1]})
        return self.images

    def annotation(self, image: int, item: LabelledObject, segmentation: Any) -> None:
        """List an object."""
        x1, y1, x2, y2 = item.box or _bounds(item)
        self.annotations += 1
        entry = {
            "id": self.annotations,
            "image_id": image,
            "category_id": self.categories[item.label],
            "bbox": [round(value, 2) for value in (x1, y1, x2 - x1, y2 - y1)],
            "area": round(_area(item, (x2 - x1) * (y2 - y1)), 2),
            "segmentation": segmentation,
            "iscrowd": int(item.crowd),
        }
        self._write(1, self.annotations, entry)

    def close(self, whole: bool) -> None:
        """Join the lists where the export is whole."""
        for stream in self._streams:
            stream.close()
        if not whole:
            return
        listed = [
            {"id": number, "name": name, "supercategory": self.supercategory}
            for name, number in self.categories.items()
        ]
        with self.target.open("x", encoding="utf-8") as file:
            file.write('{"images": [')
            self._append(file, 0)
            file.write('],\n"annotations": [')
            self._append(file, 1)
            file.write('],\n"categories": ' + json.dumps(listed, ensure_ascii=False) + "}\n")
        for part in self._parts:
            part.unlink()

    def _write(self, part: int, number: int, entry: dict[str, Any]) -> None:
        """Append an entry to a list."""
        self._streams[part].write(("\n" if number == 1 else ",\n") + json.dumps(entry, ensure_ascii=False))

    def _append(self, file: TextIO, part: int) -> None:
        """Append what was listed."""
        with self._parts[part].open(encoding="utf-8") as listed:
            shutil.copyfileobj(listed, file)


def _bounds(item: LabelledObject) -> tuple[float, float, float, float]:
    """Return the box round the outlines of an object."""
    points = np.concatenate(item.polygons)
    return (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())


def _area(item: LabelledObject, box: float) -> float:
    """Return the area of an object in pixels: of its mask, its outlines, or its box."""
    if item.mask is not None:
        return float(item.mask.sum())
    return sum(map(polygon_area, item.polygons)) if item.polygons else box


def _encoder() -> Any:
    """Return a function from masks to compressed run lengths."""
    try:
        from pycocotools import mask  # type: ignore[import-untyped]
    except ImportError:
        raise AyolomError('segmentation=rle needs pycocotools: pip install "ayolom[data]"') from None

    def encode(region: np.ndarray) -> dict[str, Any]:
        packed = mask.encode(np.asfortranarray(region, dtype=np.uint8))
        return {"size": [int(side) for side in packed["size"]], "counts": packed["counts"].decode("ascii")}

    return encode
