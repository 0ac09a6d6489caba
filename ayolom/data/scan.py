"""All images and labels of a split read once, checked, counted, and remembered."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ultralytics.utils import LOCAL_RANK, NUM_THREADS, TQDM, USER_CONFIG_DIR

from ayolom.data import cache
from ayolom.data.images import image_shape
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ayolom.data.cache import Labels
    from ayolom.tasks.base import Task


@dataclass(frozen=True)
class Record:
    """One usable image.

    Attributes:
        image_file: Path of the image.
        shape: (H, W) in pixels, EXIF rotation applied.
        labels: By name of the tasks that the image is labelled for, the arrays that `Task.read` returned.
    """

    image_file: str
    shape: tuple[int, int]
    labels: Labels


@dataclass
class TaskCount:
    """Readable images by label of one task: labelled, empty ones among them, + unlabelled + broken is all of them."""

    labelled: int = 0
    unlabelled: int = 0
    empty: int = 0
    broken: int = 0


@dataclass
class Scan:
    """What a scan found.

    Attributes:
        records: Images that can be read and are labelled for at least one task, in the order given.
        counts: By task.
        problems: One line for each broken file: its name, what is wrong, what to do.
        images: Number of images looked at.
        unreadable: Images that cannot be read.
        unused: Readable images without a usable label of any task.
    """

    records: list[Record]
    counts: dict[str, TaskCount]
    problems: list[str]
    images: int
    unreadable: int
    unused: int


@dataclass
class Found:
    """What was found for one image.

    Attributes:
        shape: (H, W) in pixels, EXIF rotation applied; None when the image cannot be read.
        labels: By name of the tasks that have a usable label, the arrays that `Task.read` returned.
        broken: By name of the tasks whose label is there but of no use, what is wrong and what to do.
        problem: What is wrong with the image itself, None when nothing is.
    """

    shape: tuple[int, int] | None
    labels: Labels = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    problem: str | None = None


def scan(
    image_files: Sequence[str],
    tasks: Sequence[Task],
    root: Path,
    cache_dirs: Sequence[Path] = (),
    split: str = "data",
) -> Scan:
    """Read and check images and labels, or take from the cache what was found before.

    A broken label counts as none for its task; the image stays in use for its other tasks. No file of the data set is
    written to.

    Args:
        image_files: Paths of the images.
        tasks: Tasks whose labels are wanted.
        root: Folder of the data set.
        cache_dirs: Folders to keep the result in; the first that can be written to is used. Empty: no cache.
        split: Name for the progress bar and the cache file.
    """
    described = [repr(sorted(task.spec.to_dict().items())) for task in tasks]
    label_files = [str(task.label_file(file, root)) for task in tasks for file in image_files]
    key = cache.fingerprint(described, [*image_files, *label_files])
    name = f"{split}-{cache.fingerprint([*described, *image_files])[:8]}.npz"
    for folder in cache_dirs:
        if (kept := _from_cache(cache.load(folder / name, key))) is not None:
            return kept
    result = _collect(image_files, _read_all(image_files, tasks, root, split), tasks)
    shapes = np.array([record.shape for record in result.records], np.int64).reshape(-1, 2)
    for folder in cache_dirs:
        if cache.save(folder / name, key, _notes(result), shapes, [record.labels for record in result.records]):
            break
    return result


def cache_places(root: Path) -> tuple[Path, ...]:
    """Return where scans are kept: with the data, or in the user's own folder when the data is read-only."""
    return root / ".ayolom", Path(USER_CONFIG_DIR) / "ayolom-cache"


