"""A data set walked image by image, with the labels of all tasks: never more than a few images in memory."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ayolom.data.images import list_images
from ayolom.data.scan import Found, read_one
from ayolom.tasks import make_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from ayolom.data.schema import DataSchema
    from ayolom.tasks.base import Task

AHEAD = 64  # images read before they are asked for
Given = TypeVar("Given")
Done = TypeVar("Done")


@dataclass(frozen=True)
class Entry:
    """One image of a data set.

    Attributes:
        split: "train", "val" or "test".
        image_file: Path of the image.
        found: Its size, its labels by task, and what is wrong with it or with them.
    """

    split: str
    image_file: str
    found: Found


def tasks_of(schema: DataSchema, names: Iterable[str] | None = None) -> list[Task]:
    """Return the tasks of a data set.

    Args:
        schema: The data set.
        names: Names of the tasks wanted; None for all. A name that the data set lacks raises KeyError.
    """
    return [make_task(schema.tasks[name]) for name in (schema.tasks if names is None else names)]


def images_of(schema: DataSchema, splits: Iterable[str] | None = None) -> list[tuple[str, str]]:
    """Return (split, image file) of every image, each split sorted; an image may lie in several splits.

    Args:
        schema: The data set.
        splits: The splits wanted; None for all that it has.

    Raises:
        AyolomError: A split is missing or holds no images.
    """
    wanted = tuple(schema.splits) if splits is None else tuple(splits)
    return [(split, file) for split in wanted for file in list_images(schema.sources(split), schema.root)]


def entries(images: Iterable[tuple[str, str]], tasks: list[Task], root: Path, threads: int = 2) -> Iterator[Entry]:
    """Read images and labels, in the order given.

    Args:
        images: (split, image file), such as `images_of` returns.
        tasks: Tasks whose labels are wanted.
        root: Folder of the data set.
        threads: Files read at once.
    """

    def read(image: tuple[str, str]) -> Entry:
        return Entry(*image, read_one(image[1], tasks, root))

    return in_order(read, images, threads)


def in_order(function: Callable[[Given], Done], items: Iterable[Given], threads: int = 2) -> Iterator[Done]:
    """Yield `function` of each item, in order, worked out by threads that run a little ahead of what is asked for.

    Unlike a pool's `map`, it does not take all items at once, so an endless supply of them is fine.
    """
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Done]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
