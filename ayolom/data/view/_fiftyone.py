"""An export to FiftyOne: boxes and masks of all tasks, labels and predictions, as a data set that it opens by itself.

The form on disk is FiftyOne's own, written by its own exporter
(https://docs.voxel51.com/user_guide/export_datasets.html#fiftyonedataset). The images stay where they are.
"""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import cv2

from ayolom.data.view._findings import Findings, shown_names
from ayolom.data.view._opened import predict_all
from ayolom.data.view._pictures import read_labels
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ayolom.data.view._index import Row
    from ayolom.data.view._matching import Matched
    from ayolom.data.view._opened import Opened

MISSING = 'fiftyone: the export is written by FiftyOne itself: pip install "ayolom[fiftyone]"'


def check_fiftyone() -> None:
    """Raise where FiftyOne is not installed.

    Raises:
        AyolomError: It is not; the message tells what to install.
    """
    if find_spec("fiftyone") is None:
        raise AyolomError(MISSING)


def check_target(folder: Path) -> None:
    """Raise where the folder of an export is there already.

    Raises:
        AyolomError: It is.
    """
    if folder.exists():
        raise AyolomError(f"fiftyone={folder}: is there already; remove it or give another name")


def write_fiftyone(opened: Opened, folder: Path) -> None:
    """Predict where there is a model, then write the export, whole or not at all.

    For a task "damage" a sample has the fields `damage_labels`, `damage_predictions` and `damage_score`; an image that
    is not labelled for it lacks the first, one with nothing on it has an empty one. The split is a tag.

    Args:
        opened: The data set.
        folder: Where to write; must not exist.

    Raises:
        AyolomError: The folder exists, or FiftyOne is not installed or cannot start its database.
    """
    check_target(folder)
    check_fiftyone()
    # FiftyOne reports each use to its makers unless told otherwise; who wants that sets the variable himself.
    os.environ.setdefault("FIFTYONE_DO_NOT_TRACK", "true")
    fo = import_module("fiftyone")

    predict_all(opened)
    try:
        dataset = fo.Dataset()
    except Exception as error:  # the kinds of error of its database differ between versions
        raise AyolomError(
            f"fiftyone: its database cannot be started ({error}); see "
            "https://docs.voxel51.com/user_guide/config.html#configuring-a-mongodb-connection"
        ) from error
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as staging:
            dataset.mask_targets = {
                f"{one.task.name}_{side}": shown_names(one.drawn)
                for one in opened.tasks
                if one.task.planes
                for side in ("labels", "predictions")
            }
            # FiftyOne looks for what the fields of samples name in fields/<field>, wherever the folder is moved to.
            # Images, which are not copied, keep their whole paths.
            ready = Path(staging, "export").absolute()
            dataset.add_samples(_samples(fo, opened, ready / "fields"), num_samples=opened.index.total())
            form = fo.types.FiftyOneDataset
            dataset.export(export_dir=str(ready), dataset_type=form, export_media=False, rel_dir=str(ready))
            ready.rename(folder)
    finally:
        dataset.delete()


def _samples(fo: Any, opened: Opened, masks: Path) -> Iterator[Any]:
    """Yield a sample for each image that can be read, its masks written to files."""
    for number in range(1, opened.index.total() + 1):
        row = opened.index.image(number)
        if row is None or row.shape is None:
            continue
        sample = fo.Sample(filepath=row.file, tags=[row.split])
        sample["metadata"] = fo.ImageMetadata(height=row.shape[0], width=row.shape[1])
        known = opened.index.tasks(number, [one.task.name for one in opened.tasks])
        said = {"labels": read_labels(row.file, opened.tasks, opened.root), "predictions": _found(opened, row)}
        for one in opened.tasks:
            name = one.task.name
            for side, findings in said.items():
                if name in findings:
                    file = masks / f"{name}_{side}" / f"{number}.png"
                    sample[f"{name}_{side}"] = _field(fo, one, findings[name], file, side == "predictions")
            if known[name].score is not None:
                sample[f"{name}_score"] = known[name].score
        yield sample


def _found(opened: Opened, row: Row) -> dict[str, Findings]:
    """Return what the model found in an image, nothing without one."""
    return opened.index.findings(row.number) if opened.background else {}


def _field(fo: Any, one: Matched, findings: Findings, mask_file: Path, confidences: bool) -> Any:
    """Return findings as FiftyOne holds them.

    Args:
        fo: FiftyOne.
        one: The task.
        findings: What is said.
        mask_file: Where a class map goes.
        confidences: Whether boxes have any.
    """
    if findings.class_map is not None:
        mask_file.parent.mkdir(parents=True, exist_ok=True)
        mask_file.write_bytes(cv2.imencode(".png", findings.class_map)[1].tobytes())
        return fo.Segmentation(mask_path=str(mask_file))
    if findings.boxes is None:
        return None
    names = shown_names(one.drawn)
    detections = []
    for x1, y1, x2, y2, confidence, i in findings.boxes.tolist():
        more = {"confidence": confidence} if confidences else {}
        box = [x1, y1, x2 - x1, y2 - y1]
        detections.append(fo.Detection(label=names.get(int(i), str(int(i))), bounding_box=box, **more))
    return fo.Detections(detections=detections)
