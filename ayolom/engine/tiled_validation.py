"""Images of a validation searched tile by tile, at their full size, which the batches do not have."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ultralytics.data.augment import LetterBox
from ultralytics.utils import ops

from ayolom.data.images import read_image
from ayolom.engine.tiled import TileSearch

if TYPE_CHECKING:
    from ayolom.engine.validator import MultiTaskValidator

Boxes = dict[str, torch.Tensor]  # of one image as the base's validator has them: "bboxes", "conf", "cls", "extra"


class TiledScoring:
    """Adds what is found in tiles to what the base's validators found in whole images."""

    def __init__(self, validator: MultiTaskValidator, model: Any) -> None:
        """Prepare.

        Args:
            validator: The validator, its tasks known.
            model: The base's `AutoBackend`.
        """
        self.validator, self.settings = validator, validator.settings
        self.auto = model.format == "pt" or getattr(model, "dynamic", False)
        self.search = TileSearch(
            model,
            validator.settings,
            validator.kinds,
            batch=validator.args.batch,
            prepare=self._prepare,
            task_args=self._task_args,
        )

    def kept(self, outputs: dict[str, Any]) -> dict[str, Any]:
        """Return copies of an exported file's outputs, which some runtimes overwrite in their next call."""
        return {name: raw.clone() if isinstance(raw, torch.Tensor) else raw for name, raw in outputs.items()}

    def add(self, found: dict[str, Any], batch: dict[str, Any], labelled: dict[str, torch.Tensor]) -> dict[str, Any]:
        """Return the findings of a batch with those of its images' tiles.

        Args:
            found: What the base's validators found, by task; of the images that are labelled for it.
            batch: The preprocessed batch.
            labelled: (B,) bool by task, which images are.

        Raises:
            AyolomError: An image cannot be read any more.
        """
        rows = {name: labelled[name].nonzero().flatten().tolist() for name in self.search.tasks if name in found}
        found = {name: list(values) if name in rows else values for name, values in found.items()}
        for image in sorted({image for images in rows.values() for image in images}):
            own = {name: images.index(image) for name, images in rows.items() if image in images}
            parts = {name: found[name][row] for name, row in own.items()}
            for name, boxes in self._search(parts, batch, image).items():
                found[name][own[name]] = boxes
        return found

    def _search(self, parts: dict[str, Boxes], batch: dict[str, Any], image: int) -> dict[str, Boxes]:
        """Return the boxes of some tasks in one image, those of its tiles among them, in the frame of the batch."""
        picture = read_image(batch["im_file"][image])
        in_tiles = {name: tiles for name, tiles in self.search(picture).items() if name in parts}
        if not in_tiles:
            return parts
        frame = (batch["img"].shape[2:], batch["ori_shape"][image], batch["ratio_pad"][image])
        whole = {name: {"boxes": _to_picture(boxes, *frame)} for name, boxes in parts.items()}
        merged = self.search.merge(in_tiles, whole if self.settings.tile_whole else {}, picture.shape[:2])
        return {**parts, **{name: _to_batch(values["boxes"], frame[2]) for name, values in merged.items()}}

    def _prepare(self, crops: list[np.ndarray]) -> torch.Tensor:
        """Return tiles (h, w, C) uint8 BGR as the network's input (B, C, H, W)."""
        fit = LetterBox(self.validator.args.imgsz, auto=self.auto, stride=self.validator.stride)
        tiles = torch.from_numpy(np.stack([fit(image=crop) for crop in crops])).permute(0, 3, 1, 2)
        tiles = tiles.to(self.validator.device).flip(1)  # BGR to RGB
        return (tiles.half() if self.validator.args.quantize == 16 else tiles.float()) / 255

    def _task_args(self, name: str) -> Any:
        """Return the base's settings as they hold for a task in validation."""
        args = copy(self.validator.parts[name].args)
        args.classes, args.end2end, args.multi_label = None, self.validator.end2end, True  # as the base scores
        args.agnostic_nms = args.agnostic_nms or args.single_cls
        return args


def _to_picture(boxes: Boxes, shape: Any, original: Any, ratio_pad: Any) -> torch.Tensor:
    """Return (N, 6) xyxy, confidence, class in the frame of the picture.

    Args:
        boxes: In the frame of the batch.
        shape: (H, W) of the batch.
        original: (H, W) of the picture.
        ratio_pad: ((gain down, gain across), (pad left, pad top)) from the picture to the batch.
    """
    corners = ops.scale_boxes(tuple(shape), boxes["bboxes"].clone(), original, ratio_pad)
    return torch.cat((corners, boxes["conf"][:, None], boxes["cls"][:, None]), 1)


def _to_batch(boxes: torch.Tensor, ratio_pad: Any) -> Boxes:
    """Return boxes (N, 6) of the picture as the base's validator has them, in the frame of the batch."""
    (down, across), (left, top) = ratio_pad
    corners = boxes[:, :4] * boxes.new_tensor([across, down, across, down]) + boxes.new_tensor([left, top, left, top])
    return {"bboxes": corners, "conf": boxes[:, 4], "cls": boxes[:, 5], "extra": boxes[:, 6:]}
