"""A class for every pixel: a mask head, its losses and the base's metrics, bound to one named task."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from ultralytics.models.yolo.semantic import SemanticSegmentationValidator
from ultralytics.nn.modules import SemanticSegment
from ultralytics.utils import ops
from ultralytics.utils.loss import SemanticSegmentationLoss

from ayolom.errors import AyolomError
from ayolom.losses import focal_loss, tversky_loss
from ayolom.modules import SegmentationHead
from ayolom.tasks.base import Task, TaskResult, kept_rows, label_path, plane_index
from ayolom.tasks.labels import rasterise, read_mask, read_polygons, read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import nn
    from ultralytics.engine.validator import BaseValidator


class SemanticTask(Task):
    """Segmentation into classes; with one class, that class against background (one logit, mask values 0 and 1).

    Raw head output is logits (B, nc, H / s, W / s) at the head's stride s; in training heads with an auxiliary branch
    give a tuple (main, auxiliary).
    """

    kind = "semantic"
    heads: ClassVar[tuple[str, ...]] = ("SegmentationHead", "SemanticSegment")
    planes = 1

    @property
    def background(self) -> int:
        """Value of pixels that belong to no object."""
        named = [i for i, name in self.spec.names.items() if name.lower() == "background"]
        return named[0] if named else 0

    # The head ---------------------------------------------------------------------------------------------------------
    def build_head(self, module: str, args: list[Any], channels: list[int], model: dict[str, Any]) -> nn.Module:
        """Make the mask head.

        `SegmentationHead` takes [stride of its input, stride of its output, auxiliary branch]; `SemanticSegment` is
        the base's and takes nothing.
        """
        if module == "SemanticSegment":
            return SemanticSegment(self.spec.nc, channels)
        if module != "SegmentationHead":
            raise AyolomError(f"{module}: not a head of kind semantic; use one of {', '.join(self.heads)}")
        if not 2 <= len(args) <= 3:
            raise AyolomError(f"SegmentationHead takes [input stride, output stride, auxiliary] (got {args})")
        return SegmentationHead(self.spec.nc, channels, *args)

    def init_head(self, head: nn.Module, strides: list[float]) -> None:
        """Tell the head its strides."""
        head.stride = torch.tensor(strides)

    def strip_head(self, head: nn.Module) -> None:
        """Drop the auxiliary branch, which only training reads."""
        if getattr(head, "aux_head", None) is not None:
            head.aux_head = None
        if hasattr(head, "strip"):
            head.strip()

    # Labels -----------------------------------------------------------------------------------------------------------
    def label_file(self, image_file: str | Path, root: Path) -> Path:
        """Return the PNG mask of the image, or the text file of its polygons."""
        if self.spec.polygons:
            return label_path(image_file, root, self.spec.polygons, ".txt")
        return label_path(image_file, root, self.spec.masks or "masks", ".png")

    def read(self, label_file: Path, shape: tuple[int, int]) -> dict[str, np.ndarray]:
        """Read and check one label: polygons as arrays, or of a PNG mask the class ids that occur in it."""
        if self.spec.polygons:
            return read_polygons(read_text(label_file), self.spec.nc, label_file, self.spec.single_cls)
        mask = read_mask(label_file, shape, self.spec.nc, self.spec.ignore)
        present = np.flatnonzero(np.bincount(mask.ravel(), minlength=256)).astype(np.int32)
        return {"present": present, "size": np.array(shape, np.int32)}

    def is_empty(self, label: dict[str, np.ndarray]) -> bool:
        """Return whether the mask is background throughout."""
        present = label["present"] if "present" in label else label["cls"]
        return not np.isin(present, (self.background, 255), invert=True).any()

    def plane(self, label: dict[str, np.ndarray], label_file: Path, shape: tuple[int, int]) -> np.ndarray:
        """Return the mask at the given (H, W): polygons are drawn at that size, a PNG is resized by nearest pixel."""
        if self.spec.polygons:
            mask = rasterise(label, shape, self.spec.nc, self.background)
        else:
            mask = read_mask(label_file, tuple(label["size"]), self.spec.nc, self.spec.ignore)
        if mask.shape != tuple(shape):
            mask = cv2.resize(mask, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)
        if self.spec.classes is not None:
            mask[~np.isin(mask, (*self.spec.classes, 255))] = 255
        return mask

    def select(self, batch: dict[str, Any], images: torch.Tensor, tasks: Sequence[Task]) -> dict[str, Any]:
        """Return this task's masks of the images to keep, (B', H, W) int32 with 255 to ignore."""
        masks = batch["semantic_mask"][:, plane_index(tasks)[self.name]]
        return {**kept_rows(batch, images), "semantic_mask": masks[images.to(masks.device)].to(torch.int32)}

    # Training and validation ------------------------------------------------------------------------------------------
    def criterion(
        self, head: nn.Module, args: Any, settings: Any, class_weights: torch.Tensor | None
    ) -> Callable[[Any, dict[str, Any]], tuple[torch.Tensor, dict[str, torch.Tensor]]]:
        """Return the base's cross-entropy + Dice, or A-YOLOM's focal + Tversky, as `mask_loss` says."""
        if settings.mask_loss == "focal_tversky":
            return FocalTverskyLoss(settings, class_weights)
        view = SimpleNamespace(model=[head], args=args, parameters=head.parameters, class_weights=class_weights)
        return SemanticSegmentationLoss(view)

    def loss_names(self, criterion: Any) -> tuple[str, ...]:
        """Return the names of the two terms and of the auxiliary branch's."""
        return getattr(criterion, "loss_names", ("ce_loss", "dice_loss", "aux_loss"))

    def validator(self, args: Any, save_dir: Path, callbacks: dict[str, list]) -> BaseValidator:
        """Return the base's semantic validator."""
        return SemanticSegmentationValidator(None, save_dir, args, callbacks)

    def results(self, metrics: Any) -> dict[str, float]:
        """Return mIoU over all classes and over those present, pixel accuracy; IoU and balanced accuracy if binary.

        Classes that neither labels nor predictions hold have no IoU and are left out of mIoU; classes that only
        predictions hold count as 0 there, while `mIoU_present` averages over the classes of the labels.
        Balanced accuracy is (sensitivity + specificity) / 2, as in YOLOP and A-YOLOM.
        """
        matrix = metrics.matrix
        if matrix is None:
            names = ("mIoU", "mIoU_present", "pixel_accuracy") + (("balanced_accuracy",) if self.spec.nc == 1 else ())
            return dict.fromkeys(names, 0.0)
        matrix = matrix.double()
        hit, labelled, predicted = matrix.diagonal(), matrix.sum(1), matrix.sum(0)
        union = labelled + predicted - hit
        iou = hit / union.clamp(min=1)
        if self.spec.nc == 1:
            recall = hit / labelled.clamp(min=1)
            values = {"mIoU": iou.mean(), "IoU": iou[1], "balanced_accuracy": recall.mean()}
        else:
            values = {"mIoU": _mean(iou[union > 0]), "mIoU_present": _mean(iou[labelled > 0])}
        values["pixel_accuracy"] = hit.sum() / matrix.sum().clamp(min=1)
        return {name: float(value) for name, value in values.items()}

    def fitness(self, metrics: Any) -> float:
        """Return the base's mIoU (over the classes present in the labels; of the foreground if binary)."""
        return float(metrics.fitness)

    # Prediction -------------------------------------------------------------------------------------------------------
    def decode(
        self, output: Any, image_shape: tuple[int, int], original_shapes: list[tuple[int, int]], args: Any
    ) -> list[TaskResult]:
        """Take the best class of each pixel and move the map into the original image.

        The classes are chosen at the head's own stride times two at most, and the map, not the logits, is resized to
        large originals: resizing 20 planes of logits to 4000 px would cost far more than the network.
        """
        logits = output[0] if isinstance(output, (tuple, list)) else output
        results = []
        for one, shape in zip(logits, original_shapes, strict=True):
            mask = self._class_map(one, image_shape, shape)
            if args.classes is not None:
                mask[~torch.isin(mask, torch.as_tensor(args.classes, device=mask.device))] = 255
            results.append(TaskResult(self.spec.names, mask=mask))
        return results

    def _class_map(
        self, logits: torch.Tensor, image_shape: tuple[int, int], shape: tuple[int, int]
    ) -> torch.Tensor:
        """Return (H, W) uint8 class ids of one image in its original frame, from logits (C, h, w) or a map (h, w)."""
        if logits.ndim == 2:
            resized = ops.scale_masks(_to(logits[None, None].float(), image_shape, "nearest"), shape, mode="nearest")
            return resized[0, 0].to(torch.uint8)
        logits = ops.scale_masks(_to(logits[None].float(), image_shape, "bilinear"), shape)[0]
        best = logits.max(0).indices if len(logits) > 1 else logits[0] > 0
        return best.to(torch.uint8)

    def rows(self, result: TaskResult, normalize: bool, decimals: int, shape: tuple[int, int]) -> list[dict[str, Any]]:
        """Return a row for each class that occurs: name, class, its pixels and their share of the image."""
        if result.mask is None:
            return []
        counts = np.bincount(result.mask.cpu().numpy().ravel(), minlength=256)
        shown = {1: self.spec.names[0]} if self.spec.nc == 1 else self.spec.names
        return [
            {
                "task": self.name,
                "name": name,
                "class": 0 if self.spec.nc == 1 else value,
                "pixels": int(counts[value]),
                "pixel_ratio": round(float(counts[value] / counts.sum()), decimals),
            }
            for value, name in shown.items()
            if counts[value]
        ]

    def draw(self, image: np.ndarray, result: TaskResult, options: Any) -> np.ndarray:
        """Tint the regions and, where asked, add a legend of the classes that occur."""
        from ayolom.draw import draw_regions

        if result.mask is None or not options.masks:
            return image
        mask = result.mask.cpu().numpy()
        names = {1: self.spec.names[0]} if self.spec.nc == 1 else self.spec.names
        return draw_regions(image, mask, names, skip={self.background, 255})

    def legend(self, result: TaskResult) -> list[tuple[str, tuple[int, int, int]]]:
        """Return name and BGR colour of the classes that occur, background left out."""
        from ayolom.draw import region_color

        return [
            (row["name"], region_color(row["class"] + (self.spec.nc == 1)))
            for row in self.rows(result, False, 3, (1, 1))
            if self.spec.nc == 1 or row["class"] != self.background
        ]

    def save(
        self, result: TaskResult, folder: Path, stem: str, save_conf: bool, shape: tuple[int, int]
    ) -> Path | None:
        """Write the class map as a PNG of class ids, the dataset's own form."""
        if result.mask is None:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{stem}.png"
        cv2.imencode(".png", result.mask.cpu().numpy())[1].tofile(file)
        return file


