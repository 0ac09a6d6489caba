"""What is known of each finished epoch of a run, and the metrics in it, whichever framework wrote them."""

from __future__ import annotations

import csv
import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

NOTES = "epochs.jsonl"
TABLE = "results.csv"
SCORES = ("metrics/", "val/")  # how the columns of results.csv begin that a validation fills
METRICS = {"detect": ("mAP50", "mAP50-95"), "semantic": ("mIoU", "mIoU present")}
HEADLINE = {"detect": "mAP50-95", "semantic": "mIoU present"}  # what the base's own fitness is
COLUMNS = {  # our names: columns of results.csv, the first that is there; {} is the task's name in a multi-task run
    "mAP50": ("metrics/{}/mAP50", "metrics/mAP50(B)"),
    "mAP50-95": ("metrics/{}/mAP50-95", "metrics/mAP50-95(B)"),
    "mIoU": ("metrics/{}/mIoU", "mIoU"),
    "mIoU present": ("metrics/{}/mIoU_present", "metrics/mIoU", "metrics/{}/mIoU"),  # binary masks have the last alone
}


def read_epochs(folder: Path) -> dict[int, dict[str, float]]:
    """Return what is known of each finished epoch, by its number; an epoch done twice counts as done last.

    The base repeats the last metrics, at first zeros, in the rows of epochs that were not validated; here such an
    epoch has none.
    """
    epochs: dict[int, dict[str, float]] = {}
    table, notes = folder / TABLE, folder / NOTES
    if table.is_file():
        with table.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                values = {key.strip(): number(value) for key, value in row.items() if key}
                if not math.isnan(values["epoch"]) and None not in row and None not in row.values():
                    epochs[int(values["epoch"])] = values
    for line in notes.read_text(encoding="utf-8").splitlines() if notes.is_file() else []:
        try:
            entry = json.loads(line)
        except ValueError:  # cut off while writing
            continue
        noted = epochs.get(entry["epoch"], {})
        if not entry.get("scored", True):
            for key in [key for key in noted if key.startswith(SCORES)]:
                del noted[key]
        noted.update({key: value for key, value in entry.items() if value is not None})
    return dict(sorted(epochs.items()))


def number(text: str | None) -> float:
    """Return a cell of a table as a number, NaN when it is none."""
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def task_metrics(row: dict[str, float], task: str, kind: str) -> dict[str, float]:
    """Return a task's metrics in one row of results, whichever framework wrote it."""
    names = {metric: [column.format(task) for column in COLUMNS[metric]] for metric in METRICS[kind]}
    return {metric: next((row[name] for name in listed if name in row), math.nan) for metric, listed in names.items()}


def highest(values: dict[int, float]) -> int:
    """Return the epoch of the highest value, the first of equals; NaN counts as lowest."""
    return max(values, key=lambda epoch: (-math.inf if math.isnan(values[epoch]) else values[epoch], -epoch))


def mean_iou(matrix: Any) -> float | None:
    """Return the mean IoU over the classes that labels or predictions hold, from a confusion matrix (C, C)."""
    if matrix is None:
        return None
    hits, union = matrix.diagonal(), matrix.sum(0) + matrix.sum(1) - matrix.diagonal()
    return float((hits[union > 0] / union[union > 0]).mean()) if bool((union > 0).any()) else None
