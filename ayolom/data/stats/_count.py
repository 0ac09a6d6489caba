"""How often classes occur, by task and by folder: one pass over a split, nothing kept of an image."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from ultralytics.utils import TQDM

from ayolom.data.entries import in_order, tasks_of
from ayolom.data.images import image_shape, list_images
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ayolom.data.schema import DataSchema
    from ayolom.tasks.base import Task


@dataclass
class Counts:
    """How often the classes of one task occur.

    Attributes:
        names: Class names by id.
        basis: What training counts: "instances" for boxes, "pixels" for masks.
        labelled: Labelled images.
        empty: Labelled images on which nothing is to be found.
        images: (C,) images with the class.
        instances: (C,) boxes or polygons; of masks regions, of the background none.
        pixels: (C,) pixels of masks, areas of boxes.
        where: (C,) what `basis` says, of all classes, in the images in which the class occurs.
    """

    names: dict[int, str]
    basis: str
    labelled: int = 0
    empty: int = 0
    images: np.ndarray = field(default_factory=lambda: np.zeros(0))
    instances: np.ndarray = field(default_factory=lambda: np.zeros(0))
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(0))
    where: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        """Start at 0."""
        for name in ("images", "instances", "pixels", "where"):
            setattr(self, name, np.zeros(len(self.names)))

    @property
    def occurrences(self) -> np.ndarray:
        """(C,) what `basis` says."""
        return self.instances if self.basis == "instances" else self.pixels

    def add(self, instances: np.ndarray, pixels: np.ndarray, empty: bool) -> None:
        """Add one labelled image.

        Args:
            instances: (C,) its instances of each class.
            pixels: (C,) its pixels of each class.
            empty: Whether nothing is to be found on it.
        """
        present = (pixels > 0) | (instances > 0)
        self.labelled += 1
        self.empty += empty
        self.images += present
        self.instances += instances
        self.pixels += pixels
        self.where += present * (instances if self.basis == "instances" else pixels).sum()


@dataclass
class Statistics:
    """What was counted.

    Attributes:
        splits: The splits that were read.
        images: Images that can be read.
        tasks: Counts by task.
        folders: By source folder: images under "", and for each task its counts.
        problems: A line for each image or label that cannot be used.
    """

    splits: tuple[str, ...]
    tasks: dict[str, Counts]
    images: int = 0
    folders: dict[str, Folder] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass
class Folder:
    """What one source folder holds.

    Attributes:
        images: Images that can be read.
        tasks: Counts by task.
    """

    tasks: dict[str, Counts]
    images: int = 0


def count(schema: DataSchema, splits: Sequence[str] = ("train",)) -> Statistics:
    """Count classes.

    Args:
        schema: The data set.
        splits: The splits to read.

    Raises:
        AyolomError: A split is missing or holds no images.
    """
    tasks = tasks_of(schema)
    images = [image for split in splits for image in _with_folder(schema, split)]
    result = Statistics(tuple(splits), _fresh(tasks))
    found = in_order(lambda image: _read(image[0], tasks, schema.root), images)
    for (_, name), one in zip(images, TQDM(found, desc="counting classes", total=len(images)), strict=True):
        result.problems += one.problems
        if not one.readable:
            continue
        folder = result.folders.setdefault(name, Folder(_fresh(tasks)))
        result.images += 1
        folder.images += 1
        for task, values in one.labels.items():
            result.tasks[task].add(*values)
            folder.tasks[task].add(*values)
    return result


@dataclass
class _Image:
    """What one image holds: by task its instances and pixels (C,), and whether it is empty."""

    readable: bool = False
    labels: dict[str, tuple[np.ndarray, np.ndarray, bool]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def _fresh(tasks: Iterable[Task]) -> dict[str, Counts]:
    """Return counts of nothing."""
    return {task.name: Counts(task.spec.names, "pixels" if task.planes else "instances") for task in tasks}


def _with_folder(schema: DataSchema, split: str) -> Iterator[tuple[str, str]]:
    """Yield image and source folder: the one that the YAML names, or, of a list, that of the image."""
    seen: set[str] = set()
    for source in schema.sources(split):
        for file in list_images((source,), schema.root):
            if file not in seen:
                seen.add(file)
                folder = source if source.is_dir() else Path(file).parent
                below = folder.is_relative_to(schema.root)
                yield file, (folder.relative_to(schema.root) if below else folder).as_posix()


def _read(file: str, tasks: Sequence[Task], root: Path) -> _Image:
    """Return what an image holds."""
    result = _Image()
    try:
        shape = image_shape(file)
    except AyolomError as error:
        result.problems.append(str(error))
        return result
    result.readable = True
    for task in tasks:
        label_file = task.label_file(file, root)
        if not label_file.exists():
            continue
        try:
            result.labels[task.name] = (
                _mask_counts(task, label_file, shape) if task.planes else _box_counts(task, label_file, shape)
            )
        except (AyolomError, OSError, ValueError) as error:
            result.problems.append(str(error) if isinstance(error, AyolomError) else f"{label_file}: {error}")
    return result


def _box_counts(task: Task, label_file: Path, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return boxes and their areas in pixels by class, and whether there are none."""
    label = task.read(label_file, shape)
    classes, boxes, _ = task.instances(label)
    areas = boxes[:, 2].astype(np.float64) * boxes[:, 3] * shape[0] * shape[1]
    instances = np.bincount(classes, minlength=task.spec.nc).astype(np.float64)
    return instances, np.bincount(classes, areas, task.spec.nc), task.is_empty(label)


def _mask_counts(task: Task, label_file: Path, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return regions (polygons where the label has those) and pixels by class, and whether there are none."""
    label, plane, counts = task.read_plane(label_file, shape)
    first = 1 if task.spec.nc == 1 else 0  # of a binary mask value 1 is the class
    pixels = counts[first : first + task.spec.nc].astype(np.float64)
    if "cls" in label:
        instances = np.bincount(label["cls"], minlength=task.spec.nc).astype(np.float64)
    else:
        instances = np.zeros(task.spec.nc)
        for number in np.flatnonzero(pixels):
            if task.spec.names[int(number)].lower() != "background":
                instances[number] = _regions(plane == number + first)
    return instances, pixels, task.is_empty(label)


def _regions(member: np.ndarray) -> int:
    """Return the number of regions of a mask (H, W) bool: pixels that share edges."""
    rows, columns = np.flatnonzero(member.any(1)), np.flatnonzero(member.any(0))
    part = member[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return int(cv2.connectedComponents(part.astype(np.uint8), connectivity=4)[0]) - 1
