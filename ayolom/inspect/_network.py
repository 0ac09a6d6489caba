"""A trained model as an inspection sees it: pictures with damages and class maps out of any source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

from ayolom.errors import AyolomError
from ayolom.files import file_sha256
from ayolom.inspect.detected import from_results
from ayolom.inspect.objects import Model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ayolom.inspect.detected import Picture
    from ayolom.model import YOLO

DEFAULT_RATE = 30.0


class Network:
    """A model of several tasks with settings of prediction.

    Attributes:
        names: Class names of parts by class id.
        problems: Files that were left out, filled while pictures are read.
    """

    def __init__(self, model: str | Path | YOLO, settings: dict[str, Any]) -> None:
        """Load the model.

        Raises:
            AyolomError: There is no such file, or the model has not one task with boxes and one with a class map.
        """
        from ayolom.model import TASK, YOLO

        self._settings = {name: value for name, value in settings.items() if value is not None}
        self._file = Path(model).expanduser() if isinstance(model, (str, Path)) else None
        if self._file is not None and not self._file.is_file():
            raise AyolomError(f"model={model}: no such checkpoint; give a best.pt of `yolo train`")
        self._yolo: YOLO = YOLO(str(self._file)) if self._file is not None else model  # type: ignore[assignment]
        kinds = self._yolo.model.tasks if self._yolo.task == TASK else {}
        boxes = next((task for task in kinds.values() if task.box_classes), None)
        parts = next((task for task in kinds.values() if task.planes), None)
        if boxes is None or parts is None:
            raise AyolomError(
                f"model={self._file or 'model'}: an inspection needs boxes (damage) and a class map (parts) from one "
                "model; train one with data of both tasks, such as cardamage.yaml"
            )
        self._boxes, self._parts = boxes, parts
        self.names: dict[int, str] = dict(parts.spec.names)
        self.problems: list[str] = []

    def description(self) -> Model:
        """Return what a report says of the model."""
        name = self._file or Path(str(self._yolo.ckpt_path or "model"))
        return Model(
            name=name.name,
            sha256=file_sha256(name) if name.is_file() else None,
            damage_task=self._boxes.name,
            parts_task=self._parts.name,
            damage_names=tuple(self._boxes.spec.names.values()),
            part_names=tuple(self.names.values()),
            settings={name: str(value) for name, value in sorted(self._settings.items())},
        )

    def pictures(self, source: Any) -> Iterator[Picture]:
        """Yield every photo and frame of a source with what the model finds in it.

        Raises:
            AyolomError: The source is a camera or a stream, which has no end, or holds nothing that can be read.
        """
        from ultralytics.data.utils import VID_FORMATS

        if isinstance(source, int) or "://" in str(source)[:12] or str(source).isdigit():
            raise AyolomError(f"source={source}: has no end; record the walk round the vehicle and give the file")
        settings = {"save": False, "verbose": False, **self._settings}
        stride = int(settings.get("vid_stride", 1))
        names, frames, rates = _Names(source), dict[str, int](), dict[str, float]()
        for result in self._yolo.predict(source, stream=True, **settings):
            path = str(result.path)
            if Path(path).suffix[1:].lower() in VID_FORMATS:
                frame = frames.get(path, 0)
                frames[path] = frame + stride
                rate = rates.setdefault(path, _rate(path))
                yield from_results(result, names.of(path), frame, rate)
            else:
                yield from_results(result, names.fresh(path))
        dataset = getattr(self._yolo.predictor, "dataset", None)
        self.problems += getattr(dataset, "problems", [])


class _Names:
    """Names of pictures for a report: short, and each of them once."""

    def __init__(self, source: Any) -> None:
        """Take the folder of the source as the root of names."""
        self._root = Path(source).expanduser().absolute() if isinstance(source, (str, Path)) else None
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, path: str) -> str:
        """Return the name of a path, the same each time."""
        if path not in self._given:
            self._given[path] = self.fresh(path)
        return self._given[path]

    def fresh(self, path: str) -> str:
        """Return a name that no other picture has."""
        file = Path(path)
        below = self._root is not None and file.is_absolute() and file.is_relative_to(self._root) and file != self._root
        name = file.relative_to(self._root).as_posix() if below and self._root is not None else file.name
        unique, number = name, 2
        while unique in self._taken:
            unique, number = f"{name} ({number})", number + 1
        self._taken.add(unique)
        return unique


def _rate(path: str) -> float:
    """Return the frames a second of a video."""
    video = cv2.VideoCapture(path)
    try:
        rate = float(video.get(cv2.CAP_PROP_FPS))
    finally:
        video.release()
    return rate if 0 < rate < 1000 else DEFAULT_RATE
