"""`yolo data label`: labels by a trained model for images that have none, and their undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ayolom.commands._command import Command, Option, flag, integer, path, text, words
from ayolom.commands._prediction import DEVICE, IMGSZ, TILES, thresholds
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from pathlib import Path


def run(data: str | None, out: Path | None, model: Path | None, undo: str | None, **given: Any) -> int:
    """Label, undo or list, and return the exit status."""
    from ayolom.labelling import LabelOptions, label

    if undo is not None:
        return _undo(undo, data, out)
    if given.pop("list"):
        return _list(data, out)
    if model is None:
        raise AyolomError(f"yolo data label: model= is missing, for example: {EXAMPLES[0][0]}")
    others = {name: given.pop(name) for name in ("source", "project", "dry_run")}
    label(model, data, out=out, options=LabelOptions(**given), **others)
    return 0


def _undo(run_name: str, data: str | None, out: Path | None) -> int:
    """Undo a run and say what was kept."""
    from ultralytics.utils import LOGGER

    from ayolom.labelling import undo

    removed, changed = undo(run_name, data, out)
    LOGGER.info(f"undone: {removed} files removed")
    if changed:
        LOGGER.info(f"{len(changed)} were changed since and stay:")
        LOGGER.info("\n".join(f"  {file}" for file in changed))
    return 0


def _list(data: str | None, out: Path | None) -> int:
    """List the runs of a data set."""
    from ultralytics.utils import LOGGER

    from ayolom.labelling import runs

    lines = [line for one in runs(data, out) for line in one.lines()]
    LOGGER.info("\n".join(lines or ["no labels of a model are recorded here"]))
    return 0


EXAMPLES = (
    (
        "yolo data label model=best.pt data=mine.yaml tasks=parts conf=0.6",
        "label the parts of the training images that have no part mask",
    ),
    (
        "yolo data label undo=datasets/mine/pseudo-labels/best-20250102-030405.jsonl",
        "take the labels of that run back; those corrected by hand since stay",
    ),
    (
        'yolo data label model=best.pt source=photos out=datasets/photos "conf={damage: 0.4, parts: 0.7}"',
        "make a data set of a folder of photos",
    ),
    (
        "yolo data label model=best.pt data=mine.yaml project=cvat out=to-correct",
        "prefill a project for correction by hand instead of writing labels",
    ),
    ("yolo data label list=True data=mine.yaml", "list the runs, and what became of their labels"),
)

COMMAND = Command(
    name="data label",
    summary="label images that have no label by a trained model, or take such labels back",
    options=(
        Option("model", path, "checkpoint of a model of several tasks"),
        Option("data", text, "dataset YAML; images without a label of a task get one"),
        Option("source", path, "instead, a folder of images; out= becomes a data set that links them"),
        Option("out", path, "new folder, for source= and project="),
        Option(
            "tasks", words, "names of the tasks, such as damage,parts; all that model and data share when not given", ()
        ),
        Option("conf", thresholds, "least confidence of a box or pixel, or by task: {damage: 0.4, parts: 0.6}", 0.6),
        Option("splits", words, "splits to label", ("train",)),
        Option("empty", flag, 'label images on which nothing is found as "nothing there"', False),
        IMGSZ,
        *TILES,
        Option("batch", integer(1), "images predicted at once", 1),
        DEVICE,
        Option("name", text, "name of the run; model and time when not given"),
        Option("project", text, "labelme or cvat: write a project for correction by hand, and no labels"),
        Option("dry_run", flag, "count what would be labelled; predict and write nothing", False),
        Option("undo", text, "record of a run, or its name with data= or out="),
        Option("list", flag, "list the runs of data= or out=", False),
    ),
    examples=EXAMPLES,
    run=run,
    details="""Labels that are there are never touched, broken ones neither: those are named. Tasks and classes are
    matched by name. Boxes below conf are left out; pixels below it are marked as ignored, so that they teach nothing.
    An image on which nothing is sure gets no label, nor does one on which nothing is found unless empty=True.

    All labels appear when all are made. A record in pseudo-labels/ lists every file with its hash, the model and the
    thresholds; undo= removes the files that are still as they were made.""",
)
