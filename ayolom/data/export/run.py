"""A data set written in another format: the whole of it or nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ultralytics.utils import TQDM

from ayolom.data.entries import in_order, tasks_of
from ayolom.data.export._exporter import Exporter, ExportOptions
from ayolom.data.export._folder import new_folder
from ayolom.data.export._names import named_images
from ayolom.data.export._objects import IGNORE, labelled_image
from ayolom.data.export.coco import CocoExporter
from ayolom.data.export.cvat import CvatExporter
from ayolom.data.export.labelme import LabelmeExporter
from ayolom.data.export.masks import MaskExporter
from ayolom.data.export.yolo import YoloExporter
from ayolom.data.images import image_shape
from ayolom.errors import AyolomError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ayolom.data.convert import LabelledImage
    from ayolom.data.schema import DataSchema
    from ayolom.tasks.base import Task

EXPORTERS: dict[str, type[Exporter]] = {
    "coco": CocoExporter,
    "yolo": YoloExporter,
    "masks": MaskExporter,
    "labelme": LabelmeExporter,
    "cvat": CvatExporter,
}


@dataclass
class Exported:
    """What an export did.

    Attributes:
        images: Images by (task, split).
        problems: A line for each image or label file that cannot be used.
        unlabelled: Images left out, as they are labelled for none of the tasks.
        ignored: By task, images with pixels that teach nothing; only mask folders can say so.
    """

    images: Counter[tuple[str, str]] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    unlabelled: int = 0
    ignored: Counter[str] = field(default_factory=Counter)


def export_dataset(
    schema: DataSchema,
    out: Path,
    form: str,
    tasks: Sequence[str] = (),
    splits: Sequence[str] = (),
    options: ExportOptions | None = None,
) -> Exported:
    """Write a data set in another format.

    Images come one after the other and nothing is kept of them; the folder appears when all are done.

    Args:
        schema: The data set.
        out: Folder to make; it must not exist, or be empty.
        form: Key of `EXPORTERS`.
        tasks: Names of the tasks; empty for all that the format can hold.
        splits: Splits; empty for all.
        options: How; the defaults when None.

    Raises:
        AyolomError: The folder is in use, the format does not hold a task's labels, or there is nothing to export.
    """
    chosen = chosen_tasks(schema, form, tasks)
    images = named_images(schema, splits)
    result = Exported()
    with new_folder(out) as folder, EXPORTERS[form](folder, chosen, options or ExportOptions()) as writer:
        found = in_order(lambda image: _read(image[1], chosen, schema.root), images)
        bar = TQDM(found, desc=f"{form}: writing", total=len(images))
        for (split, file, name), (labels, problems) in zip(images, bar, strict=True):
            _count(result, split, labels, problems)
            if labels:
                writer.add(Path(file), name, split, labels)
        if not result.images:
            listed = ", ".join(task.name for task in chosen)
            raise AyolomError(f"{schema.label}: no image is labelled for {listed}; nothing was written")
    return result


def chosen_tasks(schema: DataSchema, form: str, names: Sequence[str] = ()) -> list[Task]:
    """Return the tasks to export.

    Args:
        schema: The data set.
        form: Key of `EXPORTERS`.
        names: Names of the tasks; empty for all that the format can hold.

    Raises:
        AyolomError: There is no such task, or the format does not hold its labels.
    """
    for name in names:
        if name not in schema.tasks:
            raise AyolomError(
                f"{schema.label}: has no task '{name}'.{nearest(name, schema.tasks)} Tasks are "
                + ", ".join(schema.tasks)
            )
    tasks = tasks_of(schema, names or None)
    fitting = [task for task in tasks if task.planes or not EXPORTERS[form].masks_only]
    if not fitting or (names and len(fitting) < len(tasks)):
        unfit = next(task for task in tasks if task not in fitting)
        raise AyolomError(f"{schema.label}: task {unfit.name} has boxes and no masks; export it as coco or yolo")
    return fitting


def _read(image_file: str, tasks: Sequence[Task], root: Path) -> tuple[dict[str, LabelledImage], list[str]]:
    """Return the labels of an image by task, and what is wrong with it or with them."""
    try:
        shape = image_shape(image_file)
    except AyolomError as error:
        return {}, [str(error)]
    labels, problems = {}, []
    for task in tasks:
        label_file = task.label_file(image_file, root)
        if not label_file.exists():
            continue
        try:
            labels[task.name] = labelled_image(task, label_file, Path(image_file), shape)
        except (AyolomError, OSError, ValueError) as error:
            problems.append(str(error) if isinstance(error, AyolomError) else f"{label_file}: {error}")
    return labels, problems


def _count(result: Exported, split: str, labels: dict[str, LabelledImage], problems: list[str]) -> None:
    """Add one image to what the export did."""
    result.problems += problems
    result.unlabelled += not labels and not problems
    for task, image in labels.items():
        result.images[task, split] += 1
        result.ignored[task] += image.class_map is not None and bool((image.class_map == IGNORE).any())
