"""LabelMe: a JSON file beside each image, with rectangles and polygons in pixels (https://github.com/wkentaro/labelme)."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

from ayolom.data.convert._note import label_names
from ayolom.data.export._exporter import Exporter, ExportOptions
from ayolom.data.export._objects import objects_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ayolom.data.convert import LabelledImage, LabelledObject
    from ayolom.tasks.base import Task

VERSION = "5.5.0"  # of the file's format; later versions of LabelMe read it


class LabelmeExporter(Exporter):
    """Writes `<split>/<name>` and `<split>/<name>.json`, and `labels.txt`, which LabelMe takes with `--labels`.

    The task of a shape stands in its description, for people; the import goes by labels, which new shapes have as well.
    """

    title: ClassVar[str] = "LabelMe: a JSON file beside each image, for correction by hand"
    one_list: ClassVar[bool] = True

    def __init__(self, root: Path, tasks: Sequence[Task], options: ExportOptions) -> None:
        """Make the folder and the list of labels."""
        super().__init__(root, tasks, options)
        self.labels = label_names({task: names.values() for task, names in self.names.items()})
        lines = ["__ignore__", *self.labels.values()]
        (root / "labels.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def add(self, image_file: Path, name: str, split: str, labels: Mapping[str, LabelledImage]) -> None:
        """Place an image and write its shapes."""
        target = self.root / split / PurePosixPath(name)
        self.place(image_file, target)
        self.list_image(target, labels)
        shapes: list[dict[str, Any]] = []
        for task, image in labels.items():
            for item in objects_of(image, self.names[task], self.options.simplify):
                shapes += _shapes(item, self.labels[task, item.label], task, group=len(shapes))
        height, width = next(iter(labels.values())).shape
        content: dict[str, Any] = {
            "version": VERSION,
            "flags": {},
            "shapes": shapes,
            "imagePath": target.name,
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        target.with_suffix(".json").write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def _shapes(item: LabelledObject, label: str, task: str, group: int) -> list[dict[str, Any]]:
    """Return the shapes of one object: its outlines, held together by a group, or its box where it has none."""
    x1, y1, x2, y2 = item.box or (0.0, 0.0, 0.0, 0.0)
    outlines = [outline.round(2).tolist() for outline in item.polygons]
    corners = [[round(x1, 2), round(y1, 2)], [round(x2, 2), round(y2, 2)]]
    return [
        {
            "label": label,
            "points": points,
            "group_id": group if len(outlines) > 1 else None,
            "description": task,
            "shape_type": "polygon" if outlines else "rectangle",
            "flags": {},
            "mask": None,
        }
        for points in outlines or [corners]
    ]
