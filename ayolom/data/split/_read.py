"""Every image of a data set read once: what it is labelled for, with which classes, and a thumbnail to compare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import cv2
import numpy as np
from ultralytics.utils import LOGGER, TQDM

from ayolom.data.crops import MOST, find_crops
from ayolom.data.duplicates import DISTANCE, near_duplicates, perceptual_hashes, thumbnail
from ayolom.data.entries import in_order
from ayolom.data.images import read_image
from ayolom.data.scan import read_one
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ayolom.tasks.base import Task

LABELLED, EMPTY = " labelled", " nothing there"
LARGE = 256  # from this many pixels on the shorter side a quarter of the size is enough for a thumbnail


@dataclass
class Seen:
    """What reading the images gave.

    Attributes:
        files: Images that can be read.
        columns: What is stratified, as (task, name): `LABELLED`, `EMPTY` and the class names; the first two begin
            with a space, which no class does.
        table: (N, C) bool, whether an image counts in a column.
        groups: (N,) int, the first of the images that look like it.
        crops: Pairs of images, by number, that are other crops of one scene.
        problems: A line for each image or label that cannot be used.
    """

    files: list[str]
    columns: list[tuple[str, str]]
    table: np.ndarray
    groups: np.ndarray
    crops: list[tuple[int, int]]
    problems: list[str]


def read_all(files: Sequence[str], tasks: Sequence[Task], root: Path, near: int = DISTANCE, crops: int = MOST) -> Seen:
    """Read images and labels.

    Thumbnails, a kilobyte each, lie in a temporary file; a few bytes an image stay in memory.

    Args:
        files: Images.
        tasks: Tasks whose labels count.
        root: Folder of the data set.
        near: Bits by which the hashes of near-duplicates may differ; 0 does not look for any.
        crops: Most images among which other crops of one scene are looked for.
    """
    columns = [(task.name, name) for task in tasks for name in (LABELLED, EMPTY, *task.spec.names.values())]
    table = np.zeros((len(files), len(columns)), bool)
    hashes = np.zeros((len(files), 2), np.uint64)
    kept: list[int] = []
    problems: list[str] = []
    with TemporaryDirectory(prefix="ayolom-split-") as folder:
        thumbnails = np.memmap(Path(folder) / "thumbnails", np.uint8, "w+", shape=(max(len(files), 1), 32, 32))
        found = in_order(lambda file: _read(file, tasks, root, near), files)
        for i, (row, small, wrong) in enumerate(TQDM(found, desc="reading images and labels", total=len(files))):
            problems += wrong
            if row is None:
                continue
            place = len(kept)
            kept.append(i)
            table[place] = row
            if small is not None:
                thumbnails[place], hashes[place] = small, perceptual_hashes(small)
        count = len(kept)
        groups = np.arange(count)
        if near and count:
            LOGGER.info(f"comparing {count} images for near-duplicates")
            groups = near_duplicates(hashes[:count, 0], hashes[:count, 1], thumbnails[:count], distance=near).groups
        del thumbnails
    readable = [files[i] for i in kept]
    return Seen(readable, columns, table[:count], groups, _crops(readable) if count <= crops else [], problems)


def class_ids(task: Task, label: dict[str, np.ndarray]) -> np.ndarray:
    """Return the ids of the classes that a label holds, each once.

    Args:
        task: The task.
        label: What `Task.read` returned: the values of a mask under "present", else class ids under "cls".
    """
    ids = np.unique(label["present"] if "present" in label else label["cls"])
    if "present" in label:
        ids = ids[ids == 1] - 1 if task.spec.nc == 1 else ids[ids < task.spec.nc]
    return ids if task.spec.classes is None else ids[np.isin(ids, task.spec.classes)]


def _crops(files: Sequence[str]) -> list[tuple[int, int]]:
    """Return the pairs of images that are other crops of one scene."""
    with TQDM(total=len(files), desc="finding other crops") as bar:
        return [(crop.first, crop.second) for crop in find_crops(files, progress=bar.update)]


def _read(
    file: str, tasks: Sequence[Task], root: Path, near: int
) -> tuple[np.ndarray | None, np.ndarray | None, list[str]]:
    """Return the row of an image in the table and its thumbnail, None when it cannot be read, and what is wrong."""
    found = read_one(file, tasks, root)
    problems = [*([found.problem] if found.problem else []), *found.broken.values()]
    if found.shape is None:
        return None, None, problems
    row = np.concatenate([_row(task, found.labels.get(task.name)) for task in tasks])
    if not near:
        return row, None, problems
    flags = cv2.IMREAD_REDUCED_GRAYSCALE_4 if min(found.shape) >= LARGE else cv2.IMREAD_GRAYSCALE
    try:
        return row, thumbnail(read_image(file, flags)[..., 0]), problems
    except AyolomError as error:
        return None, None, [*problems, str(error)]


def _row(task: Task, label: dict[str, np.ndarray] | None) -> np.ndarray:
    """Return the columns of one task: labelled, nothing there, and each class."""
    row = np.zeros(2 + task.spec.nc, bool)
    if label is not None:
        row[:2] = True, task.is_empty(label)
        row[2 + class_ids(task, label)] = True
    return row
