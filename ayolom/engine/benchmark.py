"""One row for each format: size, speed, and the main metric of every task."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ultralytics.utils import LOGGER
from ultralytics.utils.files import file_size

from ayolom.engine.export_formats import FORMATS, checked_format
from ayolom.errors import AyolomError
from ayolom.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ayolom.tasks import Task

NATIVE = "PyTorch"


def benchmark(
    checkpoint: str | Path,
    open_model: Callable[[str], Any],
    tasks: Mapping[str, Task],
    *,
    form: str,
    export: dict[str, Any],
    score: dict[str, Any],
) -> list[dict[str, Any]]:
    """Export to each format, score each file on the same images, and log a table.

    A format that cannot be written or run here gets a row that says why; the others go on.

    Args:
        checkpoint: The model.
        open_model: Loads a checkpoint or an exported file.
        tasks: The model's tasks by name.
        form: Name of one format; "" takes all.
        export: Settings of the export.
        score: Settings of the scoring.

    Returns:
        Rows with "format", "MB", "ms" (inference, for each image), "<task> <metric>", and "problem".
    """
    forms = [checked_format(form)] if form else [name for name, about in FORMATS.items() if about.local]
    rows = [_row(NATIVE, checkpoint, open_model(str(checkpoint)), tasks, score)]
    with TemporaryDirectory(prefix="ayolom-benchmark-") as folder:
        for name in forms:
            copy = shutil.copy(checkpoint, Path(folder) / f"{name}{Path(checkpoint).suffix}")
            title = FORMATS[name].title
            try:
                file = open_model(str(copy)).export(format=name, **export)
                rows.append(_row(title, file, open_model(file), tasks, score))
            except (AyolomError, RuntimeError, OSError, ImportError, ValueError, TypeError, AssertionError) as error:
                rows.append({"format": title, "problem": str(error).splitlines()[0]})
    LOGGER.info(table(rows))
    return rows


def _row(title: str, file: str | Path, model: Any, tasks: Mapping[str, Task], score: dict[str, Any]) -> dict[str, Any]:
    """Return the row of one file."""
    metrics = model.val(**score)
    values = {
        f"{name} {task.main_metric}": round(float(metrics.results_dict[f"metrics/{name}/{task.main_metric}"]), 4)
        for name, task in tasks.items()
        if name in metrics.kinds
    }
    size, speed = round(float(file_size(file)), 1), round(metrics.speed["inference"], 1)
    return {"format": title, "MB": size, "ms": speed, **values, "problem": ""}


def columns(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Return the columns of all rows, "problem" last."""
    names = dict.fromkeys(name for row in rows for name in row if name != "problem")
    return [*names, "problem"]


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as text in columns."""
    names = columns(rows)
    cells = [names, *([str(row.get(name, "-")) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)


def save_table(rows: list[dict[str, Any]], file: Path) -> None:
    """Write the rows as CSV."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns(rows), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomic(file, stream.getvalue())
