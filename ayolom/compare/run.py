"""A comparison from its file to its report."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultralytics.utils import LOGGER

from ayolom.compare._counts import count_images
from ayolom.compare._data import derive, write_multi
from ayolom.compare._execute import execute
from ayolom.compare._plan import own_data, plan
from ayolom.compare._report import report
from ayolom.compare._run import claim_folder, is_finished
from ayolom.compare._spec import load_comparison
from ayolom.data.entries import images_of
from ayolom.data.schema import load_schema
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ayolom.compare._counts import Counts
    from ayolom.compare._run import Run
    from ayolom.compare._spec import Comparison, Entry
    from ayolom.data.schema import DataSchema

TERMINATED = 143  # the shells' exit status for SIGTERM


def compare_models(file: Path, out: Path | None = None, report_only: bool = False, dry_run: bool = False) -> bool:
    """Train what is missing of a comparison, one run after the other, and write the report after each.

    Stop it at any moment, by force too: called again it skips finished runs and goes on with the unfinished one from
    its last epoch.

    Args:
        file: The comparison file; docs/compare.md tells its format.
        out: Folder of runs and report; `runs/compare/<name of the file>` when None.
        report_only: Only write the report of what is there.
        dry_run: Only say what would be trained; nothing is written.

    Returns:
        Whether all runs are done.

    Raises:
        AyolomError: The file or the data is wrong, or the folder holds another comparison.
    """
    comparison = load_comparison(file)
    target = (Path("runs/compare", file.stem) if out is None else out).absolute()
    if report_only:
        if not (target / "runs").is_dir():
            raise AyolomError(f"{target}: holds no runs; start the comparison without report=True first")
        LOGGER.info(report(comparison, target))
        return True
    schema = load_schema(comparison.data)
    counts = count_images(schema, comparison.images)
    runs = plan(comparison, schema, counts, target / "data")
    _tell(runs, counts, target)
    if dry_run:
        return True
    _prepare(comparison, schema, counts, target)
    for run in runs:
        claim_folder(run, target / "runs" / run.name)  # before the first is trained: other settings are told at once
    with _stopped_by_terminate():
        good = [_one(run, comparison, target) for run in runs]
    LOGGER.info(report(comparison, target))
    LOGGER.info(f"{sum(good)} of {len(good)} runs are done; report: {target / 'comparison.md'}")
    return all(good)


def _one(run: Run, comparison: Comparison, out: Path) -> bool:
    """Do one run and bring the report up to date."""
    was = is_finished(out / "runs" / run.name)
    good = execute(run, out / "runs", LOGGER.info)
    if good and not was:
        report(comparison, out)
    return good


def _tell(runs: list[Run], counts: Counts, out: Path) -> None:
    """Say what will be trained."""
    for run in runs:
        state = "done" if is_finished(out / "runs" / run.name) else "to do"
        images = f"{counts.of(run.tasks)} images, {run.epochs} epochs"
        LOGGER.info(f"{run.name}: {run.model}, {'+'.join(run.tasks)}, {images} ({state})")


def _prepare(comparison: Comparison, schema: DataSchema, counts: Counts, out: Path) -> None:
    """Make the data sets."""
    derive(schema, counts, out / "data")
    for entry in comparison.entries.values():
        name = own_data(entry)
        if name is None:
            continue
        data = schema if entry.data is None else _other(entry, schema)
        own = counts if entry.data is None else count_images(data)
        write_multi(data, own, out / "data", name, entry.flip_pairs)


def _other(entry: Entry, schema: DataSchema) -> DataSchema:
    """Return a row's own data set, once it is sure that its scores compare with the others'.

    Raises:
        AyolomError: Its tasks, classes or validation images are others.
    """
    data = load_schema(str(entry.data))
    classes = [{name: task.names for name, task in one.tasks.items()} for one in (data, schema)]
    if classes[0] != classes[1]:
        raise AyolomError(f"{entry.name}: {data.label}: has other tasks or classes than {schema.label}")
    if "train" not in data.splits or images_of(data, ("val",)) != images_of(schema, ("val",)):
        raise AyolomError(f"{entry.name}: {data.label}: is not validated on the images of {schema.label}")
    return data


@contextmanager
def _stopped_by_terminate() -> Iterator[None]:
    """Let SIGTERM end the process of a run before this one."""

    def stop(*_: Any) -> None:
        sys.exit(TERMINATED)

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # only the main thread may
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
