"""What is known of every image, in a file of SQLite: filters and sorting without a data set in memory."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ayolom.data.view._findings import Findings, label_counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ayolom.data.entries import Entry
    from ayolom.data.view._selection import Choices, Selection
    from ayolom.tasks.base import Task

BATCH = 1000  # images in one transaction
LAST = 2.0  # where images without a score stand; scores are at most 1
TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE images (number INTEGER PRIMARY KEY, split TEXT, file BLOB, height INTEGER, width INTEGER, problem TEXT);
CREATE TABLE labels (task TEXT, image INTEGER, state TEXT, note TEXT, PRIMARY KEY (task, image)) WITHOUT ROWID;
CREATE TABLE classes (task TEXT, class INTEGER, image INTEGER, side TEXT, count INTEGER,
    PRIMARY KEY (task, class, image, side)) WITHOUT ROWID;
CREATE INDEX classes_by_image ON classes (image);
CREATE TABLE scores (task TEXT, image INTEGER, score REAL, PRIMARY KEY (task, image)) WITHOUT ROWID;
CREATE TABLE found (image INTEGER, task TEXT, data BLOB, PRIMARY KEY (image, task));
CREATE TABLE predicted (image INTEGER PRIMARY KEY, problem TEXT);
"""
FROM = "FROM images i LEFT JOIN scores s ON s.task = ? AND s.image = i.number WHERE"
KEY = f"COALESCE(s.score, {LAST})"


@dataclass(frozen=True)
class Row:
    """One image.

    Attributes:
        number: Its number from 1, by which it is addressed.
        split: "train", "val" or "test".
        file: Path of the image.
        shape: (H, W) in pixels, None when it cannot be read.
        problem: What is wrong with the image, or None.
    """

    number: int
    split: str
    file: str
    shape: tuple[int, int] | None
    problem: str | None


@dataclass(frozen=True)
class TaskRow:
    """What is known of one image for one task.

    Attributes:
        state: "labelled", "empty", "unlabelled" or "broken"; "" for an image that cannot be read.
        note: What is wrong with a broken label, else None.
        counts: How often each class stands in the label.
        predicted: The same of the prediction.
        score: How well they fit; None where they cannot be compared.
    """

    state: str
    note: str | None
    counts: dict[int, int]
    predicted: dict[int, int]
    score: float | None


