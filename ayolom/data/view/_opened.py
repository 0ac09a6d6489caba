"""A data set opened for looking at: its images in an index, its tasks matched with a model's."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ultralytics.utils import TQDM

from ayolom.data.entries import entries, images_of, tasks_of
from ayolom.data.view._background import Background
from ayolom.data.view._index import Index
from ayolom.data.view._matching import Matched, match_tasks
from ayolom.data.view._pictures import Pictures
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ayolom.data.schema import DataSchema
    from ayolom.data.view._background import Predict
    from ayolom.tasks.base import TaskSpec


@dataclass(frozen=True)
class Model:
    """A model whose predictions stand beside the labels.

    Attributes:
        name: Its name on the page.
        tasks: Its tasks by name; their class names decide which class of the data a prediction is.
        predict: Takes an image (H, W, 3) uint8 BGR and returns findings by task, in the model's own class ids.
    """

    name: str
    tasks: Mapping[str, TaskSpec]
    predict: Predict


@dataclass(frozen=True)
class Opened:
    """A data set opened for looking at.

    Attributes:
        title: Its name.
        root: Its folder.
        splits: The splits that are shown.
        tasks: Its tasks.
        index: Its images.
        pictures: Its pictures.
        background: The model, ready to start; None without one.
        model: Name of the model, "" without one.
    """

    title: str
    root: Path
    splits: tuple[str, ...]
    tasks: tuple[Matched, ...]
    index: Index
    pictures: Pictures
    background: Background | None
    model: str


@contextmanager
def opened(
    schema: DataSchema, splits: Iterable[str] | None = None, limit: int | None = None, model: Model | None = None
) -> Iterator[Opened]:
    """Read all labels once, with a progress bar, into an index in the temporary folder, which is removed at the end.

    Args:
        schema: The data set.
        splits: The splits wanted; None for all that it has.
        limit: At most so many images, spread evenly over all; None for all.
        model: A model, or None.

    Raises:
        AyolomError: A split is missing or empty, or model and data have no task in common.
    """
    wanted = tuple(schema.splits if splits is None else splits)
    matched = tuple(match_tasks(tasks_of(schema), None if model is None else model.tasks))
    tasks = [one.task for one in matched]
    images = spread(images_of(schema, wanted), limit)
    with TemporaryDirectory(prefix="ayolom-view-", ignore_cleanup_errors=True) as folder:
        index = Index(Path(folder, "index.sqlite"))
        try:
            walk = entries(images, tasks, schema.root)
            index.fill(TQDM(walk, desc="reading labels", total=len(images)), tasks)
            yield Opened(
                title=schema.file.stem if schema.file else "data",
                root=schema.root,
                splits=wanted,
                tasks=matched,
                index=index,
                pictures=Pictures(index, matched, schema.root),
                background=None if model is None else Background(index, matched, schema.root, model.predict),
                model="" if model is None else model.name,
            )
        finally:
            index.close()


def predict_all(opened: Opened) -> None:
    """Have the model, where there is one, look at all images now, with a progress bar."""
    if opened.background:
        with TQDM(desc="predicting", total=opened.index.total()) as bar:
            opened.background.run(lambda: bar.update(1))
        if opened.background.problem:
            raise AyolomError(f"model: predictions ended: {opened.background.problem}")


def spread(images: list[tuple[str, str]], limit: int | None) -> list[tuple[str, str]]:
    """Return at most `limit` of the images, evenly spread, in their order."""
    if limit is None or limit >= len(images):
        return images
    return [images[i * len(images) // limit] for i in range(limit)]
