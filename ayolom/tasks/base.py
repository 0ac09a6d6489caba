"""What every kind of task is asked for: its head, its targets, its loss, its metrics, its results.

The engine loops over tasks and calls these methods; nothing outside a task's own file branches on its kind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import torch
    from torch import nn
    from ultralytics.engine.results import Results
    from ultralytics.engine.validator import BaseValidator

    from ayolom.tasks.study import Study
    from ayolom.tiling import Tile


class Plane(NamedTuple):
    """One label that is a mask, read once.

    Attributes:
        label: What `Task.read` returns.
        mask: (H, W) uint8, 255 where nothing is taught.
        counts: (256,) int64, pixels of each value of the mask.
    """

    label: dict[str, np.ndarray]
    mask: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class TaskSpec:
    """What a dataset or a checkpoint says of one task.

    Attributes:
        name: Name of the task, such as "damage"; keys every dictionary from head to report.
        kind: Kind of task, a key of `tasks.KINDS`, such as "detect".
        names: Class names by class id, ids 0 .. nc - 1 without gaps.
        flip_pairs: Pairs of class ids that change places when the image is mirrored left to right.
        labels: Folder of label text files, relative to the dataset's root.
        masks: Folder of PNG masks, relative to the dataset's root.
        polygons: Folder of polygon text files, relative to the dataset's root.
        ignore: Pixel value that teaches nothing.
        classes: Class ids to keep; None keeps all.
        single_cls: Whether all classes count as one.
    """

    name: str
    kind: str
    names: dict[int, str]
    flip_pairs: tuple[tuple[int, int], ...] = ()
    labels: str | None = None
    masks: str | None = None
    polygons: str | None = None
    ignore: int = 255
    classes: tuple[int, ...] | None = None
    single_cls: bool = False

    @property
    def nc(self) -> int:
        """Number of classes."""
        return len(self.names)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data (lists, dicts, numbers, strings) from which `from_dict` rebuilds the value."""
        plain = asdict(self)
        plain["flip_pairs"] = [list(pair) for pair in self.flip_pairs]
        plain["classes"] = None if self.classes is None else list(self.classes)
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> TaskSpec:
        """Rebuild a value from `to_dict`'s plain data."""
        return cls(
            **{
                **plain,
                "names": {int(k): str(v) for k, v in plain["names"].items()},
                "flip_pairs": tuple((int(a), int(b)) for a, b in plain.get("flip_pairs") or ()),
                "classes": None if plain.get("classes") is None else tuple(plain["classes"]),
            }
        )


