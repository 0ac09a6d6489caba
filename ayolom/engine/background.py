"""Frames of a video drawn and encoded in a thread, while the next ones are read and predicted."""

from __future__ import annotations

import threading
from copy import copy
from queue import Queue
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ultralytics.engine.predictor import BasePredictor

if TYPE_CHECKING:
    from pathlib import Path

    import cv2
    import numpy as np

    from ayolom.engine.results import MultiTaskResults

WAITING = 2  # frames that may wait to be drawn; predicting pauses for more


class Drawing:
    """The picture of a result as it is now, drawn when it is asked for.

    What its owner does to the result later, as to its image, does not show.
    """

    def __init__(self, result: MultiTaskResults, options: dict[str, Any]) -> None:
        """Remember a result and the arguments of its `plot`."""
        self.result: MultiTaskResults | None = copy(result)
        self.result.__dict__.pop("plot", None)  # in whose place this drawing may stand
        self.result.tasks = {name: copy(one) for name, one in result.tasks.items()}
        self.result.orig_img = result.orig_img.copy()
        self.options = options
        self.lock = threading.Lock()
        self.drawn: np.ndarray | None = None

    def picture(self) -> np.ndarray:
        """Return (H, W, 3) uint8 BGR; drawn once."""
        with self.lock:
            if self.result is not None:
                self.drawn, self.result = self.result.plot(**self.options), None
        assert self.drawn is not None  # noqa: S101 - for the type checker
        return self.drawn


class BackgroundVideos:
    """Video files written by one thread, frame after frame.

    The base's own code opens the files and chooses their form; it runs in the thread.
    """

    def __init__(self, args: Any, save_dir: Path) -> None:
        """Start the thread.

        Args:
            args: The base's settings.
            save_dir: Folder of the files.
        """
        self.args, self.save_dir = args, save_dir
        self.writers: dict[Path, cv2.VideoWriter] = {}
        self.frames: Queue[tuple[Any, ...] | None] = Queue(WAITING)
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._work, name="video", daemon=True)
        self.thread.start()

    def add(self, drawing: Drawing, file: Path, frame: int | None, mode: str, fps: Any) -> None:
        """Take a frame; waits while as many as allowed are waiting.

        Args:
            drawing: The picture.
            file: The base's name for the video.
            frame: Number of the frame.
            mode: "video" or "stream".
            fps: Frames a second of the source.

        Raises:
            BaseException: What went wrong with an earlier frame.
        """
        self._tell()
        self.frames.put((drawing, file, frame, SimpleNamespace(mode=mode, fps=fps)))

    def release(self) -> None:
        """Write the frames that wait, then end the files.

        Raises:
            BaseException: What went wrong with a frame.
        """
        if self.thread.is_alive():
            self.frames.put(None)
            self.thread.join()
        self._tell()

    def _tell(self) -> None:
        """Raise what went wrong, once."""
        error, self.error = self.error, None
        if error is not None:
            raise error

    def _work(self) -> None:
        """Draw and write until the end is told; after an error frames are taken and dropped, or adding would block."""
        fine = True
        while (item := self.frames.get()) is not None:
            fine = fine and self._write(*item)
        for writer in self.writers.values():
            writer.release()

    def _write(self, drawing: Drawing, file: Path, frame: int | None, dataset: Any) -> bool:
        """Draw a frame, write it as the base does and return whether it went well."""
        stand_in = SimpleNamespace(
            dataset=dataset, args=self.args, save_dir=self.save_dir, vid_writer=self.writers, plotted_img=None
        )
        try:
            stand_in.plotted_img = drawing.picture()
            BasePredictor.save_predicted_images(stand_in, file, frame)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that predicts
            self.error = error
            return False
        return True
