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
    if task.planes:
        chosen = np.linspace(0, len(members) - 1, min(len(members), MOST_MASKS)).astype(int)
        members = [members[i] for i in chosen]
    counts = np.zeros(task.spec.nc)
    for part, record in members:
        counts += occurrences(task, record, part.root, part.imgsz)
    return counts


def occurrences(task: Task, record: Record, root: Path, imgsz: int | Sequence[int]) -> np.ndarray:
    """Return (nc,) how often each class occurs on one image: boxes by instances, masks by pixels at the loaded size.

    Args:
        task: A task that the image is labelled for.
        record: The image and its labels.
        root: Folder of the data set.
        imgsz: Long side of the image as loaded, in pixels.
    """
    labels = record.labels[task.name]
    counts = task.class_counts([labels])
    if counts is not None:
        return counts
    mask = task.plane(labels, task.label_file(record.image_file, root), loaded_shape(record.shape, imgsz))
    pixels = np.bincount(mask.reshape(-1), minlength=256)
    return pixels[1:2] if task.spec.nc == 1 else pixels[: task.spec.nc]