class Task(ABC):
    """One named task of a model: what differs between kinds of task, and nothing else.

    Attributes:
        spec: The task's description.
        box_classes: How many class ids the task puts into the shared list of instances (0 for mask tasks).
        main_metric: The one of `metric_names` that stands for the task in a table.
        planes: How many mask planes the task needs (0 or 1).
        tiled: Whether tiles of a large picture are searched for the task, where that is asked for; else the whole
            picture alone answers, for what can be told from its surroundings only.
    """

    kind: ClassVar[str]
    heads: ClassVar[tuple[str, ...]]
    main_metric: ClassVar[str]
    box_classes: int = 0
    planes: int = 0
    tiled: ClassVar[bool] = False

    def __init__(self, spec: TaskSpec) -> None:
        """Bind the task to its description.

        Args:
            spec: Name, class names and label folders.
        """
        self.spec = spec

    @property
    def name(self) -> str:
        """Name of the task."""
        return self.spec.name

    # The head ---------------------------------------------------------------------------------------------------------
    @abstractmethod
    def build_head(self, module: str, args: list[Any], channels: list[int], model: dict[str, Any]) -> nn.Module:
        """Make the task's head.

        Args:
            module: Name of the head in the model YAML, one of `heads`.
            args: Arguments of the head's row.
            channels: Channels of each input, in the order of the row's references.
            model: The whole model YAML, for `reg_max`, `end2end`, `scales` and `scale`.

        Raises:
            AyolomError: The module is not a head of this kind or its arguments do not fit.
        """

    @abstractmethod
    def init_head(self, head: nn.Module, strides: list[float]) -> None:
        """Tell the head the stride of each input (pixels of the image per cell) and set its first biases."""

    def strip_head(self, head: nn.Module) -> None:
        """Remove what only training needs from the head, in place."""

    @abstractmethod
    def divide_logits(self, head: nn.Module, temperature: float) -> None:
        """Make the head give its logits divided by a temperature, by changing its weights in place."""

    # Labels -----------------------------------------------------------------------------------------------------------
    @abstractmethod
    def label_file(self, image_file: str | Path, root: Path) -> Path:
        """Return where the label of an image would lie; it need not exist (then the image is not labelled)."""

    @abstractmethod
    def read(self, label_file: Path, shape: tuple[int, int]) -> dict[str, np.ndarray]:
        """Read and check one label file.

        Args:
            label_file: An existing file.
            shape: (H, W) of the image in pixels.

        Returns:
            Plain arrays by name, fit to be cached.

        Raises:
            AyolomError: The label cannot be used; the message names the file and the remedy.
        """

    @abstractmethod
    def is_empty(self, label: dict[str, np.ndarray]) -> bool:
        """Return whether the label says that there is nothing to find."""

    def instances(self, label: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Return the label's boxes.

        Returns:
            Class ids (N,), boxes (N, 4) xywh normalised to [0, 1], polygons [(K, 2)] normalised (empty or N long).
        """
        return np.zeros(0, np.int32), np.zeros((0, 4), np.float32), []

    def plane(self, label: dict[str, np.ndarray], label_file: Path, shape: tuple[int, int]) -> np.ndarray:
        """Return the label's mask, (H, W) uint8 class ids with 255 where nothing is said, of the given shape."""
        raise NotImplementedError(f"{type(self).__name__} has no mask")

    def read_plane(self, label_file: Path, shape: tuple[int, int]) -> Plane:
        """Return what `read` returns, together with the mask of that shape and its counts; for tasks with masks.

        Raises:
            AyolomError: The label cannot be used; the message names the file and the remedy.
        """
        raise NotImplementedError(f"tasks of kind {self.kind} have no masks")

    @abstractmethod
    def select(self, batch: dict[str, Any], images: torch.Tensor, tasks: Sequence[Task]) -> dict[str, Any]:
        """Return the part of a collated batch that belongs to this task and to some of its images.

        Args:
            batch: A collated batch (see `data.dataset`).
            images: (B,) bool tensor, the images to keep.
            tasks: All tasks of the dataset, in order; they decide class offsets and mask planes.

        Returns:
            A batch in the form that the base's criteria and validators of this kind read: class ids from 0,
            `batch_idx` renumbered over the kept images.
        """

    # Training and validation ------------------------------------------------------------------------------------------
    @abstractmethod
    def criterion(
        self, head: nn.Module, args: Any, settings: Any, class_weights: torch.Tensor | None
    ) -> Callable[[Any, dict[str, Any]], tuple[torch.Tensor, dict[str, torch.Tensor]]]:
        """Return the loss of this task: (raw head output, selected batch) -> (loss to add up, named detached items)."""

    @abstractmethod
    def loss_names(self, criterion: Any) -> tuple[str, ...]:
        """Return the names of the items that a criterion of this task reports, in order."""

    def class_counts(self, labels: Iterable[dict[str, np.ndarray]]) -> np.ndarray | None:
        """Return how often each class occurs, (nc,) float, or None when the labels do not tell cheaply."""
        return None

    @abstractmethod
    def validator(self, args: Any, save_dir: Path, callbacks: dict[str, list]) -> BaseValidator:
        """Return the base's validator of this kind, which holds the metrics while the engine feeds it."""

    def before_batch(self, validator: BaseValidator, batch: dict[str, Any]) -> None:
        """Tell the validator what it must know of a preprocessed batch before its predictions arrive."""

    @abstractmethod
    def study(self, settings: Any) -> Study:
        """Return what looks on at a validation that is not part of a training and counts what the base does not."""

    @property
    @abstractmethod
    def metric_names(self) -> tuple[str, ...]:
        """Short names of the metrics, in the order of `metric_values`."""

    @abstractmethod
    def metric_values(self, metrics: Any) -> tuple[float, ...]:
        """Return the values of a finished validation, in the order of `metric_names`."""

    @abstractmethod
    def fitness(self, metrics: Any) -> float:
        """Return one number in [0, 1], higher is better, by which checkpoints of this task are compared."""

    # Export -----------------------------------------------------------------------------------------------------------
    @abstractmethod
    def export_output(self, raw: Any, shape: tuple[int, int], form: str) -> torch.Tensor:
        """Return the one tensor that an exported network gives for this task; `decode` reads it too.

        Args:
            raw: The fused head's inference output for a batch.
            shape: (H, W) of the network's input.
            form: Format of the export, such as "onnx"; some runtimes lack an operation or a type.
        """

    @abstractmethod
    def export_layout(self, head: nn.Module, form: str) -> dict[str, Any]:
        """Return what a reader of an exported file must know of `export_output`, as plain data.

        Args:
            head: The task's head as it is exported.
            form: Format of the export.

        Returns:
            "axes": for each axis its size, or a name where it follows the input; "content": what the values are.
        """

    # Prediction -------------------------------------------------------------------------------------------------------
    @abstractmethod
    def decode(
        self, output: Any, image_shape: tuple[int, int], original_shapes: list[tuple[int, int]], args: Any
    ) -> list[dict[str, torch.Tensor]]:
        """Turn the head's inference output into what the base's `Results` are made of.

        Args:
            output: The head's output for a batch.
            image_shape: (H, W) of the network's input.
            original_shapes: (H, W) of each original image.
            args: The base's settings as they hold for this task (`conf`, `iou`, `classes`, `max_det`,
                `agnostic_nms`, `save_conf`), and `end2end`.

        Returns:
            For each image, keyword arguments of `Results` in the frame of the original image: "boxes" (N, 6) xyxy
            pixels, confidence, class; or "semantic_mask" (H, W) class ids, 255 where nothing is said, and with
            `save_conf` also "confidence" (H, W) float in (0, 1], of the class of each pixel.
        """

    def merge_tiles(
        self, found: Sequence[tuple[Tile, dict[str, torch.Tensor]]], shape: tuple[int, int], args: Any
    ) -> dict[str, torch.Tensor]:
        """Make one answer of what was found in the tiles of a picture; for tasks that are `tiled`.

        Args:
            found: Tiles, among them maybe the whole picture, each with what `decode` returned for it.
            shape: (H, W) of the picture.
            args: As for `decode`.

        Returns:
            What `decode` would return for the picture.
        """
        raise NotImplementedError(f"tasks of kind {self.kind} do not look at tiles")

    def rows(self, result: Results, normalize: bool = False, decimals: int = 5) -> list[dict[str, Any]]:
        """Return one plain dictionary for each finding, for tables and JSON: the base's, with the task's name."""
        return [{"task": self.name, **row} for row in result.summary(normalize, decimals)]

    @abstractmethod
    def sentence(self, result: Results) -> str:
        """Return what was found in a few words, ending in ", ", for the line that the predictor prints."""

    @abstractmethod
    def draw(self, image: np.ndarray, result: Results, options: Any) -> np.ndarray:
        """Draw the result on a BGR uint8 image (H, W, 3) and return it.

        Args:
            image: The picture; may be changed in place.
            result: What the task found.
            options: `boxes`, `masks`, `labels`, `conf` (bool) and `line_width` (pixels or None).
        """

    def legend(self, result: Results) -> list[tuple[str, tuple[int, int, int]]]:
        """Return name and BGR colour of what a legend should explain; nothing by default."""
        return []

    @abstractmethod
    def save(self, result: Results, folder: Path, stem: str, save_conf: bool = False) -> Path | None:
        """Write the result in the dataset's own label format and return the file, or None when there is nothing."""


def label_path(image_file: str | Path, root: Path, folder: str, suffix: str) -> Path:
    """Return where the label of an image lies.

    The last folder named "images" in the image's path becomes `folder`. Where there is none, the path below `root`
    counts, and `folder` takes the place of its first folder.

    >>> label_path("/data/set/images/train/a.jpg", Path("/data/set"), "labels", ".txt").as_posix()
    '/data/set/labels/train/a.txt'
    >>> label_path("/data/set/photos/a.jpg", Path("/data/set"), "labels", ".txt").as_posix()
    '/data/set/labels/a.txt'
    """
    path = Path(image_file)
    parts = list(path.parts[:-1])
    if "images" in parts:
        last = len(parts) - 1 - parts[::-1].index("images")
        return Path(*parts[:last], folder, *parts[last + 1 :], path.name).with_suffix(suffix)
    below = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    rest = below.parts[1:] if len(below.parts) > 1 else below.parts
    return Path(root, folder, *rest).with_suffix(suffix)


def kept_rows(batch: dict[str, Any], images: torch.Tensor) -> dict[str, Any]:
    """Return the per-image entries of a collated batch for the images to keep.

    Args:
        batch: A collated batch.
        images: (B,) bool tensor.
    """
    numbers = images.nonzero().flatten().tolist()
    everything = len(numbers) == len(images)
    kept: dict[str, Any] = {k: [batch[k][i] for i in numbers] for k in PER_IMAGE if k in batch}
    if "img" in batch:
        kept["img"] = batch["img"] if everything else batch["img"][images.to(batch["img"].device)]
    return kept


def scale_last(layers: nn.Sequential, temperature: float) -> None:
    """Divide what a branch gives by a temperature: weights and bias of its last layer, a convolution, in place."""
    last: Any = layers[-1]
    last.weight.data /= temperature
    last.bias.data /= temperature


PER_IMAGE = ("im_file", "ori_shape", "ratio_pad", "resized_shape")


def box_offsets(tasks: Sequence[Task]) -> dict[str, int]:
    """Return by task name the first id of its classes in the list of instances that all tasks share."""
    offsets, total = {}, 0
    for task in tasks:
        offsets[task.name] = total
        total += task.box_classes
    return offsets


def plane_index(tasks: Sequence[Task]) -> dict[str, int]:
    """Return by task name its plane in `semantic_mask` (B, T, H, W); tasks without a mask are left out."""
    with_plane = [task.name for task in tasks if task.planes]
    return {name: i for i, name in enumerate(with_plane)}
