"""`yolo data export`: a data set in the format of another tool."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

from ayolom.commands._command import Command, Option, choice, flag, number, path, text, words
from ayolom.commands._unused import unused

if TYPE_CHECKING:
    from pathlib import Path

    from ayolom.data.export import Exported

FORMATS = ("coco", "yolo", "masks", "labelme", "cvat")


def run(
    data: str,
    format: Literal["coco", "yolo", "masks", "labelme", "cvat"],  # noqa: A002 (the name of the option)
    out: Path,
    task: tuple[str, ...],
    split: tuple[str, ...],
    place: Literal["copy", "link"],
    segmentation: Literal["polygon", "rle"],
    simplify: float,
    palette: bool,
    dry_run: bool,
) -> int:
    """Export, or say what would be exported."""
    from ultralytics.utils import LOGGER

    from ayolom.data.export import ExportOptions, chosen_tasks, export_dataset, named_images
    from ayolom.data.schema import load_schema

    schema = load_schema(data)
    if dry_run:
        tasks = ", ".join(one.name for one in chosen_tasks(schema, format, task))
        counts = Counter(one for one, *_ in named_images(schema, split))
        listed = ", ".join(f"{one} {count}" for one, count in counts.items())
        LOGGER.info(f"would export {tasks} as {format} to {out}: {listed} images, those without a label left out")
        return 0
    options = ExportOptions(place, simplify, segmentation, palette)
    result = export_dataset(schema, out, format, task, split, options)
    LOGGER.info(_told(result, out, format))
    return 0


def _told(result: Exported, out: Path, form: str) -> str:
    """Return what was exported and what was not."""
    lines = [f"{out}: {form}"]
    lines += [f"  {task} {split}: {count} images" for (task, split), count in result.images.items()]
    if result.unlabelled:
        lines.append(f"  left out: {result.unlabelled} images that are labelled for none of these tasks")
    if form != "masks":
        lines += [
            f"  {task}: {count} images have pixels that teach nothing; {form} cannot say so: background there"
            for task, count in result.ignored.items()
            if count
        ]
    return "\n".join([*lines, *unused(result.problems, indent="  ")])


def _format(value: Any) -> str:
    """Return a format by name."""
    return choice(*FORMATS)(value)


COMMAND = Command(
    name="data export",
    summary="write a data set in the format of another tool",
    options=(
        Option("data", text, "data set YAML", required=True),
        Option("format", _format, f"one of {', '.join(FORMATS)}", required=True),
        Option("out", path, "new folder", required=True),
        Option("task", words, "tasks to export; all that the format can hold when not given", ()),
        Option("split", words, "splits to export; all when not given", ()),
        Option("place", choice("copy", "link"), "copy the images, or make links to them", "copy"),
        Option("segmentation", choice("polygon", "rle"), "coco: masks as polygons or as run lengths", "polygon"),
        Option(
            "simplify", number(0), "pixels by which outlines of masks may leave the pixel edges; 0 follows them", 1.0
        ),
        Option(
            "palette",
            flag,
            "masks: PNGs that show the colours of the classes; their pixels are ids all the same",
            False,
        ),
        Option("dry_run", flag, "only say what would be done", False),
    ),
    examples=(
        ("yolo data export data=mine.yaml format=coco out=exports/coco", "one JSON file for each task and split"),
        (
            "yolo data export data=mine.yaml format=yolo task=parts out=exports/parts",
            "polygons, for a model of one task",
        ),
        ("yolo data export data=mine.yaml format=cvat split=val out=exports/cvat", "for correction by hand"),
    ),
    run=run,
    details="""
        Only images that are labelled for a task are exported for it. One region of a mask becomes one object; its
        outline runs along the pixel edges, holes are kept, and its area differs by half a percent at most.

        labelme writes a JSON file beside each image, cvat one annotations.xml for "CVAT 1.1"; labels of all tasks stand
        side by side in them. The folder appears whole or not at all; the data set is only read.

        `yolo data import source=<the folder>` brings the same tasks back: ayolom-tasks.yaml tells it their kinds and
        classes, ayolom-images.csv (labelme, cvat) what each image is labelled for. The annotations.xml that CVAT gives
        back belongs in the place of the one here.
    """,
)
