"""The base's augmentations, made safe for several masks and for classes that know left from right."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ultralytics.data.augment import Albumentations, BaseTransform, Compose, Format, Mosaic, RandomFlip
from ultralytics.utils import LOGGER

from ayolom.data.masks import IGNORE, look_up, pack, unpack
from ayolom.errors import AyolomError
from ayolom.tasks.base import box_offsets, plane_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ayolom.tasks.base import Task

# Albumentations that turn left into right; VerticalFlip and rotations do not.
MIRRORING = frozenset({"HorizontalFlip", "Flip", "Transpose", "D4", "SquareSymmetry"})
MASK_FILLS = ("fill_mask", "mask_value", "cval_mask", "mask_fill_value")  # names of one setting over the years

Sample = dict[str, Any]


class SwappingFlip(RandomFlip):
    """A flip that also exchanges the classes of each left and right pair when it mirrors left to right."""

    def __init__(self, flip: RandomFlip, boxes: np.ndarray | None, planes: Sequence[np.ndarray | None]) -> None:
        """Take over the settings of a flip.

        Args:
            flip: The base's flip.
            boxes: Table (C,) from shared class id to the id after mirroring; None when there are no pairs.
            planes: For each mask plane of the data set a table (256,) uint8, or None when there are no pairs.
        """
        super().__init__(flip.p, flip.direction, flip.flip_idx)
        self.boxes, self.planes = boxes, planes

    def apply_instances(self, labels: Sample, params: Sample) -> Sample:
        """Mirror the boxes, then exchange their classes."""
        labels = super().apply_instances(labels, params)
        if self._mirrors(params) and self.boxes is not None and len(labels["cls"]):
            labels["cls"] = self.boxes[labels["cls"].astype(np.intp)].astype(labels["cls"].dtype)
        return labels

    def apply_semantic(self, labels: Sample, params: Sample) -> Sample:
        """Mirror the masks, then exchange their classes."""
        labels = super().apply_semantic(labels, params)
        if self._mirrors(params) and labels.get("semantic_mask") is not None:
            labels["semantic_mask"] = look_up(labels["semantic_mask"], [self.planes[k] for k in labels["planes"]])
        return labels

    @staticmethod
    def _mirrors(params: Sample) -> bool:
        """Return whether this sample is mirrored left to right."""
        return params["flip"] and params["direction"] == "horizontal"


class PlanesMosaic(Mosaic):
    """A mosaic of four that keeps masks of more than one byte a pixel; the base's cuts them to one."""

    def __init__(self, mosaic: Mosaic) -> None:
        """Take over the settings of a mosaic."""
        super().__init__(mosaic.dataset, mosaic.imgsz, mosaic.p, mosaic.n)

    def apply_semantic(self, labels: Sample, params: Sample | None = None) -> Sample:
        """Lay the masks of the four images where the images went."""
        mask = labels.get("semantic_mask")
        if params is None or mask is None or mask.dtype == np.uint8:
            return super().apply_semantic(labels, params)
        canvas = np.full((2 * self.imgsz, 2 * self.imgsz), IGNORE, mask.dtype)
        for item in params["layout"]:
            target = slice(item["y1a"], item["y2a"]), slice(item["x1a"], item["x2a"])
            origin = slice(item["y1b"], item["y2b"]), slice(item["x1b"], item["x2b"])
            canvas[target] = item["labels_patch"]["semantic_mask"][origin]
        labels["semantic_mask"] = canvas
        return labels


class UnpackedMasks(BaseTransform):
    """Spatial albumentations on masks of class ids, as they expect them, with "ignored" where they fill."""

    def __init__(self, inner: Albumentations) -> None:
        """Wrap the base's transform."""
        self.inner = inner
        # Their fill value for masks is 0, a class, unless set: XOR 255 makes it "ignored".
        fills = (getattr(one, name, None) for one in _nested(inner.transform) for name in MASK_FILLS)
        self.turn = 0 if any(fill not in (None, 0, 0.0) for fill in fills) else IGNORE

    def __call__(self, labels: Sample) -> Sample:
        """Unpack the masks, transform, pack."""
        mask = labels.get("semantic_mask")
        if mask is None:
            return self.inner(labels)
        planes = np.moveaxis(unpack(mask, len(labels["planes"])), 0, -1) ^ self.turn
        labels["semantic_mask"] = np.ascontiguousarray(planes[..., 0] if planes.shape[2] == 1 else planes)
        labels = self.inner(labels)
        moved = labels["semantic_mask"] ^ self.turn
        moved = moved.reshape(*moved.shape[:2], -1)
        labels["semantic_mask"] = pack([np.ascontiguousarray(moved[..., k]) for k in range(moved.shape[2])])
        return labels


class MultiTaskFormat(Format):
    """The sample as tensors.

    `img` (3, H, W) uint8 RGB, `cls` (N, 1) float, `bboxes` (N, 4) float xywh in [0, 1], `batch_idx` (N,), and for data
    with masks `semantic_mask` (T, H, W) uint8, 255 where not labelled.
    """

    def __init__(self, planes: int, bgr: float = 0.0) -> None:
        """Set the output form.

        Args:
            planes: Number of mask planes of the data set, T.
            bgr: Probability of leaving the image in BGR order.
        """
        super().__init__(bbox_format="xywh", normalize=True, batch_idx=True, bgr=bgr)
        self.planes = planes

    def apply_instances(self, labels: Sample, params: Sample | None = None) -> Sample:
        """Turn classes and boxes into tensors."""
        labels = super().apply_instances(labels, params)
        labels["cls"] = labels["cls"].float().reshape(-1, 1)
        labels["bboxes"] = labels["bboxes"].float()
        return labels

    def apply_semantic(self, labels: Sample, params: Sample | None = None) -> Sample:
        """Turn the packed masks into one plane for each mask task."""
        packed, present = labels.pop("semantic_mask", None), labels.pop("planes")
        labels.pop("rect_shape", None)
        if not self.planes:
            return labels
        if packed is not None and len(present) == self.planes:
            labels["semantic_mask"] = torch.from_numpy(np.ascontiguousarray(unpack(packed, self.planes)))
            return labels
        masks = torch.full((self.planes, *labels["img"].shape[-2:]), IGNORE, dtype=torch.uint8)
        if packed is not None:
            masks[list(present)] = torch.from_numpy(np.ascontiguousarray(unpack(packed, len(present))))
        labels["semantic_mask"] = masks
        return labels


