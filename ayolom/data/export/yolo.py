"""YOLO text with a `data.yaml` for the base (https://docs.ultralytics.com/datasets/)."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ClassVar

import yaml

from ayolom.data.export._exporter import Exporter, ExportOptions
from ayolom.data.export._objects import objects_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ayolom.data.convert import LabelledImage, LabelledObject
    from ayolom.tasks.base import Task


class YoloExporter(Exporter):
    """Writes `images/<split>`, `labels/<split>` and `data.yaml`, for several tasks in a folder for each.

    Only images that are labelled for the task are there, as the base takes a missing text file for "nothing there".
    Class ids run from 0 in the order of the classes, background left out. An object with several outlines becomes
    several rows, as the format has no other way.
    """

    title: ClassVar[str] = "YOLO text and data.yaml, a set for each task"

    def __init__(self, root: Path, tasks: Sequence[Task], options: ExportOptions) -> None:
        """Make the folders."""
        super().__init__(root, tasks, options)
        self.roots = {task.name: root if len(tasks) == 1 else root / task.name for task in tasks}
        self.ids = {task: {name: i for i, name in enumerate(names.values())} for task, names in self.names.items()}
        self.splits: dict[str, dict[str, None]] = {task.name: {} for task in tasks}

    def add(self, image_file: Path, name: str, split: str, labels: Mapping[str, LabelledImage]) -> None:
        """Place an image and write its rows, for each task that it is labelled for."""
        for task, image in labels.items():
            self.splits[task][split] = None
            self.place(image_file, self.roots[task] / "images" / split / PurePosixPath(name))
            rows = [
                f"{self.ids[task][item.label]} " + " ".join(f"{value:.6f}" for value in row) + "\n"
                for item in objects_of(image, self.names[task], self.options.simplify)
                for row in _rows(item, image.shape)
            ]
            file = (self.roots[task] / "labels" / split / PurePosixPath(name)).with_suffix(".txt")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(rows), encoding="utf-8")

    def close(self, whole: bool = True) -> None:
        """Write the `data.yaml` of each task."""
        for task, root in self.roots.items():
            if not whole or not self.splits[task]:
                continue
            # The base demands both; where one is missing the other stands in.
            present = list(self.splits[task])
            splits = {split: f"images/{split if split in present else present[0]}" for split in ("train", "val")}
            splits |= {split: f"images/{split}" for split in present}
            names = {i: name for name, i in self.ids[task].items()}
            text = yaml.safe_dump({**splits, "names": names}, sort_keys=False, allow_unicode=True, width=120)
            (root / "data.yaml").write_text(text, encoding="utf-8")


def _rows(item: LabelledObject, shape: tuple[int, int]) -> list[list[float]]:
    """Return the numbers of an object's rows: outlines, or a box, in fractions of the image of (H, W)."""
    height, width = shape
    if item.polygons:
        return [(outline / (width, height)).clip(0, 1).ravel().tolist() for outline in item.polygons]
    x1, y1, x2, y2 = item.box or (0.0, 0.0, 0.0, 0.0)
    return [[(x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height]]
