"""What pages tell of one image, in words and addresses."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ayolom.data.view._findings import shown_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ayolom.data.view._index import Index, Row, TaskRow
    from ayolom.data.view._matching import Matched

WORDS = {
    "labelled": "labelled",
    "empty": "nothing there",
    "unlabelled": "not labelled",
    "broken": "broken label",
    "": "image cannot be read",
}


@dataclass(frozen=True)
class TaskCard:
    """What a page tells of one task.

    Attributes:
        name: The task.
        state: A key of `WORDS`.
        label: What the label holds, in words.
        predicted: What the model found, in words; "" where it found nothing or does not know the task.
        score: Two decimals, or "".
        note: What is wrong with the label, or "".
    """

    name: str
    state: str
    label: str
    predicted: str
    score: str
    note: str


@dataclass(frozen=True)
class Card:
    """What a page tells of one image.

    Attributes:
        number: The image.
        name: Its path below the data set's folder, or whole where it lies elsewhere.
        split: Its split.
        size: "W x H pixels", or "".
        problem: What is wrong with the image, or "".
        tasks: By task.
        predicted: Whether the model has looked at it.
        failure: Why it found nothing to say, or "".
    """

    number: int
    name: str
    split: str
    size: str
    problem: str
    tasks: tuple[TaskCard, ...]
    predicted: bool
    failure: str

    @property
    def summary(self) -> str:
        """What stands in the labels, in one line, for those who do not see the picture."""
        return "; ".join(f"{task.name}: {task.label}" for task in self.tasks)

    @property
    def found(self) -> str:
        """What the model found, in one line."""
        return "; ".join(f"{task.name}: {task.predicted or 'nothing'}" for task in self.tasks)


def card(index: Index, row: Row, tasks: Sequence[Matched], root: str) -> Card:
    """Return what a page tells of an image.

    Args:
        index: Where it is known.
        row: The image.
        tasks: The tasks.
        root: Folder of the data set.
    """
    known = index.tasks(row.number, [one.task.name for one in tasks])
    predicted, failure = index.prediction(row.number)
    return Card(
        number=row.number,
        name=_name(row.file, root),
        split=row.split,
        size=f"{row.shape[1]} x {row.shape[0]} pixels" if row.shape else "",
        problem=row.problem or "",
        tasks=tuple(_task(known[one.task.name], one) for one in tasks),
        predicted=predicted,
        failure=failure or "",
    )


def score_words(one: Card) -> list[dict[str, Any]]:
    """Return the words that change on a page once an image is predicted, as plain data."""
    return [{"score": task.score, "predicted": task.predicted} for task in one.tasks]


def _task(row: TaskRow, one: Matched) -> TaskCard:
    """Return what a page tells of a task."""
    names = shown_names(one.drawn)
    label = _listed(row.counts, names) or WORDS[row.state]
    score = "" if row.score is None else f"{row.score:.2f}"
    return TaskCard(one.task.name, row.state, label, _listed(row.predicted, names), score, row.note or "")


def _listed(counts: Mapping[int, int], names: Mapping[int, str]) -> str:
    """Return "dent, 2 scratch"."""
    return ", ".join(f"{n} {names.get(i, i)}" if n > 1 else str(names.get(i, i)) for i, n in sorted(counts.items()))


def _name(file: str, root: str) -> str:
    """Return a path as text, below the root where it lies there."""
    text = os.path.relpath(file, root) if file.startswith(root + os.sep) else file
    return os.fsencode(text).decode("utf-8", "replace")
