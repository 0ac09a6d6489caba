"""What a scoring leaves in its folder: metrics by class, everything as JSON, and the reliability diagrams."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import TYPE_CHECKING, Any

from ultralytics.utils import LOGGER

from ayolom.engine.reliability_plot import plot_reliability
from ayolom.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ayolom.engine.metrics import MultiTaskMetrics
    from ayolom.tasks.study import Study


def log_studies(studies: Mapping[str, Study], verbose: bool) -> None:
    """Log what was found beside the base's metrics.

    Args:
        studies: Finished studies by task name.
        verbose: Whether to speak of each class.
    """
    for study in studies.values():
        for line in study.lines(verbose):
            LOGGER.info(line)


def write_evaluation(metrics: MultiTaskMetrics, folder: Path) -> None:
    """Write `per_class.csv` and `metrics.json`, each whole or not at all.

    Args:
        metrics: The finished metrics with their studies.
        folder: The run's folder.
    """
    rows = metrics.summary()
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]) if rows else ["Task", "Class"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomic(folder / "per_class.csv", table.getvalue())
    content = {
        "metrics": metrics.results_dict,
        "tasks": {
            name: {"classes": [row for row in rows if row["Task"] == name], **study.to_dict()}
            for name, study in metrics.studies.items()
        },
    }
    write_atomic(folder / "metrics.json", json.dumps(_finite(content), indent=2, ensure_ascii=False))


def plot_studies(studies: Mapping[str, Study], folder: Path, on_plot: Callable) -> None:
    """Draw `<task>/reliability.png` of each task that tells confidences.

    Args:
        studies: Finished studies by task name.
        folder: The run's folder.
        on_plot: The validator's register of plots.
    """
    for name, study in studies.items():
        if study.reliability.error() is not None:
            plot_reliability(study, folder / name / "reliability.png")
            on_plot(folder / name / "reliability.png")


def _finite(value: Any) -> Any:
    """Return plain data in which None stands for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
