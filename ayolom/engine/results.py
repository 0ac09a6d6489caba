"""What a user holds after prediction: one image with the results of all its tasks."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from ultralytics.engine.results import Boxes, Results, SemanticMask

if TYPE_CHECKING:
    import torch

    from ayolom.draw import Corner
    from ayolom.tasks import Task


class TaskResults(Results):
    """The base's results of one task in one image, which know how sure each pixel of a class map is.

    Attributes:
        confidence: What `save_conf=True` asks for: `confidence.data` (H, W) float in (0, 1], the probability of the
            class of each pixel of `semantic_mask`; None where it was not asked for, or the task has no class map.
    """

    _keys: tuple[str, ...]

    def __init__(self, *args: Any, confidence: torch.Tensor | None = None, **kwargs: Any) -> None:
        """Hold what a task found.

        Args:
            *args: Those of the base's `Results`.
            confidence: (H, W) float, or None.
            **kwargs: Those of the base's `Results`.
        """
        super().__init__(*args, **kwargs)
        self._keys = (*self._keys, "confidence")
        # The base's map of one value a pixel, which is moved between devices and indexed as a whole.
        self.confidence = None if confidence is None else SemanticMask(confidence, self.orig_shape)

    def new(self) -> TaskResults:
        """Return results of the same image without findings."""
        fresh = TaskResults(self.orig_img, self.path, self.names, speed=self.speed)
        fresh.save_dir = self.save_dir
        return fresh


class MultiTaskResults(Results):
    """Results of one image for several named tasks.

    `tasks[name]` is a `Results` of the base for that task alone, with the task's own class names. `boxes`, `names` and
    `semantic_mask` are those of the first task that has them, so that tools made for the base read them.

    Attributes:
        tasks: The base's results by task name.
        show_speed: Whether `plot` writes the milliseconds per image.
        show_legend: Whether `plot` explains the colours of regions.
        legend_corner: Where `plot` puts them, such as "bottom left"; None takes the emptiest corner.
    """

    def __init__(
        self,
        orig_img: np.ndarray,
        path: str,
        kinds: dict[str, Task],
        found: dict[str, dict[str, Any]] | None = None,
        speed: dict[str, float] | None = None,
    ) -> None:
        """Hold the findings of all tasks in one image.

        Args:
            orig_img: (H, W, 3) BGR uint8.
            path: Where the image came from.
            kinds: The model's tasks by name.
            found: What each task decoded: keyword arguments of the base's `Results`.
            speed: Milliseconds of preprocess, inference and postprocess.
        """
        self.kinds = kinds
        self.tasks = {
            name: TaskResults(orig_img, path, kinds[name].spec.names, speed=speed, **values)
            for name, values in (found or {}).items()
        }
        self.show_speed, self.show_legend = False, True
        self.legend_corner: Corner | None = None
        super().__init__(orig_img, path, self._names(), speed=speed)

    def _names(self) -> dict[int, str]:
        """Return the class names that belong to `boxes`, else to `semantic_mask`."""
        holders = (self._holder(key) for key in ("boxes", "semantic_mask"))
        return next((holder.names for holder in holders if holder is not None), {})

    def _holder(self, key: str) -> Results | None:
        """Return the first task's results that have the given attribute; results without a box count as False."""
        return next((result for result in self.tasks.values() if getattr(result, key) is not None), None)

    @property
    def boxes(self) -> Boxes | None:
        """Boxes of the first task that has any."""
        holder = self._holder("boxes")
        return None if holder is None else holder.boxes

    @boxes.setter
    def boxes(self, value: Boxes | None) -> None:
        holder = self._holder("boxes")
        if value is not None and holder is not None:
            holder.boxes = value

    @property
    def semantic_mask(self) -> SemanticMask | None:
        """Class map of the first task that has one."""
        holder = self._holder("semantic_mask")
        return None if holder is None else holder.semantic_mask

    @semantic_mask.setter
    def semantic_mask(self, value: SemanticMask | None) -> None:
        holder = self._holder("semantic_mask")
        if value is not None and holder is not None:
            holder.semantic_mask = value

    def new(self) -> MultiTaskResults:
        """Return results of the same image without findings."""
        fresh = MultiTaskResults(self.orig_img, self.path, self.kinds, speed=self.speed)
        fresh.names, fresh.save_dir = self.names, self.save_dir
        fresh.show_speed, fresh.show_legend = self.show_speed, self.show_legend
        fresh.legend_corner = self.legend_corner
        return fresh

    def _apply(self, fn: str, *args: Any, **kwargs: Any) -> MultiTaskResults:
        """Apply a function of the base's tensors to every task; an index applies to `boxes` only."""
        fresh = self.new()
        holder = self._holder("boxes")
        for name, result in self.tasks.items():
            keep = fn == "__getitem__" and result is not holder
            fresh.tasks[name] = result if keep else result._apply(fn, *args, **kwargs)
        return fresh

    def summary(self, normalize: bool = False, decimals: int = 5) -> list[dict[str, Any]]:
        """Return one row for each finding of every task; "task" names it.

        Args:
            normalize: Whether corners are given as shares of the image's sides.
            decimals: Digits behind the point.
        """
        return [
            row for name, result in self.tasks.items() for row in self.kinds[name].rows(result, normalize, decimals)
        ]

    def verbose(self) -> str:
        """Return what every task found, in a few words."""
        return "".join(self.kinds[name].sentence(result) for name, result in self.tasks.items())

    def plot(
        self,
        conf: bool = True,
        line_width: float | None = None,
        img: np.ndarray | None = None,
        labels: bool = True,
        boxes: bool = True,
        masks: bool = True,
        legend: bool | None = None,
        show: bool = False,
        save: bool = False,
        filename: str | None = None,
        **_: Any,
    ) -> np.ndarray:
        """Draw all tasks: regions first, boxes over them, then the legend.

        Args:
            conf: Whether labels show confidences.
            line_width: Width of box lines in pixels; by the image's size when None.
            img: BGR uint8 picture to draw on instead of the original.
            labels: Whether boxes carry labels.
            boxes: Whether to draw boxes.
            masks: Whether to tint regions.
            legend: Whether to explain the colours of regions; `show_legend` when None.
            show: Whether to open a window.
            save: Whether to write the picture to `filename`.
            filename: Target of `save`.

        Returns:
            (H, W, 3) BGR uint8.
        """
        from ayolom.draw import draw_caption, draw_legend

        image = np.ascontiguousarray(self.orig_img if img is None else img).copy()
        options = SimpleNamespace(conf=conf, line_width=line_width, labels=labels, boxes=boxes, masks=masks)
        entries = []
        for name in sorted(self.tasks, key=lambda name: -self.kinds[name].planes):
            image = self.kinds[name].draw(image, self.tasks[name], options)
            entries += self.kinds[name].legend(self.tasks[name])
        if entries and masks and (self.show_legend if legend is None else legend):
            avoid = None if self.boxes is None else self.boxes.cpu().numpy().xyxy
            image = draw_legend(image, entries, corner=self.legend_corner, avoid=avoid)
        if self.show_speed and self.speed.get("inference") is not None:
            image = draw_caption(image, [f"{sum(filter(None, self.speed.values())):.0f} ms/frame"])
        if show:
            cv2.imshow(str(self.path), image)
            cv2.waitKey(1)
        if save:
            target = Path(filename or f"results_{Path(self.path).name}")
            cv2.imencode(target.suffix or ".jpg", image)[1].tofile(target)
        return image

    def save_txt(self, txt_file: str | Path, save_conf: bool = False) -> str:
        """Write every task in its dataset's own form: boxes to `txt_file`, other tasks into folders beside it.

        The first task with boxes gets `txt_file`; task "parts" beside "labels/a.txt" gets "labels-parts/a.png".

        Args:
            txt_file: Target of the boxes.
            save_conf: Whether rows end with the confidence.

        Returns:
            `txt_file` as text.
        """
        file, first = Path(txt_file), self._holder("boxes")
        for name, result in self.tasks.items():
            folder = file.parent if result is first else file.parent.with_name(f"{file.parent.name}-{name}")
            self.kinds[name].save(result, folder, file.stem, save_conf)
        return str(txt_file)

    def save_crop(self, save_dir: str | Path, file_name: str | Path = Path("im.jpg")) -> None:
        """Write a picture of each box of the first task with boxes, in a folder for each class."""
        holder = self._holder("boxes")
        if holder is not None:
            holder.save_crop(save_dir, file_name)
