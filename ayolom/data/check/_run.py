"""A data set read once, image by image, and judged as a whole."""

from __future__ import annotations

import os
from itertools import chain
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from ultralytics.utils import TQDM

from ayolom.data.check import _copies, _rules
from ayolom.data.check._image import grey_findings, look
from ayolom.data.check._kinds import KINDS
from ayolom.data.check._labels import see_label
from ayolom.data.check._orphans import Folders
from ayolom.data.check._values import SEVERITIES, ClassTable, Finding, Limits, Result, Row, Seen
from ayolom.data.check._versions import picture_of
from ayolom.data.entries import in_order, tasks_of
from ayolom.data.images import list_images
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ayolom.data.check._spool import Spool
    from ayolom.data.schema import DataSchema
    from ayolom.tasks.base import Task

FIRST = 50  # rows of a finding that are shown
SAMPLE = 3000  # boxes of a task that are plotted
SIZES = 1000  # sizes of images that are listed


class _Read(NamedTuple):
    """One image as a thread hands it over: what was seen, and where its labels are."""

    seen: Seen
    label_files: list[str]


def check(
    schema: DataSchema,
    spool: Spool,
    splits: Sequence[str] | None = None,
    limits: Limits | None = None,
    threads: int = 2,
) -> Result:
    """Read every image and label of a data set once and say what stands out.

    Args:
        schema: The data set; none of its files is written to.
        spool: An open spool; it receives every finding.
        splits: The splits to read; None for all.
        limits: Where to draw the lines; None for the usual ones.
        threads: Files read at once.

    Returns:
        Counts, and the findings with their first rows; all rows are in the spool.

    Raises:
        AyolomError: A split is missing or holds no images.
    """
    limits = limits or Limits()
    tasks = tasks_of(schema)
    wanted = tuple(splits or schema.splits)
    images = _list(schema, spool, wanted)
    tables = {split: {task.name: ClassTable.zeros(task.spec.nc) for task in tasks} for split in wanted}
    result = Result(schema.label, images, tables, {task.name: dict(task.spec.names) for task in tasks})
    start = perf_counter()
    folders = _read_all(result, spool, tasks, schema.root, limits, threads)
    result.seconds = perf_counter() - start
    spool.index()
    spool.add(
        chain(
            _rules.class_findings(tables, tasks),
            _rules.image_findings(spool, limits),
            _rules.shared_labels(spool),
            chain.from_iterable(_rules.side_findings(spool, task) for task in tasks if task.spec.flip_pairs),
            _copies.listed_twice(spool),
            _copies.exact_copies(spool, tasks),
            _copies.versions(spool),
            _copies.near_copies(spool, tasks, schema.root, limits),
            (("orphan", row) for row in folders.orphans()),
        )
    )
    if spool.readable.sum() > limits.crops:
        result.notes.append(
            f"Other crops of one scene were not looked for (more than {limits.crops} images): "
            f"crops={sum(images.values())} does."
        )
    result.findings = _findings(spool)
    result.sizes = _rules.sizes(spool, SIZES)
    return result


def status(result: Result, strict: bool) -> int:
    """Return the exit status: 1 with an error, or in a strict check with a warning; else 0."""
    return int(bool(result.count("error") or (strict and result.count("warning"))))


def _list(schema: DataSchema, spool: Spool, splits: Iterable[str]) -> dict[str, int]:
    """Note all images in the spool and return how many each split has."""
    counts, total = {}, 0
    for split in splits:
        listed = spool.list_images(split, list_images(schema.sources(split), schema.root))
        counts[split], total = listed - total, listed
    spool.open_arrays(total)
    return counts


def _read_all(result: Result, spool: Spool, tasks: list[Task], root: Path, limits: Limits, threads: int) -> Folders:
    """Read every image, keep what was seen, count it; return the folders of the labels."""
    folders, boxes = Folders(), {task.name: _Sample() for task in tasks}

    def read(image: tuple[int, str, str]) -> _Read:
        return _read(image, tasks, root, limits)

    spool.database.execute("BEGIN")
    done = in_order(read, spool.images(), threads)
    for seen, label_files in TQDM(done, desc="reading images and labels", total=sum(result.images.values())):
        spool.keep(seen, label_files, picture_of(seen.file))
        for task, label_file in zip(tasks, label_files, strict=True):
            folders.add(seen.file, task.name, label_file)
        for task in tasks if seen.shape else ():
            one = seen.tasks[task.name]
            result.tables[seen.split][task.name].add(one)
            boxes[task.name].add(one.boxes)
            if task.spec.flip_pairs and len(one.classes):
                spool.keep_sides(task.name, seen.number, one.classes, one.centres)
    spool.database.execute("COMMIT")
    result.boxes = {name: sample.values() for name, sample in boxes.items()}
    return folders


def _read(image: tuple[int, str, str], tasks: list[Task], root: Path, limits: Limits) -> _Read:
    """Read one image and its labels; called by threads."""
    number, split, file = image
    label_files = [task.label_file(file, root) for task in tasks]
    seen = Seen(number, split, file)
    try:
        seen.shape, seen.digest, seen.hashes, seen.thumbnail = look(file)
    except AyolomError as error:
        reason = str(error).removeprefix(file).lstrip(":, ")
        seen.findings.append(("image-broken", Row(file, split, detail=reason)))
        return _Read(seen, list(map(str, label_files)))
    grey = grey_findings(seen.thumbnail, limits)
    seen.findings += [(kind, Row(file, split, detail=detail, weight=weight)) for kind, detail, weight in grey]
    for task, label_file in zip(tasks, label_files, strict=True):
        seen.tasks[task.name], found = see_label(task, label_file, split, (file, seen.shape), limits)
        seen.findings += found
    if all(one.state in {"unlabelled", "broken"} for one in seen.tasks.values()):
        seen.findings.append(("unused", Row(file, split)))
    return _Read(seen, list(map(os.fspath, label_files)))


def _findings(spool: Spool) -> list[Finding]:
    """Return what was found, the worst severity first."""
    found = [
        Finding(kind, *KINDS[kind], count, tuple(spool.rows(kind, FIRST))) for kind, count in spool.counts().items()
    ]
    return sorted(found, key=lambda one: SEVERITIES.index(one.severity))


class _Sample:
    """A fair sample of rows that come one after the other (reservoir sampling), the same for the same data."""

    def __init__(self) -> None:
        """Start empty."""
        self._kept = np.zeros((SAMPLE, 2), np.float32)
        self._seen = 0
        self._random = np.random.default_rng(0)

    def add(self, rows: np.ndarray) -> None:
        """Offer rows (N, 2)."""
        for row in rows:
            place = self._seen if self._seen < SAMPLE else int(self._random.integers(self._seen + 1))
            if place < SAMPLE:
                self._kept[place] = row
            self._seen += 1

    def values(self) -> np.ndarray:
        """Return the sample (K, 2)."""
        return self._kept[: self._seen]
