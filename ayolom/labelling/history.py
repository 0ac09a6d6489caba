"""The runs of labelling that a data set has, what became of their labels, and their undo."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ultralytics.utils import LOGGER

from ayolom.data.schema import load_schema
from ayolom.errors import AyolomError
from ayolom.labelling._record import FOLDER, SUFFIX, find_record, read_head, read_rows, record_file, records
from ayolom.labelling._store import aside, is_unchanged, locked, recover, take_back


@dataclass
class Run:
    """A run of labelling.

    Attributes:
        record: Its record.
        head: What it says of the run.
        unchanged: Labels by task that are as they were made.
        changed: Labels by task that were changed since.
        gone: Labels by task that are not there any more.
    """

    record: Path
    head: dict[str, Any]
    unchanged: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    gone: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        """Return what the run was and what became of its labels."""
        told = [f"{self.record.stem}  {self.head['made']}  {self.head['model']}"]
        for task, facts in self.head["tasks"].items():
            counts = f"{self.unchanged[task]} as made, {self.changed[task]} changed, {self.gone[task]} gone"
            told.append(f"  {task} (conf {facts['conf']:g}): {counts}")
        return told


def runs(data: str | Path | None = None, out: str | Path | None = None) -> list[Run]:
    """Return the runs of a data set and what became of their labels.

    Args:
        data: Dataset YAML.
        out: Instead, the folder of a data set that a labelling made.

    Raises:
        AyolomError: Neither or both are given, or a record is damaged.
    """
    root = _root(data, out)
    found = []
    for file in records(root):
        run = Run(file, read_head(file))
        for row in read_rows(file):
            if "task" in row:
                state = is_unchanged(root, row)
                counts = run.gone if state is None else run.unchanged if state else run.changed
                counts[row["task"]] += 1
        found.append(run)
    return found


def undo(run: str | Path, data: str | Path | None = None, out: str | Path | None = None) -> tuple[int, list[str]]:
    """Remove the labels of a run that are as they were made, then its record.

    Args:
        run: The record of a run; or its name, with `data` or `out`.
        data: Dataset YAML.
        out: Instead, the folder of a data set that a labelling made.

    Returns:
        How many files were removed, and the paths of those that were changed since and stay.

    Raises:
        AyolomError: There is no such run, or its record is damaged.
    """
    file = _record(str(run), data, out)
    root = file.parent.parent
    if not file.is_file() and aside(root, file.stem).is_dir():
        with locked(root):
            recover(root)
        return 0, []
    find_record(root, file.stem)
    new = bool(read_head(file).get("new"))
    with locked(root):
        removed, changed = take_back(file)
    if new:
        _remove_if_empty(root)
    return removed, changed


def _record(run: str, data: str | Path | None, out: str | Path | None) -> Path:
    """Return the path of a run's record, whether or not it is there."""
    if not run.endswith(SUFFIX):
        if data is None and out is None:
            raise AyolomError(f"undo={run}: of which data set? Give data= as well, or the record instead of the name")
        return record_file(_root(data, out), run)
    file = Path(run).expanduser().absolute()
    if file.parent.name != FOLDER:
        raise AyolomError(f"undo={run}: records lie in the folder {FOLDER} of a data set; give one of there")
    return file


def _root(data: str | Path | None, out: str | Path | None) -> Path:
    """Return the folder of a data set."""
    if (data is None) == (out is None):
        raise AyolomError("give either data= (a dataset YAML) or out= (a folder that a labelling made)")
    return load_schema(data).root if data is not None else Path(str(out)).expanduser().absolute()


def _remove_if_empty(root: Path) -> None:
    """Remove a folder that a run made, when nothing is left in it."""
    try:
        root.rmdir()
    except OSError:
        LOGGER.info(f"{root}: other files are in it, so the folder stays")