def replace_transforms(transform: Any, substitute: Callable[[Any], Any]) -> Any:
    """Return a transform with its parts replaced.

    Args:
        transform: A transform; `Compose` and the `pre_transform` of mixing transforms are entered.
        substitute: Returns the replacement of a part, or the part itself.

    Returns:
        The new transform; the one given is not changed.
    """
    if isinstance(transform, Compose):
        return Compose([replace_transforms(part, substitute) for part in transform.transforms])
    transform = substitute(transform)
    if getattr(transform, "pre_transform", None) is not None:
        transform = copy(transform)
        transform.pre_transform = replace_transforms(transform.pre_transform, substitute)
    return transform


def multitask_transforms(transform: Compose, tasks: Sequence[Task]) -> Compose:
    """Return the base's augmentations with those replaced that would spoil packed masks or left and right."""
    boxes, planes = box_table(tasks), plane_tables(tasks)

    def substitute(part: Any) -> Any:
        if isinstance(part, RandomFlip):
            return SwappingFlip(part, boxes, planes)
        if isinstance(part, Mosaic):
            return PlanesMosaic(part)
        if isinstance(part, Albumentations) and part.transform is not None and part.contains_spatial:
            return UnpackedMasks(part)
        return part

    return replace_transforms(transform, substitute)


def box_table(tasks: Sequence[Task]) -> np.ndarray | None:
    """Return the table (C,) from shared class id to the id after mirroring, None when no boxes have pairs."""
    table = np.arange(sum(task.box_classes for task in tasks))
    offsets = box_offsets(tasks)
    for task in tasks:
        for a, b in task.spec.flip_pairs if task.box_classes else ():
            offset = offsets[task.name]
            table[offset + a], table[offset + b] = offset + b, offset + a
    return None if (table == np.arange(len(table))).all() else table


def plane_tables(tasks: Sequence[Task]) -> list[np.ndarray | None]:
    """Return for each mask plane the table (256,) uint8 from class id to the id after mirroring, None without pairs."""
    tables: list[np.ndarray | None] = [None] * len(plane_index(tasks))
    for name, k in plane_index(tasks).items():
        pairs = next(task.spec.flip_pairs for task in tasks if task.name == name)
        if pairs:
            table = np.arange(256, dtype=np.uint8)
            for a, b in pairs:
                table[a], table[b] = b, a
            tables[k] = table
    return tables


def check_mirroring(hyp: Any, tasks: Sequence[Task]) -> None:
    """Keep augmentations from mirroring images without exchanging left and right.

    Args:
        hyp: The base's settings, changed in place: `copy_paste_mode` "flip" becomes "mixup".
        tasks: Tasks of the data set.

    Raises:
        AyolomError: `augmentations` holds a mirroring transform.
    """
    paired = [task.name for task in tasks if task.spec.flip_pairs]
    if not paired:
        return
    names = ", ".join(paired)
    if hyp.copy_paste and hyp.copy_paste_mode == "flip":
        LOGGER.warning(f"copy_paste_mode=flip mirrors objects, and {names} has left and right: using mixup instead")
        hyp.copy_paste_mode = "mixup"
    if hyp.flipud:
        LOGGER.warning(f"flipud={hyp.flipud} mirrors objects, and {names} tells left from right: set flipud=0")
    for name in _transform_names(getattr(hyp, "augmentations", None) or ()):
        if name in MIRRORING:
            raise AyolomError(
                f"augmentations: {name} mirrors images, and the task {names} tells left from right; "
                "remove it and use fliplr=, which exchanges the classes"
            )


def check_built(transform: Any, hyp: Any) -> None:
    """Raise when the base could not build the user's `augmentations`, of which it only writes a line to the log.

    Args:
        transform: The base's augmentations.
        hyp: The base's settings.

    Raises:
        AyolomError: `augmentations` is given and none of it would be applied.
    """
    if not getattr(hyp, "augmentations", None):
        return
    parts = getattr(transform, "transforms", None) or ()
    if any(isinstance(part, Albumentations) and part.transform is None for part in parts):
        raise AyolomError(
            "augmentations: could not be built, the reason stands in the log above; correct them, and see that "
            "albumentations 2.0.8 is installed (the base cannot drive newer AlbumentationsX)"
        )


def _transform_names(transforms: Any) -> Iterator[str]:
    """Return the class names of albumentations, nested ones too, given as objects or as `A.to_dict()` data."""
    for one in transforms:
        if isinstance(one, dict):
            content = one.get("transform", one)
            yield str(content.get("__class_fullname__", "")).rpartition(".")[2]
            yield from _transform_names(content.get("transforms") or ())
        else:
            yield type(one).__name__
            yield from _transform_names(getattr(one, "transforms", None) or ())


def _nested(transform: Any) -> Iterator[Any]:
    """Return an albumentation and all that it is composed of."""
    yield transform
    for one in getattr(transform, "transforms", None) or ():
        yield from _nested(one)