def report(result: Scan, split: str, most: int | None = 10) -> str:
    """Return a table of the counts by task, then the broken files.

    Args:
        result: What the scan found.
        split: Name of the split.
        most: How many broken files to list; None lists all.
    """
    lines = [f"{split}: {len(result.records)} of {result.images} images in use"]
    lines[0] += f", {result.unused} without a usable label" if result.unused else ""
    lines[0] += f", {result.unreadable} unreadable" if result.unreadable else ""
    width = max(len("task"), *map(len, result.counts))
    lines.append(f"  {'task':<{width}} {'labelled':>9} {'unlabelled':>11} {'empty':>7} {'broken':>7}")
    for name, n in result.counts.items():
        lines.append(f"  {name:<{width}} {n.labelled:>9} {n.unlabelled:>11} {n.empty:>7} {n.broken:>7}")
    shown = result.problems[:most]
    lines += [f"  {problem}" for problem in shown]
    if len(shown) < len(result.problems):
        lines.append(f"  ... and {len(result.problems) - len(shown)} more")
    return "\n".join(lines)


def _read_all(image_files: Sequence[str], tasks: Sequence[Task], root: Path, split: str) -> Iterable[Found]:
    """Return what is found for each image, in order."""
    with ThreadPool(NUM_THREADS) as pool:
        found = pool.imap(lambda file: read_one(file, tasks, root), image_files)
        yield from TQDM(found, desc=f"{split}: reading labels", total=len(image_files), disable=LOCAL_RANK > 0)


def read_one(image_file: str, tasks: Sequence[Task], root: Path) -> Found:
    """Read and check one image and its labels.

    Args:
        image_file: Path of the image.
        tasks: Tasks whose labels are wanted.
        root: Folder of the data set.
    """
    try:
        shape = image_shape(image_file)
    except AyolomError as error:
        return Found(None, problem=str(error))
    found = Found(shape)
    for task in tasks:
        label_file = task.label_file(image_file, root)
        if not os.path.exists(label_file):
            continue
        try:
            found.labels[task.name] = task.read(label_file, shape)
        except (AyolomError, OSError, ValueError) as error:
            found.broken[task.name] = str(error) if isinstance(error, AyolomError) else f"{label_file}: {error}"
    return found


def _collect(image_files: Sequence[str], found: Iterable[Found], tasks: Sequence[Task]) -> Scan:
    """Count what was found and keep the usable images."""
    result = Scan([], {task.name: TaskCount() for task in tasks}, [], len(image_files), 0, 0)
    for file, one in zip(image_files, found, strict=True):
        result.problems += [*([one.problem] if one.problem else []), *one.broken.values()]
        if one.shape is None:
            result.unreadable += 1
            continue
        for task in tasks:
            _count(result.counts[task.name], task, one)
        if one.labels:
            result.records.append(Record(file, one.shape, one.labels))
        else:
            result.unused += 1
    return result


def _count(count: TaskCount, task: Task, one: Found) -> None:
    """Add one image to the counts of a task."""
    if task.name in one.broken:
        count.broken += 1
    elif task.name not in one.labels:
        count.unlabelled += 1
    else:
        count.labelled += 1
        count.empty += int(task.is_empty(one.labels[task.name]))


def _notes(result: Scan) -> dict[str, Any]:
    """Return what the cache keeps of a scan besides shapes and labels."""
    return {
        "files": [record.image_file for record in result.records],
        "counts": {name: asdict(count) for name, count in result.counts.items()},
        "problems": result.problems,
        "totals": [result.images, result.unreadable, result.unused],
    }


def _from_cache(kept: tuple[dict[str, Any], np.ndarray, list[Labels]] | None) -> Scan | None:
    """Rebuild a scan from what the cache kept, if it kept it whole."""
    if kept is None:
        return None
    notes, shapes, labels = kept
    try:
        records = [
            Record(file, (int(shape[0]), int(shape[1])), label)
            for file, shape, label in zip(notes["files"], shapes, labels, strict=True)
        ]
        counts = {name: TaskCount(**count) for name, count in notes["counts"].items()}
        return Scan(records, counts, notes["problems"], *notes["totals"])
    except (KeyError, TypeError, ValueError, IndexError):
        return None
