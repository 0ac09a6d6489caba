"""How often classes occur in the labels of a training set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ayolom.data.dataset import loaded_shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ayolom.data.dataset import MultiTaskConcat
    from ayolom.data.scan import Record
    from ayolom.tasks.base import Task

MOST_MASKS = 1000  # masks that class_counts reads


def class_counts(dataset: MultiTaskConcat, tasks: Iterable[Task]) -> dict[str, np.ndarray]:
    """Return how often each class occurs: boxes by instances, masks by pixels at the loaded size.

    Args:
        dataset: A dataset of `build_dataset`.
        tasks: Tasks to count.

    Returns:
        By task (nc,) float. Masks are counted on at most 1000 images, spread evenly.
    """
    return {task.name: _counted(dataset, task) for task in tasks}


def _counted(dataset: MultiTaskConcat, task: Task) -> np.ndarray:
    """Return (nc,) occurrences of the classes of one task."""
    members = [(part, record) for part in dataset.datasets for record in part.records if task.name in record.labels]
    counts = task.class_counts(record.labels[task.name] for _, record in members)
    if counts is not None:
        return counts
    counts = np.zeros(task.spec.nc)
    for number in np.linspace(0, len(members) - 1, min(len(members), MOST_MASKS)).astype(int):
        part, record = members[number]
        counts += _pixels(task, record, part.root, part.imgsz)
    return counts


def occurrences(task: Task, record: Record, root: Path, imgsz: int | Sequence[int]) -> np.ndarray:
    """Return (nc,) how often each class occurs on one image: boxes by instances, masks by pixels at the loaded size.

    Args:
        task: A task that the image is labelled for.
        record: The image and its labels.
        root: Folder of the data set.
        imgsz: Long side of the image as loaded, in pixels.
    """
    counts = task.class_counts([record.labels[task.name]])
    return _pixels(task, record, root, imgsz) if counts is None else counts


def _pixels(task: Task, record: Record, root: Path, imgsz: int | Sequence[int]) -> np.ndarray:
    """Return (nc,) the pixels of each class in the mask of one image at the loaded size."""
    label_file = task.label_file(record.image_file, root)
    mask = task.plane(record.labels[task.name], label_file, loaded_shape(record.shape, imgsz))
    pixels = np.bincount(mask.reshape(-1), minlength=256)
    return pixels[1:2] if task.spec.nc == 1 else pixels[: task.spec.nc]
