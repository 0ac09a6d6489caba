"""Images predicted batch by batch, the next batch read meanwhile: never more than two batches in memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import TYPE_CHECKING

from ayolom.data.images import read_image
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    import numpy as np

    from ayolom.engine.results import TaskResults
    from ayolom.labelling._survey import Todo

    Predict = Callable[[Sequence[np.ndarray], Sequence[str]], Sequence[Mapping[str, TaskResults]]]

READERS = 2


def batches(todo: Iterable[Todo], size: int) -> list[list[Todo]]:
    """Return batches of images that lack the same tasks and are of one size.

    A batch of one size is padded as its images alone would be, so what is found does not depend on the batch.

    Args:
        todo: Images.
        size: Most images in a batch.
    """

    def alike(one: Todo) -> tuple[tuple[str, ...], tuple[int, int]]:
        return one.tasks, one.shape

    ordered = sorted(todo, key=lambda one: (*alike(one), str(one.image.file)))
    groups = (list(group) for _, group in groupby(ordered, alike))
    return [group[i : i + size] for group in groups for i in range(0, len(group), size)]


def predicted(
    todo: Iterable[Todo], predict: Predict, size: int, problems: list[str]
) -> Iterator[tuple[Todo, Mapping[str, TaskResults] | None]]:
    """Yield each image with its results by task; None for one that cannot be read.

    Args:
        todo: Images.
        predict: Images of one size, and names of tasks, to results.
        size: Most images in a batch.
        problems: Receives a line for each image that cannot be read.
    """
    waiting: list[tuple[list[Todo], list[Future[np.ndarray | str]]]] = []
    with ThreadPoolExecutor(READERS) as pool:
        for batch in batches(todo, size):
            waiting.append((batch, [pool.submit(_read, one) for one in batch]))
            if len(waiting) > 1:
                yield from _of_batch(*waiting.pop(0), predict, problems)
        while waiting:
            yield from _of_batch(*waiting.pop(0), predict, problems)


def _of_batch(
    batch: list[Todo], images: list[Future[np.ndarray | str]], predict: Predict, problems: list[str]
) -> Iterator[tuple[Todo, Mapping[str, TaskResults] | None]]:
    """Yield the images of a batch with their results."""
    read = [(one, image.result()) for one, image in zip(batch, images, strict=True)]
    images.clear()
    good = [(one, image) for one, image in read if not isinstance(image, str)]
    found = predict([image for _, image in good], batch[0].tasks) if good else []
    yield from zip((one for one, _ in good), found, strict=True)
    for one, image in read:
        if isinstance(image, str):
            problems.append(image)
            yield one, None


def _read(one: Todo) -> np.ndarray | str:
    """Return the image, or what is wrong with it."""
    try:
        image = read_image(one.image.source)
    except AyolomError as error:
        return str(error)
    if image.shape[:2] != one.shape:
        return f"{one.image.source}: was changed while it was read; label again"
    return image
