"""The plots of a comparison: metrics with their spread, and the course of training."""

from __future__ import annotations

import io
import math
import statistics
from typing import TYPE_CHECKING, Any

from ayolom.compare._epochs import HEADLINE, read_epochs, task_metrics
from ayolom.compare._run import STEPS
from ayolom.draw._plots import matplotlib_fonts
from ayolom.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from ayolom.compare._summary import Row

DPI = 120


def plot_metrics(rows: Sequence[Row], headlines: dict[str, str], file: Path) -> None:
    """Draw the headline metric of each task by row, with the spread over seeds as a line.

    Args:
        rows: Rows of one budget and choice of epoch.
        headlines: Headline metric by task.
        file: PNG to write.
    """
    figure = _figure(len(headlines), len(rows))
    for axes, (task, metric) in zip(figure.axes, headlines.items(), strict=True):
        own = [row for row in rows if task in row.metrics]
        means = [row.metrics[task][metric][0] for row in own]
        spreads = [0.0 if math.isnan(row.metrics[task][metric][1]) else row.metrics[task][metric][1] for row in own]
        names = [row.entry for row in own]
        colours = ["#888888" if len(row.metrics) == 1 else "#2f6f9f" for row in own]
        axes.barh(names, means, xerr=spreads, color=colours, error_kw={"capsize": 3})
        axes.invert_yaxis()
        axes.set_xlabel(f"{task}: {metric}")
    first = rows[0]
    figure.suptitle(f"equal {first.budget}, {first.epoch} epoch", fontsize=10)
    _save(figure, file, "".join([*(row.entry for row in rows), *headlines]))


def plot_courses(results: Sequence[dict[str, Any]], headlines: dict[str, str], folder: Path, file: Path) -> None:
    """Draw the headline metric of each task over optimizer steps, mean and range over seeds of each row and budget.

    Args:
        results: Results of the runs, finished or not.
        headlines: Headline metric by task.
        folder: Folder of the runs.
        file: PNG to write.
    """
    figure = _figure(len(headlines), 8)
    for axes, task in zip(figure.axes, headlines, strict=True):
        for name, epochs in _courses(results, task, folder).items():
            steps = [statistics.fmean(step for step, _ in points) for points in epochs]
            values = [[value for _, value in points] for points in epochs]
            (line,) = axes.plot(steps, list(map(statistics.fmean, values)), linewidth=1.2, label=name)
            axes.fill_between(
                steps, list(map(min, values)), list(map(max, values)), color=line.get_color(), alpha=0.15, linewidth=0
            )
        axes.set_xlim(left=0)
        axes.set_xlabel("optimizer steps")
        axes.set_ylabel(f"{task}: {headlines[task]}")
        if axes.lines:
            axes.legend(fontsize=7)
    _save(figure, file, "".join([*(result["entry"] for result in results), *headlines]))


def headline_metrics(results: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return the headline metric of each task that the runs learn."""
    return {task: HEADLINE[kind] for result in results for task, kind in result["tasks"].items()}


def _courses(results: Sequence[dict[str, Any]], task: str, folder: Path) -> dict[str, list[list[tuple[float, float]]]]:
    """Return by row and budget, for each epoch, the optimizer steps and the value of a task, a pair for each seed."""
    courses: dict[str, dict[int, list[tuple[float, float]]]] = {}
    for result in results:
        if task not in result["tasks"]:
            continue
        epochs = courses.setdefault(result["entry"] + (" (steps)" if result["budget"] == STEPS else ""), {})
        kind = result["tasks"][task]
        for epoch, row in read_epochs(folder / result["name"]).items():
            value = task_metrics(row, task, kind)[HEADLINE[kind]]
            if "steps" in row and not math.isnan(value):
                epochs.setdefault(epoch, []).append((row["steps"], value))
    return {name: [epochs[epoch] for epoch in sorted(epochs)] for name, epochs in courses.items()}


def _figure(columns: int, rows: int) -> Figure:
    """Return a figure with axes side by side, without the state that pyplot keeps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1 + 4.5 * columns, 1.5 + 0.35 * rows), layout="constrained")
    for axes in figure.subplots(1, columns, squeeze=False).flat:
        axes.tick_params(labelsize=8)
        axes.locator_params(axis="x", nbins=5)
    return figure


def _save(figure: Figure, file: Path, text: str) -> None:
    """Write a figure as PNG, with a font that has the names in it."""
    stream = io.BytesIO()
    with matplotlib_fonts(text):
        figure.savefig(stream, format="png", dpi=DPI)
    write_atomic(file, stream.getvalue())
