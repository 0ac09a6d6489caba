"""Which images lack which labels: every image and label read once, nothing written."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ultralytics.utils import TQDM

from ayolom.data.entries import in_order
from ayolom.data.images import image_shape
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ayolom.labelling._match import Match


@dataclass(frozen=True)
class Image:
    """One image.

    Attributes:
        split: "train", "val" or "test".
        file: Where it lies in the data set, or will.
        name: Its name in the split, with "/" between folders.
        source: Where it can be read now.
    """

    split: str
    file: Path
    name: str
    source: Path


@dataclass(frozen=True)
class Todo:
    """An image with the tasks that it lacks a label of.

    Attributes:
        image: The image.
        shape: (H, W) in pixels.
        tasks: Names of the tasks.
    """

    image: Image
    shape: tuple[int, int]
    tasks: tuple[str, ...]


@dataclass
class Survey:
    """What is to be done.

    Attributes:
        todo: Images that lack a label.
        readable: Images that can be read.
        labelled: By task, images with a file for it, broken ones among them.
        broken: By task, images whose file cannot be used.
        problems: A line for each image or label that cannot be used.
    """

    todo: list[Todo] = field(default_factory=list)
    readable: list[Image] = field(default_factory=list)
    labelled: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def table(self, matches: Sequence[Match]) -> str:
        """Return the counts by task."""
        lacking = Counter(name for todo in self.todo for name in todo.tasks)
        width = max(4, *(len(match.name) for match in matches))
        lines = [f"  {'task':<{width}} {'labelled':>9} {'broken':>7} {'unlabelled':>11}"]
        for match in matches:
            good = self.labelled[match.name] - self.broken[match.name]
            lines.append(f"  {match.name:<{width}} {good:>9} {self.broken[match.name]:>7} {lacking[match.name]:>11}")
        return "\n".join(lines)


@dataclass
class _Seen:
    """What one image has: its shape, the tasks that it lacks, what is wrong with labels by task, or with itself."""

    shape: tuple[int, int] | None = None
    lacking: tuple[str, ...] = ()
    broken: dict[str, str] = field(default_factory=dict)
    problem: str | None = None


def survey(images: Sequence[Image], matches: Sequence[Match], root: Path) -> Survey:
    """Look at images and at the labels that they have.

    Images that share a label file, such as a.jpg and a.png, are left out: a label of one would be one of the other.

    Args:
        images: Images, each once.
        matches: Tasks to be labelled.
        root: Folder of the data set.
    """
    result = Survey()
    owners = Counter(_label_key(image, matches, root) for image in images)
    found = in_order(lambda image: _look(image, matches, root), images)
    for image, seen in zip(images, TQDM(found, desc="reading labels", total=len(images)), strict=True):
        result.problems += [*([seen.problem] if seen.problem else []), *seen.broken.values()]
        if seen.shape is None:
            continue
        result.broken.update(list(seen.broken))
        result.labelled.update(match.name for match in matches if match.name not in seen.lacking)
        if owners[_label_key(image, matches, root)] > 1:
            result.problems.append(f"{image.source}: shares its label file with another image; rename one of them")
            continue
        result.readable.append(image)
        if seen.lacking:
            result.todo.append(Todo(image, seen.shape, seen.lacking))
    return result


def _label_key(image: Image, matches: Sequence[Match], root: Path) -> str:
    """Return the path of the image's first label, which images must not share."""
    return str(matches[0].task.label_file(image.file, root))


def _look(image: Image, matches: Sequence[Match], root: Path) -> _Seen:
    """Read one image and its labels."""
    try:
        seen = _Seen(image_shape(image.source))
    except AyolomError as error:
        return _Seen(problem=str(error))
    lacking = []
    for match in matches:
        file = match.task.label_file(image.file, root)
        if not os.path.lexists(file):
            lacking.append(match.name)
            continue
        try:
            match.task.read(file, seen.shape or (0, 0))
        except (AyolomError, OSError, ValueError) as error:
            text = str(error) if isinstance(error, AyolomError) else f"{file}: {error}"
            seen.broken[match.name] = f"{text} (left alone)"
    seen.lacking = tuple(lacking)
    return seen
