"""The result of a check as one self-contained page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ayolom.data.check._pictures import figures
from ayolom.data.check._plots import box_points, class_bars, size_bars, ticks
from ayolom.data.check._values import SEVERITIES, STATES
from ayolom.data.entries import tasks_of
from ayolom.pages import render

if TYPE_CHECKING:
    from ayolom.data.check._values import Result
    from ayolom.data.schema import DataSchema

PLOT = 300.0  # length of the axes of a plot
SINGLE, PAIRS = 8, 6  # pictures of a finding
MARKS = {"error": "bad", "warning": "warn", "note": "soft"}


def page(result: Result, schema: DataSchema) -> str:
    """Return the page: counts, findings, pictures of the worst, plots.

    Args:
        result: What the check found.
        schema: The data set, whose images and labels are read again for the pictures.
    """
    tasks = tasks_of(schema)
    root = str(schema.root).rstrip("/\\")
    gallery = {
        finding.kind: list(
            figures(finding.first, tasks, schema.root, PAIRS if any(row.other for row in finding.first) else SINGLE)
        )
        for finding in result.findings
    }
    return render(
        "check.html.j2",
        result=result,
        total=sum(result.images.values()),
        counts={severity: result.count(severity) for severity in SEVERITIES},
        marks=MARKS,
        states=STATES,
        gallery=gallery,
        short=lambda file: _below(file, root),
        tasks=[_task(result, name) for name in result.names],
        sizes=size_bars(result),
        plot=PLOT,
        ticks=ticks(PLOT),
    )


def _task(result: Result, name: str) -> dict[str, Any]:
    """Return what the page shows of one task."""
    return {"name": name, "classes": class_bars(result, name), "points": box_points(result.boxes[name], PLOT)}


def _below(file: str, root: str) -> str:
    """Return a path from the data set's folder on, whole when it lies elsewhere."""
    return file[len(root) + 1 :] if file.startswith(root) and len(file) > len(root) else file
