"""A class for every pixel: a mask head, its losses and the base's metrics, bound to one named task."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import cv2
import numpy as np
import torch
from ultralytics.models.yolo.semantic import SemanticSegmentationValidator
from ultralytics.nn.modules import SemanticSegment
from ultralytics.utils import ops

from ayolom.errors import AyolomError
from ayolom.modules import SegmentationHead
from ayolom.tasks.base import Plane, Task, kept_rows, label_path, plane_index, scale_last
from ayolom.tasks.class_map import class_map, exported_class_map, in_original, values_in
from ayolom.tasks.labels import count_mask, count_values, rasterise, read_mask, read_polygons, read_text
from ayolom.tasks.mask_loss import mask_criterion, resized
from ayolom.tasks.semantic_study import SemanticStudy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import nn
    from ultralytics.engine.results import Results
    from ultralytics.engine.validator import BaseValidator

LOGITS_ONLY = frozenset({"ncnn"})  # formats without argmax
BY_BLOCKS = frozenset({"onnx", "openvino"})  # formats whose runtimes are slow to find the best class of enlarged logits
NO_SMALL_INTEGERS = frozenset({"engine", "coreml", "mlmodel"})  # TensorRT before 10 and Core ML give 32 bits at least


class SemanticTask(Task):
    """Segmentation into classes; with one class, that class against background (one logit, mask values 0 and 1).

    Raw head output is logits (B, nc, H / s, W / s) at the head's stride s; in training heads with an auxiliary branch
    give a tuple (main, auxiliary).
    """

    kind = "semantic"
    heads: ClassVar[tuple[str, ...]] = ("SegmentationHead", "SemanticSegment")
    main_metric = "mIoU"
    planes = 1

    @property
    def background(self) -> int:
        """Value of pixels that belong to no object."""
        named = [i for i, name in self.spec.names.items() if name.lower() == "background"]
        return named[0] if named else 0

    # The head ---------------------------------------------------------------------------------------------------------
    def build_head(self, module: str, args: list[Any], channels: list[int], model: dict[str, Any]) -> nn.Module:
        """Make the mask head.

        `SegmentationHead` takes [stride of its input, stride of its output, auxiliary branch, separable];
        `SemanticSegment` is the base's and takes nothing.
        """
        if module == "SemanticSegment":
            return SemanticSegment(self.spec.nc, channels)
        if module != "SegmentationHead":
            raise AyolomError(f"{module}: not a head of kind semantic; use one of {', '.join(self.heads)}")
        if not 2 <= len(args) <= 4:
            raise AyolomError(
                f"SegmentationHead takes [input stride, output stride, auxiliary, separable] (got {args})"
            )
        return SegmentationHead(self.spec.nc, channels, *args)

    def init_head(self, head: nn.Module, strides: list[float]) -> None:
        """Tell the head its strides.

        Raises:
            AyolomError: The head's row names another input stride than its input has.
        """
        if isinstance(head, SegmentationHead):
            head.set_strides(strides)
        else:
            head.stride = torch.tensor(strides)

    def strip_head(self, head: nn.Module) -> None:
        """Drop the auxiliary branch, which only training reads."""
        if getattr(head, "aux_head", None) is not None:
            head.aux_head = None  # type: ignore[assignment]

    def divide_logits(self, head: nn.Module, temperature: float) -> None:
        """Scale the last layer, so that the softmax or sigmoid of its logits is that of logits / temperature."""
        scale_last(head.classifier, temperature)  # type: ignore[arg-type]

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
        return _summary(*count_mask(label_file, shape, self.spec.nc, self.spec.ignore))

    def is_empty(self, label: dict[str, np.ndarray]) -> bool:
        """Return whether the mask is background throughout."""
        present = label["present"] if "present" in label else label["cls"]
        return set(present.tolist()) <= {self.background, 255}

    def plane(self, label: dict[str, np.ndarray], label_file: Path, shape: tuple[int, int]) -> np.ndarray:
        """Return the mask at the given (H, W): polygons are drawn at that size, a PNG is resized by nearest pixel.

        The pixel nearest to the centre is taken: OpenCV's plain nearest takes the one nearest to the upper left corner,
        which moves a mask that is made four times smaller by 0.4 of its pixels against its image.
        """
        if self.spec.polygons:
            mask = rasterise(label, shape, self.spec.nc, self.background)
        else:
            mask = read_mask(label_file, tuple(label["size"]), self.spec.nc, self.spec.ignore)
        if mask.shape != tuple(shape):
            mask = cv2.resize(mask, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST_EXACT)
        return self._chosen(mask)

    def read_plane(self, label_file: Path, shape: tuple[int, int]) -> Plane:
        """Return what `read` returns, the mask of that shape and its counts; a PNG is decoded and counted once."""
        if self.spec.polygons:
            label = self.read(label_file, shape)
            mask = self.plane(label, label_file, shape)
            return Plane(label, mask, count_values(mask))
        mask, counts = count_mask(label_file, shape, self.spec.nc, self.spec.ignore)
        chosen = self._chosen(mask)
        return Plane(_summary(mask, counts), chosen, counts if self.spec.classes is None else count_values(chosen))

    def _chosen(self, mask: np.ndarray) -> np.ndarray:
        """Return the mask with the classes that are not to be kept ignored, changed in place."""
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
        """Return the base's cross-entropy + Dice, or what the settings of masks ask for; see `mask_criterion`."""
        view = SimpleNamespace(model=[head], args=args, parameters=head.parameters, class_weights=class_weights)
        return mask_criterion(view, settings, class_weights)

    def loss_names(self, criterion: Any) -> tuple[str, ...]:
        """Return the names of the two terms and of the auxiliary branch's."""
        return criterion.loss_names

    def validator(self, args: Any, save_dir: Path, callbacks: dict[str, list]) -> BaseValidator:
        """Return the base's semantic validator."""
        return SemanticSegmentationValidator(None, save_dir, args, callbacks)

    def before_batch(self, validator: BaseValidator, batch: dict[str, Any]) -> None:
        """Tell the base's validator the size at which predictions meet labels."""
        validator._semantic_target_shape = tuple(batch["semantic_mask"].shape[-2:])

    def study(self, settings: Any) -> SemanticStudy:
        """Return what looks on at a validation and counts what the base does not."""
        return SemanticStudy(self, settings)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Names of the metrics; see `metric_values`."""
        binary = self.spec.nc == 1
        return ("mIoU", *(("IoU", "balanced_accuracy") if binary else ("mIoU_present",)), "pixel_accuracy")

    def metric_values(self, metrics: Any) -> tuple[float, ...]:
        """Return mIoU, then IoU and balanced accuracy if binary, else mIoU over present classes; pixel accuracy.

        mIoU averages over the classes that labels or predictions hold, so one that is only predicted counts as 0;
        `mIoU_present` averages over the classes of the labels, as the base does. In a binary task mIoU averages
        foreground and background, and IoU is the foreground's. Balanced accuracy is (sensitivity + specificity) / 2,
        as in YOLOP and A-YOLOM; where the labels hold only one of the two, what is known of them.
        """
        if metrics.matrix is None:
            return (0.0,) * len(self.metric_names)
        matrix = metrics.matrix.double()
        hit, labelled, predicted = matrix.diagonal(), matrix.sum(1), matrix.sum(0)
        union = labelled + predicted - hit
        iou = hit / union.clamp(min=1)
        accuracy = float(hit.sum() / matrix.sum().clamp(min=1))
        if self.spec.nc == 1:
            balanced = _mean((hit / labelled)[labelled > 0])
            return _mean(iou[union > 0]), float(iou[1]), balanced, accuracy
        return _mean(iou[union > 0]), _mean(iou[labelled > 0]), accuracy

    def fitness(self, metrics: Any) -> float:
        """Return the base's mIoU (over the classes present in the labels; of the foreground if binary)."""
        return float(metrics.fitness)

    # Export -----------------------------------------------------------------------------------------------------------
    def export_output(self, raw: Any, shape: tuple[int, int], form: str) -> torch.Tensor:
        """Return class ids (B, H, W) at the network's size, made as `decode` makes them; else the logits.

        Logits are for formats without argmax. The ids are uint8, which holds every mask's, or int32 where the runtime
        has no small integers.
        """
        logits = raw[0] if isinstance(raw, (tuple, list)) else raw
        if form in LOGITS_ONLY:
            return logits
        logits = logits.float()
        down, across = (int(want) / int(have) for want, have in zip(shape, logits.shape[2:], strict=True))
        if form in BY_BLOCKS and self.spec.nc > 1 and down == across == int(down):
            best = exported_class_map(logits, int(down))
        else:
            logits = resized(logits, shape)
            best = logits.argmax(1) if self.spec.nc > 1 else logits[:, 0] > 0
        return best.to(torch.int32 if form in NO_SMALL_INTEGERS else torch.uint8)

    def export_layout(self, head: nn.Module, form: str) -> dict[str, Any]:
        """Return the form of the class map."""
        if form in LOGITS_ONLY:
            return {"axes": ["batch", self.spec.nc, "rows", "columns"], "content": "logit of each class"}
        return {"axes": ["batch", "height", "width"], "content": "class of each pixel"}

    # Prediction -------------------------------------------------------------------------------------------------------
    def decode(
        self, output: Any, image_shape: tuple[int, int], original_shapes: list[tuple[int, int]], args: Any
    ) -> list[dict[str, torch.Tensor]]:
        """Take the best class of each pixel at the network's size and move the map into the original image.

        The map, not the logits, is resized to the original: resizing a plane of logits for each class to thousands of
        pixels would cost more than the network. With `save_conf`, the confidence in each pixel's class goes with it,
        but where the head gives classes instead of logits.
        """
        logits = output[0] if isinstance(output, (tuple, list)) else output
        if getattr(args, "save_conf", False) and logits.ndim == 4:
            large = resized(logits.float(), image_shape)
            best, confidence = _best(large), _confidence(large)
        else:
            best, confidence = _classes(logits, image_shape), None
        results = []
        for i, shape in enumerate(original_shapes):
            mask = in_original(best[i], shape)
            if args.classes is not None:
                mask[~torch.isin(mask, torch.as_tensor(args.classes, device=mask.device).to(mask.dtype))] = 255
            found = {"semantic_mask": mask}
            if confidence is not None:
                found["confidence"] = ops.scale_masks(confidence[i, None, None], shape, mode="nearest-exact")[0, 0]
            results.append(found)
        return results

    def present(self, result: Results) -> dict[int, str]:
        """Return the pixel values that occur in the map, background left out, with their names."""
        mask = result.semantic_mask.data
        mask = mask.cpu().numpy() if isinstance(mask, torch.Tensor) else mask
        shown = self.shown
        return {value: shown[value] for value in values_in(mask) if value in shown}

    @property
    def shown(self) -> dict[int, str]:
        """Names by pixel value, background left out."""
        if self.spec.nc == 1:
            return {1: self.spec.names[0]}
        return {value: name for value, name in self.spec.names.items() if name.lower() != "background"}

    def sentence(self, result: Results) -> str:
        """Return how many classes were found."""
        return f"{len(self.present(result))} {self.name}, "

    def draw(self, image: np.ndarray, result: Results, options: Any) -> np.ndarray:
        """Tint the regions."""
        from ayolom.draw import draw_regions

        if not options.masks:
            return image
        mask = result.semantic_mask.data
        mask = mask.cpu().numpy() if isinstance(mask, torch.Tensor) else mask
        return draw_regions(image, mask, self.shown, skip=set(range(256)) - set(self.shown))

    def legend(self, result: Results) -> list[tuple[str, tuple[int, int, int]]]:
        """Return name and BGR colour of the classes that occur."""
        from ayolom.draw import region_color

        return [(name, region_color(value)) for value, name in self.present(result).items()]

    def save(self, result: Results, folder: Path, stem: str, save_conf: bool = False) -> Path | None:
        """Write the class map as a PNG of class ids, the dataset's own form."""
        mask = result.semantic_mask.data
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{stem}.png"
        cv2.imencode(".png", mask.cpu().numpy() if isinstance(mask, torch.Tensor) else mask)[1].tofile(file)
        return file


