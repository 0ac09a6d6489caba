"""Images with rare classes that are seen more often in training: they stand several times in the list of an epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ultralytics.utils import LOCAL_RANK, LOGGER, TQDM

from ayolom.data.class_counts import occurrences
from ayolom.errors import AyolomError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ayolom.data.scan import Record
    from ayolom.tasks.base import Task


def rare_repeated(
    records: Sequence[Record],
    tasks: Sequence[Task],
    thresholds: Mapping[str, float],
    *,
    root: Path,
    imgsz: int | Sequence[int],
) -> list[Record]:
    """Return the records, each as often as the rarest of its classes asks, and log how often that is.

    Args:
        records: Images and their labels, each once.
        tasks: All tasks of the data set.
        thresholds: By task, the share of its labelled images, in (0, 1], below which a class counts as rare.
        root: Folder of the data set.
        imgsz: Long side of the images as loaded, in pixels.

    Raises:
        AyolomError: There is no such task.
    """
    if not thresholds:
        return list(records)
    known = {task.name: task for task in tasks}
    factors = np.ones(len(records))
    for name, threshold in thresholds.items():
        if name not in known:
            raise AyolomError(f"class_sampling: no task '{name}' in the data.{nearest(name, known)}")
        members = [i for i, record in enumerate(records) if name in record.labels]
        present = _present(known[name], [records[i] for i in members], root, imgsz)
        by_class = class_factors(present, threshold)
        factors[members] = np.maximum(factors[members], image_factors(present, by_class))
        _tell(known[name], by_class)
    copies = whole_copies(factors)
    if LOCAL_RANK in {-1, 0}:
        LOGGER.info(f"class_sampling: {len(records)} images stand {copies.sum()} times in an epoch")
    return [record for record, times in zip(records, copies, strict=True) for _ in range(times)]


def class_factors(present: np.ndarray, threshold: float) -> np.ndarray:
    """Return (nc,) how often images with a class are to be seen: max(1, sqrt(threshold / share of images with it)).

    Repeat factor sampling of LVIS (Gupta et al. 2019, https://arxiv.org/abs/1908.03195).

    Args:
        present: (N, nc) bool, whether an image holds a class. A class on no image has 1.
        threshold: Share of the images, in (0, 1].
    """
    share = present.mean(0) if len(present) else np.zeros(present.shape[1])
    return np.sqrt(np.maximum(threshold / np.where(share > 0, share, np.inf), 1.0))


def image_factors(present: np.ndarray, by_class: np.ndarray) -> np.ndarray:
    """Return (N,) the largest factor of the classes on each image, 1 where there is none."""
    return np.where(present, by_class, 1.0).max(1, initial=1.0)


def whole_copies(factors: np.ndarray) -> np.ndarray:
    """Return (N,) whole numbers of copies, 1 or more, whose running sum stays within a half of that of the factors."""
    return np.diff(np.floor(np.cumsum(factors) + 0.5).astype(int), prepend=0)


def _present(task: Task, records: Sequence[Record], root: Path, imgsz: int | Sequence[int]) -> np.ndarray:
    """Return (N, nc) bool whether each image holds each class."""
    bar = TQDM(records, desc=f"{task.name}: classes by image", disable=LOCAL_RANK > 0 or not task.planes)
    found = [occurrences(task, record, root, imgsz) > 0 for record in bar]
    return np.array(found, bool).reshape(-1, task.spec.nc)


def _tell(task: Task, by_class: np.ndarray) -> None:
    """Log which classes are seen more often."""
    rare = [f"{task.spec.names[i]} {factor:.1f}" for i, factor in enumerate(by_class) if factor > 1]
    if LOCAL_RANK in {-1, 0}:
        LOGGER.info(f"class_sampling: {task.name}: {', '.join(rare) or 'no class is that rare'}")
