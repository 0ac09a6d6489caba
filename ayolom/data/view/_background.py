"""The model at work behind the page: every image once, those that someone looks at first."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from ultralytics.utils import LOGGER

from ayolom.data.images import read_image
from ayolom.data.view._findings import Findings, shown_names
from ayolom.data.view._pictures import read_labels
from ayolom.data.view._scores import score
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from ayolom.data.view._index import Index, Row
    from ayolom.data.view._matching import Matched

    # An image (H, W, 3) uint8 BGR in, findings by task out, in the model's own class ids.
    Predict = Callable[[np.ndarray], Mapping[str, Findings]]

WANTED = 200  # images that stand before the others; older wishes are forgotten


class Background:
    """Predicts and scores all images, in a thread of its own when started, and writes the answers into the index."""

    def __init__(self, index: Index, tasks: Sequence[Matched], root: Path, predict: Predict) -> None:
        """Prepare.

        Args:
            index: The images.
            tasks: The data's tasks, matched with the model's.
            root: Folder of the data set.
            predict: The model.
        """
        self._index, self._root, self._predict = index, root, predict
        self._tasks = [one for one in tasks if one.table is not None]
        self._names = {one.task.name: shown_names(one.drawn) for one in self._tasks}
        self._wanted: deque[int] = deque(maxlen=WANTED)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.run, daemon=True)
        self.problem: str | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the image at hand."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def want(self, numbers: Sequence[int]) -> None:
        """Have some images predicted before the others."""
        self._wanted.extend(number for number in reversed(numbers) if number not in self._wanted)

    def run(self, progress: Callable[[], object] = lambda: None) -> None:
        """Predict all images; one that fails is noted and passed over.

        Args:
            progress: Called after each image.
        """
        done: set[int] = set()
        try:
            for number in range(1, self._index.total() + 1):
                while self._wanted and not self._stop.is_set():
                    self._one(self._wanted.pop(), done)
                if self._stop.is_set():
                    return
                self._one(number, done)
                progress()
        except Exception as error:  # noqa: BLE001 - the page says what stopped the thread
            self.problem = f"{type(error).__name__}: {error}"
            LOGGER.warning(f"predictions ended: {self.problem}")

    def _one(self, number: int, done: set[int]) -> None:
        """Predict one image, unless that is done."""
        if number in done or (row := self._index.image(number)) is None:
            return
        done.add(number)
        try:
            self._store(row)
        except Exception as error:  # noqa: BLE001 - whatever one image does to a model, the others go on
            text = str(error) if isinstance(error, AyolomError) else f"{row.file}: {type(error).__name__}: {error}"
            LOGGER.warning(f"no prediction: {text}")
            self._index.add_failure(number, text)

    def _store(self, row: Row) -> None:
        """Predict, score and keep one image."""
        if row.shape is None:
            self._index.add_failure(row.number, row.problem or f"{row.file}: cannot be read")
            return
        found = self._predict(read_image(row.file))
        moved = {one.task.name: one.moved(found[one.task.name]) for one in self._tasks if one.task.name in found}
        labels = read_labels(row.file, [one for one in self._tasks if one.task.name in moved], self._root)
        scores = {name: score(label, moved[name]) for name, label in labels.items()}
        self._index.add_prediction(row.number, moved, scores, self._names)