def _summary(mask: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return the size of a mask (H, W) and the values that occur in it, of its counts (256,)."""
    return {"present": np.flatnonzero(counts).astype(np.int32), "size": np.array(mask.shape, np.int32)}


def _best(logits: torch.Tensor) -> torch.Tensor:
    """Return (B, H, W) class ids of logits (B, C, H, W); of one logit, whether it is above 0."""
    return logits.max(1).indices if logits.shape[1] > 1 else logits[:, 0] > 0


def _classes(logits: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """Return (B, H, W) the class of each pixel, of logits (B, C, H / s, W / s) or of class ids (B, H / s, W / s).

    Args:
        logits: Logits or class ids.
        shape: (H, W) of the network's input.
    """
    if logits.ndim == 3:
        same = tuple(logits.shape[1:]) == tuple(shape)
        return logits if same else resized(logits[:, None].float(), shape, "nearest-exact")[:, 0]
    if logits.shape[1] > 1:
        return class_map(logits.float(), shape)
    return _best(resized(logits.float(), shape))


def _confidence(logits: torch.Tensor) -> torch.Tensor:
    """Return (B, H, W) in (0, 1], the probability of the best class of logits (B, C, H, W); of one, its side's."""
    if logits.shape[1] == 1:
        return logits[:, 0].abs().sigmoid()
    return (logits.amax(1) - logits.logsumexp(1)).exp()


def _mean(values: torch.Tensor) -> float:
    """Return the mean, 0.0 of nothing."""
    return float(values.mean()) if len(values) else 0.0
