"""Prediction of all tasks from one forward pass, on every source that the base reads."""

from __future__ import annotations

from copy import copy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from ultralytics.engine.predictor import BasePredictor
from ultralytics.utils import DEFAULT_CFG, ops

from ayolom.compat import ensure_torchvision
from ayolom.config import Settings, for_task, split_settings
from ayolom.data.sources import readable
from ayolom.engine.by_task import check_by_task, chosen_tasks
from ayolom.engine.checkpoint import build_model, is_checkpoint, read_checkpoint
from ayolom.engine.compiling import compiled
from ayolom.engine.export_formats import check_runtime
from ayolom.engine.results import MultiTaskResults
from ayolom.engine.runtime import answers, native, use_threads
from ayolom.engine.tiled import TileSearch
from ayolom.engine.video import jpeg_video
from ayolom.errors import AyolomError
from ayolom.memory import keep_freed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ayolom.engine.tiled import Found


class MultiTaskPredictor(BasePredictor):
    """The base's predictor with results that hold several tasks.

    Attributes:
        settings: Our own settings; may be changed between calls.
        search: The search of tiles, None where none is asked for.
        in_tiles: What it found in each image of the batch.
    """

    search: TileSearch | None = None
    in_tiles: list[Found]

    def __init__(
        self,
        cfg: Any = DEFAULT_CFG,
        overrides: dict[str, Any] | None = None,
        _callbacks: dict[str, list] | None = None,
        settings: Settings | None = None,
    ) -> None:
        """Prepare for prediction.

        Args:
            cfg: The base's defaults.
            overrides: The base's settings, and ours when `settings` is None.
            _callbacks: The base's callbacks by event.
            settings: Our settings.
        """
        ensure_torchvision()
        base, own = split_settings(overrides or {})
        self.settings = settings or own
        super().__init__(cfg, {**base, "task": "multitask"}, _callbacks)

    def setup_model(self, model: Any, verbose: bool = True) -> None:
        """Load the network into the base's backend and give it the machine's cores."""
        if isinstance(model, (str, Path)) and is_checkpoint(model):
            model = build_model(read_checkpoint(model))
        elif isinstance(model, (str, Path)):
            check_runtime(str(model), self.args.dnn)
        mode, self.args.compile = self.args.compile, False  # compiled below, in a way of our own
        super().setup_model(model, verbose)
        self.model: Any = compiled(self.model, self.device, mode)
        self.args.compile = mode
        use_threads(self.settings, self.device)
        if self.device.type == "cpu":
            keep_freed()

    def setup_source(self, source: Any, stride: int | None = None) -> None:
        """Open the source; of files, those that cannot be read are named and left out."""
        check_by_task(self.settings, native(self.model).tasks)
        self.search = self._make_search() if self.settings.tile and not self.args.embed else None
        channels = getattr(self.model, "channels", 3)
        try:
            super().setup_source(readable(source, self.args.batch, self.args.vid_stride, channels), stride)
        except ConnectionError as error:
            raise AyolomError(
                f"source={source}: this camera or stream cannot be opened; check its number or address, that it runs, "
                "and that no other program holds it"
            ) from error
        # The base closes its source however a prediction ends, and its files only when all frames are through.
        self.dataset.close = partial(self._close, getattr(self.dataset, "close", None))

    def _close(self, close: Callable[[], None] | None) -> None:
        """Close the source by its own `close`, where it has one, and end the video files."""
        try:
            if close is not None:
                close()
        finally:
            for writer in self.vid_writer.values():
                writer.release()

    def preprocess(self, im: torch.Tensor | list[np.ndarray]) -> torch.Tensor:
        """Prepare the images and choose the tasks to compute."""
        network = native(self.model)
        network.active = chosen_tasks(self.settings.only_tasks, list(network.tasks))
        if self.search is not None and not self.settings.tile_whole:  # tiles answer for the tasks that look at them
            network.active = (network.active or frozenset(network.tasks)) - self.search.tasks
        return self._to_input(im)

    def _to_input(self, images: torch.Tensor | list[np.ndarray]) -> torch.Tensor:
        """Return the network's input (B, C, H, W) in [0, 1], of a CPU in less than half the base's time."""
        plain = not isinstance(images, torch.Tensor) and all(image.shape[2:] == (3,) for image in images)
        if not plain or self.device.type != "cpu" or self.model.fp16:
            return super().preprocess(images)
        return _planes(self.pre_transform(images)).float().div_(255)

    def inference(self, im: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """Run the network on the whole images; before, where tiles are to be searched, on those of each image.

        Tiles come first, as some runtimes overwrite the outputs of one call with those of the next.
        """
        self.in_tiles = []
        if self.search is not None:
            self.in_tiles = [self.search(image, augment=self.args.augment) for image in _pictures(self.batch[1])]
        return super().inference(im, *args, **kwargs)

    def _make_search(self) -> TileSearch:
        """Return the search of tiles for the settings of this call."""
        return TileSearch(
            self.model,
            self.settings,
            chosen_tasks(self.settings.only_tasks, list(native(self.model).tasks)),
            batch=self.args.batch,
            prepare=self._to_input,
            task_args=self._task_args,
        )

    def postprocess(self, preds: Any, img: torch.Tensor, orig_imgs: Any) -> list[MultiTaskResults]:
        """Decode every task into the frame of the original images.

        Args:
            preds: Output of each head by task name, or the outputs of an exported file.
            img: (B, 3, H, W) input of the network.
            orig_imgs: Original images, a list of (H, W, 3) BGR uint8, or a tensor (B, 3, H, W) RGB in [0, 1].

        Returns:
            One result for each image.
        """
        orig_imgs = _pictures(orig_imgs)
        shapes: list[tuple[int, int]] = [(image.shape[0], image.shape[1]) for image in orig_imgs]
        kinds = native(self.model).tasks
        found = {
            name: kinds[name].decode(output, (img.shape[2], img.shape[3]), shapes, self._task_args(name))
            for name, output in answers(self.model, preds).items()
        }
        results = []
        for i, (image, path) in enumerate(zip(orig_imgs, self.batch[0], strict=False)):
            values = {name: decoded[i] for name, decoded in found.items()}
            if self.search is not None:
                values = self.search.merge(self.in_tiles[i], values, shapes[i])
            result = MultiTaskResults(image, path, kinds, values)
            result.show_speed, result.show_legend = self.settings.show_speed, self.settings.show_legend
            if self.dataset.mode in {"video", "stream"}:  # the emptiest corner would wander from frame to frame
                result.legend_corner = "bottom left"
            results.append(result)
        return results

    def _task_args(self, name: str) -> Any:
        """Return the base's settings as they hold for one task; a plain `classes` list is for the first task."""
        args = for_task(self.args, self.settings, name)
        if name != next(iter(native(self.model).tasks)) and name not in self.settings.per_task.get("classes", {}):
            args = copy(args)
            args.classes = None
        args.end2end = native(self.model).end2end
        return args

    def write_results(self, i: int, p: Path, im: torch.Tensor, s: list[str]) -> str:
        """Write what is asked for; each task knows the speed that the picture may show."""
        for result in self.results[i].tasks.values():
            result.speed = self.results[i].speed
        return super().write_results(i, p, im, s)

    def save_predicted_images(self, save_path: Path, frame: int | None = 0) -> None:
        """Write the drawn picture, or the drawn frame of a video."""
        if self.dataset.mode in {"video", "stream"} and save_path not in self.vid_writer:
            self._begin_video(save_path)
        super().save_predicted_images(save_path, frame)

    def _begin_video(self, save_path: Path) -> None:
        """Begin the file of a video in our way where that can be done; else the base begins it."""
        fps = max(1, (self.dataset.fps if self.dataset.mode == "video" else 30) / self.args.vid_stride)
        writer = jpeg_video(save_path.with_suffix(".avi"), fps, self.plotted_img.shape[:2])
        if writer is not None:
            self.vid_writer[save_path] = writer
            if self.args.save_frames:
                (self.save_dir / f"{save_path.stem}_frames").mkdir(parents=True, exist_ok=True)


def _pictures(images: Any) -> Any:
    """Return original images as (H, W, 3) BGR uint8 arrays: a list as it is, a tensor (B, 3, H, W) RGB converted."""
    return images if isinstance(images, list) else ops.convert_torch2numpy_batch(images)[..., ::-1]


def _planes(images: Sequence[np.ndarray]) -> torch.Tensor:
    """Return (B, 3, H, W) uint8 RGB of images (H, W, 3) BGR of one size; OpenCV splits them faster than PyTorch."""
    planes = np.stack([plane for image in images for plane in cv2.split(image)[::-1]])
    return torch.from_numpy(planes).view(len(images), 3, *planes.shape[1:])
