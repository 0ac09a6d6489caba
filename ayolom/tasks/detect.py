"""Boxes with a class: the base's Detect head, loss, suppression and metrics, bound to one named task."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from ultralytics.models.yolo.detect import DetectionValidator
from ultralytics.nn.modules import Detect
from ultralytics.utils import ops
from ultralytics.utils.loss import E2ELoss, v8DetectionLoss
from ultralytics.utils.nms import non_max_suppression

from ayolom.errors import AyolomError
from ayolom.tasks.base import Task, box_offsets, kept_rows, label_path, scale_last
from ayolom.tasks.detect_study import DetectStudy
from ayolom.tasks.labels import read_boxes, read_text, split_polygons
from ayolom.tiling import cut_off, merge_boxes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from torch import nn
    from ultralytics.engine.results import Results
    from ultralytics.engine.validator import BaseValidator

    from ayolom.tiling import Tile

MODERN_BLOCKS = frozenset({"C3k2", "A2C2f", "C2fCIB"})


class LegacyDetect(Detect):
    """The base's head as YOLOv8 has it: plain convolutions in the class branch."""

    legacy = True


class ModernDetect(Detect):
    """The base's head as YOLO11 and YOLO26 have it: depthwise convolutions in the class branch."""

    legacy = False


class DetectTask(Task):
    """Detection of boxes.

    Raw head output is the base's: in training a dict with "boxes" (B, 4 * reg_max, A), "scores" (B, nc, A) and
    "feats", or two of them under "one2many" and "one2one"; in inference a tuple of decoded predictions and that dict.
    """

    kind = "detect"
    heads: ClassVar[tuple[str, ...]] = ("Detect",)
    main_metric = "mAP50-95"
    tiled = True

    @property
    def box_classes(self) -> int:  # type: ignore[override]
        """Number of class ids in the shared list of instances."""
        return self.spec.nc

    # The head ---------------------------------------------------------------------------------------------------------
    def build_head(self, module: str, args: list[Any], channels: list[int], model: dict[str, Any]) -> nn.Module:
        """Make the base's Detect head; `reg_max` and `end2end` come from the model YAML."""
        if module not in self.heads:
            raise AyolomError(f"{module}: not a head of kind detect; use one of {', '.join(self.heads)}")
        if args:
            raise AyolomError(f"Detect takes no arguments (got {args}); class names come from the dataset")
        rows = [*model["backbone"], *(row for task in model["tasks"].values() for row in task.get("neck") or [])]
        head = ModernDetect if any(row[2] in MODERN_BLOCKS for row in rows) else LegacyDetect
        return head(self.spec.nc, model.get("reg_max", 16), bool(model.get("end2end", False)), tuple(channels))

    def init_head(self, head: nn.Module, strides: list[float]) -> None:
        """Set the strides of the levels and the biases that depend on them."""
        head.stride = torch.tensor(strides)
        head.bias_init()  # type: ignore[operator]

    def divide_logits(self, head: nn.Module, temperature: float) -> None:
        """Scale the last layer of the branch that infers, so that a score is sigmoid(logit / temperature).

        That rises with the logit as before, so boxes keep their order.
        """
        for level in head.one2one_cv3 if head.end2end else head.cv3:  # type: ignore[union-attr]
            scale_last(level, temperature)

    # Labels -----------------------------------------------------------------------------------------------------------
    def label_file(self, image_file: str | Path, root: Path) -> Path:
        """Return the text file that holds the image's boxes."""
        return label_path(image_file, root, self.spec.labels or "labels", ".txt")

    def read(self, label_file: Path, shape: tuple[int, int]) -> dict[str, np.ndarray]:
        """Read one YOLO text file: rows of `class x y w h`, or polygons, which become their bounding boxes."""
        label = read_boxes(read_text(label_file), self.spec.nc, label_file, single_cls=self.spec.single_cls)
        return label if self.spec.classes is None else _only(label, self.spec.classes)

    def is_empty(self, label: dict[str, np.ndarray]) -> bool:
        """Return whether the image is said to hold nothing of this task."""
        return len(label["cls"]) == 0

    def instances(self, label: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Return class ids, boxes and, where all rows of the file were polygons, those."""
        return label["cls"], label["bboxes"], split_polygons(label)

    def select(self, batch: dict[str, Any], images: torch.Tensor, tasks: Sequence[Task]) -> dict[str, Any]:
        """Return this task's boxes of the images to keep, with class ids and image numbers from 0."""
        offset = box_offsets(tasks)[self.name]
        cls, image = batch["cls"].view(-1), batch["batch_idx"].long()
        images = images.to(cls.device)
        rows = (cls >= offset) & (cls < offset + self.spec.nc) & images[image]
        number = images.long().cumsum(0) - 1
        return {
            **kept_rows(batch, images),
            "cls": (batch["cls"][rows] - offset).view(-1, 1),
            "bboxes": batch["bboxes"][rows],
            "batch_idx": number[image[rows]].to(batch["batch_idx"].dtype),
        }

    # Training and validation ------------------------------------------------------------------------------------------
    def criterion(
        self, head: nn.Module, args: Any, settings: Any, class_weights: torch.Tensor | None
    ) -> Callable[[Any, dict[str, Any]], tuple[torch.Tensor, dict[str, torch.Tensor]]]:
        """Return the base's loss: assignment, BCE, CIoU, and DFL or L1; for dual heads both branches."""
        view = SimpleNamespace(model=[head], args=args, parameters=head.parameters, class_weights=class_weights)
        dual = getattr(head, "one2one_cv2", None) is not None
        return E2ELoss(view) if dual else v8DetectionLoss(view)

    def loss_names(self, criterion: Any) -> tuple[str, ...]:
        """Return the base's names; a dual head reports its one-to-one branch."""
        return tuple(getattr(criterion, "one2one", criterion).loss_names)

    def class_counts(self, labels: Iterable[dict[str, np.ndarray]]) -> np.ndarray:
        """Return the number of boxes of each class, (nc,) float."""
        ids = np.concatenate([np.zeros(0, np.int64), *(label["cls"].astype(np.int64) for label in labels)])
        return np.bincount(ids, minlength=self.spec.nc).astype(float)

    def validator(self, args: Any, save_dir: Path, callbacks: dict[str, list]) -> BaseValidator:
        """Return the base's detection validator."""
        return DetectionValidator(None, save_dir, args, callbacks)

    def study(self, settings: Any) -> DetectStudy:
        """Return what looks on at a validation and counts what the base does not."""
        return DetectStudy(self, settings)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Precision and recall at the best F1, and mean average precision at IoU 0.5 and over 0.5 to 0.95."""
        return ("precision", "recall", "mAP50", "mAP50-95")

    def metric_values(self, metrics: Any) -> tuple[float, ...]:
        """Return the base's means over classes."""
        return tuple(float(value) for value in metrics.mean_results())

    def fitness(self, metrics: Any) -> float:
        """Return the base's fitness of boxes."""
        return float(metrics.fitness)

    # Export -----------------------------------------------------------------------------------------------------------
    def export_output(self, raw: Any, shape: tuple[int, int], form: str) -> torch.Tensor:
        """Return final boxes (B, max_det, 6), or of a head that needs suppression (B, 4 + nc, anchors)."""
        return raw[0] if isinstance(raw, (tuple, list)) else raw

    def export_layout(self, head: nn.Module, form: str) -> dict[str, Any]:
        """Return the form of the boxes, in pixels of the network's input."""
        if head.end2end:
            return {"axes": ["batch", "detections", 6], "content": "x1 y1 x2 y2 score class"}
        return {"axes": ["batch", 4 + self.spec.nc, "anchors"], "content": "x y w h, then the score of each class"}

    # Prediction -------------------------------------------------------------------------------------------------------
    def decode(
        self, output: Any, image_shape: tuple[int, int], original_shapes: list[tuple[int, int]], args: Any
    ) -> list[dict[str, torch.Tensor]]:
        """Suppress duplicates and move the boxes into the original images."""
        found = non_max_suppression(
            output,
            args.conf,
            args.iou,
            args.classes,
            args.agnostic_nms,
            multi_label=getattr(args, "multi_label", False),
            max_det=args.max_det,
            end2end=args.end2end,
        )
        for boxes, shape in zip(found, original_shapes, strict=True):
            boxes[:, :4] = ops.scale_boxes(image_shape, boxes[:, :4], shape)
        return [{"boxes": boxes[:, :6]} for boxes in found]

    def merge_tiles(
        self, found: Sequence[tuple[Tile, dict[str, torch.Tensor]]], shape: tuple[int, int], args: Any
    ) -> dict[str, torch.Tensor]:
        """Move the boxes of each tile to its place in the picture and make one list of them."""
        boxes, cut = [], []
        for tile, values in found:
            moved = values["boxes"].clone()
            moved[:, :4] += moved.new_tensor([tile.left, tile.top, tile.left, tile.top])
            boxes.append(moved)
            cut.append(cut_off(moved, tile, shape))
        return {"boxes": merge_boxes(torch.cat(boxes), torch.cat(cut), agnostic=args.agnostic_nms, limit=args.max_det)}

    def sentence(self, result: Results) -> str:
        """Return the number of boxes of each class."""
        counts = np.bincount(_array(result.boxes.cls).astype(int), minlength=self.spec.nc)
        words = [f"{count} {self.spec.names[i]}{'s' * int(count > 1)}, " for i, count in enumerate(counts) if count]
        return "".join(words) or f"no {self.name}, "

    def draw(self, image: np.ndarray, result: Results, options: Any) -> np.ndarray:
        """Draw the boxes with their names and confidences."""
        from ayolom.draw import draw_boxes

        if not options.boxes:
            return image
        boxes = result.boxes
        return draw_boxes(
            image,
            _array(boxes.xyxy),
            _array(boxes.cls).astype(int),
            _array(boxes.conf),
            self.spec.names,
            ids=_array(boxes.id).astype(int) if boxes.is_track else None,
            line_width=options.line_width,
            show_labels=options.labels,
            show_conf=options.conf,
        )

    def save(self, result: Results, folder: Path, stem: str, save_conf: bool = False) -> Path | None:
        """Write the boxes as YOLO text; an image without any gets an empty file, as in a dataset."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{stem}.txt"
        file.write_text("", encoding="utf-8")
        result.save_txt(file, save_conf)
        return file


def _array(values: Any) -> np.ndarray:
    """Return a tensor or array as a numpy array."""
    return values.cpu().numpy() if isinstance(values, torch.Tensor) else values


def _only(label: dict[str, np.ndarray], classes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Return the label with the rows of the given classes; polygons, whose points are flat, are reduced to boxes."""
    rows = np.isin(label["cls"], classes)
    return {"cls": label["cls"][rows], "bboxes": label["bboxes"][rows]}
