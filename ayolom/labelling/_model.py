"""A trained model as the labelling sees it: images in, results by task out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ayolom.errors import AyolomError
from ayolom.files import file_sha256

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from ayolom.engine.results import TaskResults
    from ayolom.tasks.base import Task


class Model:
    """A checkpoint with settings of prediction.

    Attributes:
        file: The checkpoint.
        digest: Its SHA-256.
        tasks: Its tasks by name.
        channels: Channels of the images that it takes.
        settings: What was given, such as imgsz.
    """

    def __init__(self, file: str | Path, **settings: Any) -> None:
        """Load the checkpoint.

        Args:
            file: A checkpoint of several tasks.
            **settings: Of prediction; None is not given.

        Raises:
            AyolomError: The file is no such checkpoint.
        """
        from ayolom.engine.checkpoint import is_checkpoint
        from ayolom.model import YOLO

        self.file = Path(file).expanduser().absolute()
        if not self.file.is_file():
            raise AyolomError(f"model={file}: no such checkpoint; check the path")
        if not is_checkpoint(self.file):
            raise AyolomError(f"model={file}: is no trained model of several tasks; give a best.pt of `yolo train`")
        self.digest = file_sha256(self.file)
        self._yolo = YOLO(str(self.file))
        self.tasks: Mapping[str, Task] = self._yolo.model.tasks
        self.channels = int(self._yolo.model.yaml.get("channels", 3))
        self.settings = {name: value for name, value in settings.items() if value is not None}

    def __call__(
        self, images: Sequence[np.ndarray], tasks: Sequence[str], conf: Mapping[str, float]
    ) -> list[Mapping[str, TaskResults]]:
        """Return the results of images by task, with the confidence of each pixel.

        Args:
            images: (H, W, C) uint8 BGR, all of one size.
            tasks: Names of the tasks wanted.
            conf: Least confidence by task.
        """
        least = {name: conf[name] for name in tasks}
        found = self._yolo.predict(
            list(images),
            **{**self.settings, "only_tasks": list(tasks), "conf": least, "save_conf": True},
            save=False,
            verbose=False,
        )
        return [result.tasks for result in found]