class Index:
    """The file of SQLite, for one writer at a time and any number of threads that read."""

    def __init__(self, file: Path) -> None:
        """Make the file.

        Args:
            file: Where; must not exist.
        """
        self._connection = sqlite3.connect(file, check_same_thread=False)
        self._connection.executescript(TABLES)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    # Writing ----------------------------------------------------------------------------------------------------------
    def fill(self, entries: Iterable[Entry], tasks: Sequence[Task]) -> None:
        """Take in images and labels, numbered from 1 in the order given; more than a batch is never in memory.

        Args:
            entries: The images.
            tasks: The tasks that they were read for.
        """
        batch: list[tuple[int, Entry]] = []
        for number, entry in enumerate(entries, 1):
            batch.append((number, entry))
            if len(batch) >= BATCH:
                self._take(batch, tasks)
                batch = []
        self._take(batch, tasks)

    def _take(self, batch: list[tuple[int, Entry]], tasks: Sequence[Task]) -> None:
        """Write some images in one transaction."""
        images = [
            (n, e.split, os.fsencode(e.image_file), *(e.found.shape or (None, None)), _text(e.found.problem))
            for n, e in batch
        ]
        readable = [(n, e, task) for n, e in batch if e.found.shape is not None for task in tasks]
        labels = [(task.name, n, _state(task, e), _text(e.found.broken.get(task.name))) for n, e, task in readable]
        classes = [
            (task.name, i, n, "label", count)
            for n, e, task in readable
            if task.name in e.found.labels
            for i, count in label_counts(task, e.found.labels[task.name]).items()
        ]
        with self._transaction() as cursor:
            cursor.executemany("INSERT INTO images VALUES (?, ?, ?, ?, ?, ?)", images)
            cursor.executemany("INSERT INTO labels VALUES (?, ?, ?, ?)", labels)
            cursor.executemany("INSERT INTO classes VALUES (?, ?, ?, ?, ?)", classes)

    def add_prediction(
        self,
        number: int,
        found: Mapping[str, Findings],
        scores: Mapping[str, float | None],
        names: Mapping[str, Mapping[int, str]],
    ) -> None:
        """Take in what a model found in an image.

        Args:
            number: The image.
            found: Findings by task.
            scores: Score by task, None where there is none. The least of them counts for the image.
            names: By task the ids that count as a class.
        """
        known = {task: value for task, value in scores.items() if value is not None}
        overall = {"": min(known.values())} if known else {}
        classes = [
            (task, i, number, "predicted", count)
            for task, one in found.items()
            for i, count in one.counts().items()
            if i in names[task]
        ]
        with self._transaction() as cursor:
            cursor.executemany(
                "INSERT INTO found VALUES (?, ?, ?)", [(number, task, one.pack()) for task, one in found.items()]
            )
            cursor.executemany(
                "INSERT INTO scores VALUES (?, ?, ?)", [(t, number, v) for t, v in {**known, **overall}.items()]
            )
            cursor.executemany("INSERT INTO classes VALUES (?, ?, ?, ?, ?)", classes)
            cursor.execute("INSERT INTO predicted VALUES (?, NULL)", (number,))

    def add_failure(self, number: int, problem: str) -> None:
        """Note that there is no prediction of an image, and why."""
        with self._transaction() as cursor:
            cursor.execute("INSERT INTO predicted VALUES (?, ?)", (number, _text(problem)))

    # Reading ----------------------------------------------------------------------------------------------------------
    def count(self, selection: Selection, choices: Choices) -> int:
        """Return how many images are selected."""
        where, values = selection.where(choices)
        return self._one(f"SELECT COUNT(*) {FROM} {where}", [selection.scored_task(choices), *values])

    def numbers(self, selection: Selection, choices: Choices, first: int, most: int) -> list[int]:
        """Return the numbers of selected images in their order, at most `most` from position `first` (from 0)."""
        where, values = selection.where(choices)
        order = f"{KEY}, i.number" if selection.sort else "i.number"
        sql = f"SELECT i.number {FROM} {where} ORDER BY {order} LIMIT ? OFFSET ?"
        return [row[0] for row in self._all(sql, [selection.scored_task(choices), *values, most, first])]

    def neighbours(self, number: int, selection: Selection, choices: Choices) -> tuple[int | None, int | None, int]:
        """Return the selected images before and after one, None at the ends, and its position among them from 1."""
        where, values = selection.where(choices)
        task = selection.scored_task(choices)
        own = self._score(task, number)
        here: list[float] = [number]
        key, down, marks = "i.number", "i.number DESC", "?"
        if selection.sort:
            key, down, marks = f"{KEY}, i.number", f"{KEY} DESC, i.number DESC", "?, ?"
            here = [LAST if own is None else own, number]
        given = [task, *values, *here]
        before = self._all(f"SELECT i.number {FROM} {where} AND ({key}) < ({marks}) ORDER BY {down} LIMIT 1", given)
        after = self._all(f"SELECT i.number {FROM} {where} AND ({key}) > ({marks}) ORDER BY {key} LIMIT 1", given)
        place = self._one(f"SELECT COUNT(*) {FROM} {where} AND ({key}) <= ({marks})", given)
        return (before[0][0] if before else None), (after[0][0] if after else None), place

    def image(self, number: int) -> Row | None:
        """Return an image, None when there is none of that number."""
        rows = self._all("SELECT number, split, file, height, width, problem FROM images WHERE number = ?", [number])
        if not rows:
            return None
        number, split, file, height, width, problem = rows[0]
        return Row(number, split, os.fsdecode(file), None if height is None else (height, width), problem)

    def tasks(self, number: int, names: Iterable[str]) -> dict[str, TaskRow]:
        """Return what is known of an image by task."""
        counts: dict[tuple[str, str], dict[int, int]] = {}
        for task, side, i, n in self._all("SELECT task, side, class, count FROM classes WHERE image = ?", [number]):
            counts.setdefault((task, side), {})[i] = n
        known = {}
        for name in names:
            label = self._all("SELECT state, note FROM labels WHERE task = ? AND image = ?", [name, number])
            state, note = label[0] if label else ("", None)
            known[name] = TaskRow(
                state,
                note,
                counts.get((name, "label"), {}),
                counts.get((name, "predicted"), {}),
                self._score(name, number),
            )
        return known

    def prediction(self, number: int) -> tuple[bool, str | None]:
        """Return whether the model has looked at an image, and why it found nothing to say, or None."""
        rows = self._all("SELECT problem FROM predicted WHERE image = ?", [number])
        return bool(rows), rows[0][0] if rows else None

    def findings(self, number: int) -> dict[str, Findings]:
        """Return what the model found in an image, by task."""
        rows = self._all("SELECT task, data FROM found WHERE image = ?", [number])
        return {task: Findings.unpack(data) for task, data in rows}

    def progress(self) -> tuple[int, int]:
        """Return how many images the model has looked at, and at how many of them in vain."""
        return self._all("SELECT COUNT(*), COUNT(problem) FROM predicted", [])[0]

    def total(self) -> int:
        """Return the number of images."""
        return self._one("SELECT COUNT(*) FROM images", [])

    def _score(self, task: str, number: int) -> float | None:
        """Return the score of an image for a task, of "" for the worst of all."""
        return self._one("SELECT MAX(score) FROM scores WHERE task = ? AND image = ?", [task, number])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        """Write whole or not at all."""
        with self._lock, self._connection:
            yield self._connection.cursor()

    def _all(self, sql: str, values: list[Any]) -> list[Any]:
        """Return the rows of a question."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def _one(self, sql: str, values: list[Any]) -> Any:
        """Return the one value of a question."""
        return self._all(sql, values)[0][0]


def _state(task: Task, entry: Entry) -> str:
    """Return the state of an image's label."""
    if task.name in entry.found.broken:
        return "broken"
    if task.name not in entry.found.labels:
        return "unlabelled"
    return "empty" if task.is_empty(entry.found.labels[task.name]) else "labelled"


def _text(message: str | None) -> str | None:
    """Return a message fit for the file: names of files may hold bytes that are no text."""
    return None if message is None else message.encode("utf-8", "replace").decode()
