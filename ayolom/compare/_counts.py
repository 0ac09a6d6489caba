"""How many training images each set of tasks has, from one walk over the data."""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ultralytics.utils import TQDM

from ayolom.data.entries import entries, images_of, tasks_of
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ayolom.data.schema import DataSchema


@dataclass(frozen=True)
class Counts:
    """Usable training images.

    Attributes:
        labelled: Images by the set of tasks that they are labelled for.
        chosen: The images taken, sorted, where the budget takes some only; else None.
    """

    labelled: Counter[frozenset[str]]
    chosen: tuple[str, ...] | None = None

    def of(self, tasks: Iterable[str]) -> int:
        """Return the images labelled for one of these tasks at least: those of a training epoch."""
        wanted = set(tasks)
        return sum(number for labelled, number in self.labelled.items() if wanted & labelled)


def count_images(schema: DataSchema, most: int | None = None) -> Counts:
    """Count the usable training images of a data set.

    Args:
        schema: The data set.
        most: Take so many only, the same at every call: those whose paths below the data's folder hash lowest, so
            that a smaller choice is part of a larger one. The seeds of the runs have no part in it.

    Raises:
        AyolomError: The data has no training images, or a task has none among those taken.
    """
    found = _usable(schema)
    chosen = None
    if most is not None:
        kept = heapq.nsmallest(most, ((_rank(file, schema), file, tasks) for file, tasks in found))
        chosen = tuple(sorted(file for _, file, _ in kept))
        found = ((file, tasks) for _, file, tasks in kept)
    counts = Counts(Counter(frozenset(tasks) for _, tasks in found), chosen)
    for name in schema.tasks:
        if not counts.of([name]):
            taken = "" if most is None else f" among the {most} taken; raise images: in budget:"
            raise AyolomError(f"{schema.label}: no training image is labelled for {name}{taken}")
    return counts


def _usable(schema: DataSchema) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield training images with the tasks that they are labelled for, at least one."""
    images = images_of(schema, ("train",))
    bar = TQDM(entries(images, tasks_of(schema), schema.root), desc="counting images", total=len(images))
    for entry in bar:
        if entry.found.labels:
            yield entry.image_file, tuple(sorted(entry.found.labels))


def _rank(file: str, schema: DataSchema) -> str:
    """Return where an image stands in the order of choice."""
    below = file.removeprefix(str(schema.root))
    return hashlib.sha256(below.encode("utf-8", "surrogateescape")).hexdigest()