class FocalTverskyLoss:
    """A-YOLOM's mask loss: focal (24.0) + Tversky (8.0, alpha 0.7), doi 10.1109/TVT.2024.3394350."""

    loss_names = ("focal_loss", "tversky_loss", "aux_loss")

    def __init__(self, settings: Any, class_weights: torch.Tensor | None) -> None:
        """Take the weights from the settings.

        Args:
            settings: `config.Settings`.
            class_weights: (nc,) float tensor, or None for equal weights.
        """
        self.settings = settings
        self.class_weights = class_weights

    def __call__(self, preds: Any, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the loss times the number of images, as the base's criteria do, and its parts.

        Args:
            preds: Logits (B, nc, h, w), or a tuple (main, auxiliary).
            batch: With "semantic_mask" (B, H, W) of class ids, 255 to ignore.
        """
        main, auxiliary = preds if isinstance(preds, (tuple, list)) else (preds, None)
        target = batch["semantic_mask"].to(main.device)
        focal, tversky = self._terms(main, target)
        total = focal + tversky
        extra = total.new_zeros(())
        if auxiliary is not None:
            extra = self.settings.auxiliary * sum(self._terms(auxiliary, target))
            total = total + extra
        items = (focal.detach(), tversky.detach(), extra.detach())
        return total * len(main), dict(zip(self.loss_names, items, strict=True))

    def _terms(self, logits: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the two weighted terms, logits brought to the size of the target."""
        set_ = self.settings
        logits = _to(logits, tuple(target.shape[-2:]), "bilinear")
        focal = focal_loss(logits, target, gamma=set_.focal_gamma, class_weights=self.class_weights)
        tversky = tversky_loss(
            logits, target, alpha=set_.tversky_alpha, beta=1 - set_.tversky_alpha, class_weights=self.class_weights
        )
        return set_.focal * focal, set_.tversky * tversky


def _to(maps: torch.Tensor, shape: tuple[int, int], mode: str) -> torch.Tensor:
    """Return (B, C, h, w) maps at the given (H, W)."""
    if tuple(maps.shape[-2:]) == tuple(shape):
        return maps
    return F.interpolate(maps, size=shape, mode=mode, align_corners=False if mode == "bilinear" else None)


def _mean(values: torch.Tensor) -> float:
    """Return the mean, 0.0 of nothing."""
    return float(values.mean()) if len(values) else 0.0
