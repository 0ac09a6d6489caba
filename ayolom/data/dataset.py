"""The base's dataset on images that carry labels of several tasks."""

from __future__ import annotations

import hashlib
import math
from multiprocessing.pool import ThreadPool
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from ultralytics.data.augment import Compose, LetterBox, v8_transforms
from ultralytics.data.dataset import YOLOConcatDataset, YOLODataset
from ultralytics.utils import LOCAL_RANK, LOGGER, NUM_THREADS, TQDM
from ultralytics.utils.instance import Instances
from ultralytics.utils.ops import resample_segments

from ayolom.data.images import read_image
from ayolom.data.masks import check_planes, pack
from ayolom.data.transforms import MultiTaskFormat, check_built, check_mirroring, multitask_transforms
from ayolom.tasks.base import box_offsets, plane_index

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ayolom.data.scan import Record
    from ayolom.tasks.base import Task

SEGMENT_POINTS = 256  # points along an outline; boxes of warped polygons are the bounds of those inside the image


class MultiTaskDataset(YOLODataset):
    """Images with labels of one or more tasks, read and augmented once for all of them.

    Attributes:
        records: The images and their labels.
        tasks: All tasks of the data set, in order.
        labels: By image a dict with `im_file`, `cls` (N, 1) float32 shared class ids, `bboxes` (N, 4) float32 xywh in
            [0, 1], `segments` (N, K, 2) or (0, 0, 2), `labelled` names of tasks, `planes` numbers of mask planes.
        cache: "ram", "disk" or None.
        masks: Packed masks at the loaded size; all of them with `cache="ram"`, else those of the buffered images.
    """

    cache: str | None

    def __init__(
        self,
        records: Sequence[Record],
        tasks: Sequence[Task],
        *,
        root: Path,
        imgsz: int | Sequence[int],
        hyp: Any,
        augment: bool,
        batch_size: int,
        cache: bool | str | None = None,
        stride: int = 32,
        rect: bool = False,
        pad: float = 0.0,
        channels: int = 3,
        prefix: str = "",
    ) -> None:
        """Take the records; images are read later.

        Args:
            records: Images with labels.
            tasks: All tasks of the data set, in order.
            root: Folder of the data set.
            imgsz: Size of the long side, in pixels; (H, W) for validation at a fixed shape.
            hyp: The base's settings with those of augmentation.
            augment: Whether samples are augmented.
            batch_size: Images in a batch.
            cache: "ram" keeps decoded images and masks in memory, "disk" decoded images on disk.
            stride: Largest stride of the model, in pixels.
            rect: Whether batches have the shape of their images rather than a square.
            pad: Additional border of rectangular batches, in strides.
            channels: Channels of the images.
            prefix: Begins log messages.
        """
        self.records, self.tasks, self.root = list(records), tuple(tasks), root
        self.masks: Any = {}
        super().__init__(
            [],
            data={"channels": channels},
            imgsz=imgsz,
            cache=cache,
            augment=augment,
            hyp=hyp,
            prefix=prefix,
            rect=rect,
            batch_size=batch_size,
            stride=stride,
            pad=pad,
        )

    # What the base's constructor calls --------------------------------------------------------------------------------
    def get_img_files(self, img_path: Any) -> list[str]:
        """Return the image files of the records."""
        return [record.image_file for record in self.records]

    def get_labels(self) -> list[dict[str, Any]]:
        """Return the labels in the base's form, class ids of all box tasks in one range."""
        offsets, planes = box_offsets(self.tasks), plane_index(self.tasks)
        labels = [_label(record, self.tasks, offsets, planes) for record in self.records]
        if any(len(label["segments"]) != len(label["cls"]) for label in labels):  # all boxes have outlines, or none
            for label in labels:
                label["segments"] = []
        for label in labels:
            label["segments"] = _stacked(label["segments"])
            check_planes(len(label["planes"]))
        return labels

    def update_labels(self, include_class: list[int] | None) -> None:
        """Do nothing: tasks filter their own classes."""

    def set_rectangle(self) -> None:
        """Sort images by shape for rectangular batches."""
        order = {record.image_file: record for record in self.records}
        super().set_rectangle()
        self.records = [order[file] for file in self.im_files]

    def build_transforms(self, hyp: Any) -> Compose:
        """Return the base's augmentations, or only the letterbox, ending in the batch form."""
        if self.augment:
            if self.rect:
                hyp.mosaic = hyp.mixup = hyp.cutmix = 0.0
            check_mirroring(hyp, self.tasks)
            transforms = v8_transforms(self, self.imgsz, hyp)
            check_built(transforms, hyp)
            transforms = multitask_transforms(transforms, self.tasks)
        else:
            transforms = Compose([LetterBox(new_shape=self.imgsz, scaleup=False)])
        transforms.append(MultiTaskFormat(len(plane_index(self.tasks)), hyp.bgr if self.augment else 0.0))
        return transforms

    # One image --------------------------------------------------------------------------------------------------------
    def get_image_and_label(self, index: int) -> dict[str, Any]:
        """Return one image with its labels, before augmentation.

        Returns:
            `img` (h, w, C) uint8 BGR, long side `imgsz`; `cls`, `instances`, `labelled`, `planes`; `semantic_mask`
            (h, w), packed, when the image is labelled for a task with a mask; file name, shapes and ratios.
        """
        label = self.labels[index]
        image, original, resized = self.load_image(index)
        sample = {
            "im_file": label["im_file"],
            "img": image,
            "ori_shape": original,
            "resized_shape": resized,
            "ratio_pad": (resized[0] / original[0], resized[1] / original[1]),
            "labelled": label["labelled"],
            "planes": label["planes"],
            # Transforms change classes and coordinates in place, so each sample has its own.
            "cls": label["cls"].copy(),
            "instances": Instances(label["bboxes"].copy(), label["segments"].copy()),
        }
        if self.rect:
            sample["rect_shape"] = self.batch_shapes[self.batch[index]]
        if label["planes"]:
            sample["semantic_mask"] = self.load_masks(index, resized)
        return sample

    def load_image(
        self, i: int, rect_mode: bool = True, resize_short: bool = False
    ) -> tuple[np.ndarray, tuple[int, int], tuple[int, int]]:
        """Return an image at the loaded size.

        Returns:
            Image (h, w, C) uint8 BGR with long side `imgsz`, its original (H, W), its (h, w).

        Raises:
            AyolomError: The file cannot be read any more.
        """
        if self.cache == "disk" or self.ims[i] is not None:
            try:
                return super().load_image(i, rect_mode, resize_short)
            except FileNotFoundError:
                read_image(self.im_files[i], self.cv2_flag)  # says what is wrong
                raise
        # Not by the base, which would take `a.npy` of the user's beside `a.jpg` for the image, or delete it.
        image = read_image(self.im_files[i], self.cv2_flag)
        original = image.shape[:2]
        image = _fit(image, loaded_shape(original, self.imgsz))
        if self.augment and self.cache != "ram":
            self._remember(i, image, original)
        return image, original, image.shape[:2]

    def load_masks(self, i: int, shape: tuple[int, int]) -> np.ndarray:
        """Return the masks of an image, packed, of the given (h, w).

        Raises:
            AyolomError: A file cannot be read any more.
        """
        if self.cache == "ram" and not isinstance(self.masks, dict):
            return self.masks[i]
        packed = self.masks.get(i)
        if packed is None:
            packed = self._read_masks(i, shape)
            if i in self.buffer:  # its image is kept for mosaics as well
                self.masks[i] = packed
                if len(self.masks) > len(self.buffer):
                    self.masks = {j: self.masks[j] for j in self.buffer if j in self.masks}
        return packed

    def _read_masks(self, i: int, shape: tuple[int, int]) -> np.ndarray:
        """Read and pack the masks of an image."""
        record = self.records[i]
        return pack(
            [
                task.plane(record.labels[task.name], task.label_file(record.image_file, self.root), shape)
                for task in self.tasks
                if task.planes and task.name in record.labels
            ]
        )

    def _remember(self, i: int, image: np.ndarray, original: tuple[int, int]) -> None:
        """Keep an image for the mosaics of the next samples and let the oldest go."""
        self.ims[i], self.im_hw0[i], self.im_hw[i] = image, original, image.shape[:2]
        self.buffer.append(i)
        if 1 < len(self.buffer) >= self.max_buffer_length:
            oldest = self.buffer.pop(0)
            self.ims[oldest] = self.im_hw0[oldest] = self.im_hw[oldest] = None

    # Caches -----------------------------------------------------------------------------------------------------------
    def check_cache_ram(self, safety_margin: float = 1.0) -> bool:
        """Return whether images and masks fit into memory."""
        most = max((len(label["planes"]) for label in self.labels), default=0)
        mask_bytes = {0: 0, 1: 1, 2: 2}.get(most, 8)
        return super().check_cache_ram(safety_margin + mask_bytes / self.channels)

    def cache_images(self) -> None:
        """Decode all images, in memory with their masks, or on disk."""
        if self.cache == "disk":
            folder = self.root / ".ayolom" / "images"
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                LOGGER.warning(f"{self.prefix}cache=disk: {folder} cannot be made ({error.strerror}); not caching")
                self.cache = None
                return
            self.npy_files = [folder / f"{hashlib.sha256(f.encode()).hexdigest()[:24]}.npy" for f in self.im_files]
        super().cache_images()
        if self.cache == "ram" and any(label["planes"] for label in self.labels):
            with ThreadPool(NUM_THREADS) as pool:
                loaded = pool.imap(self._masks_or_nothing, range(self.ni))
                bar = TQDM(loaded, total=self.ni, desc=f"{self.prefix}Caching masks", disable=LOCAL_RANK > 0)
                self.masks = self._ImageCache(list(bar))

    def _masks_or_nothing(self, i: int) -> np.ndarray:
        """Return the packed masks of an image, an empty array when it has none."""
        return self._read_masks(i, self.im_hw[i]) if self.labels[i]["planes"] else np.zeros((0, 0), np.uint8)


class MultiTaskConcat(YOLOConcatDataset):
    """Data sets that are mixed in batches but never in one image."""

    datasets: list[MultiTaskDataset]

    @property
    def labels(self) -> list[dict[str, Any]]:
        """Labels of all images."""
        return [label for dataset in self.datasets for label in dataset.labels]

    @property
    def im_files(self) -> list[str]:
        """Files of all images."""
        return [file for dataset in self.datasets for file in dataset.im_files]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All tasks of the data set, in order."""
        return self.datasets[0].tasks

    @property
    def rect(self) -> bool:
        """Whether batches have the shape of their images."""
        return self.datasets[0].rect

    @property
    def batch_shapes(self) -> np.ndarray:
        """(batches, 2) H and W of rectangular batches."""
        return self.datasets[0].batch_shapes


def _label(record: Record, tasks: Sequence[Task], offsets: dict[str, int], planes: dict[str, int]) -> dict[str, Any]:
    """Return the labels of a record in the base's form."""
    labelled = [task for task in tasks if task.name in record.labels]
    parts = [(task, *task.instances(record.labels[task.name])) for task in labelled if task.box_classes]
    cls = [cls.astype(np.float32) + offsets[task.name] for task, cls, _, _ in parts]
    return {
        "im_file": record.image_file,
        "shape": record.shape,
        "cls": np.concatenate([np.zeros(0, np.float32), *cls]).reshape(-1, 1),
        "bboxes": np.concatenate([np.zeros((0, 4), np.float32), *(boxes for _, _, boxes, _ in parts)]),
        "segments": [outline for _, _, _, outlines in parts for outline in outlines],
        "normalized": True,
        "bbox_format": "xywh",
        "labelled": tuple(task.name for task in labelled),
        "planes": tuple(planes[task.name] for task in labelled if task.planes),
    }


def _stacked(segments: list[np.ndarray]) -> np.ndarray:
    """Return outlines as one array (N, K, 2) float32, (0, K, 2) when there are none."""
    if not segments:
        return np.zeros((0, SEGMENT_POINTS, 2), np.float32)
    most = max(SEGMENT_POINTS, *(len(segment) + 1 for segment in segments))
    return np.stack(resample_segments([segment.copy() for segment in segments], n=most)).astype(np.float32)


def loaded_shape(shape: tuple[int, ...], imgsz: int | Sequence[int]) -> tuple[int, int]:
    """Return (h, w) of an image of the given (H, W) whose long side is brought to `imgsz`, as the base rounds it."""
    size = imgsz if isinstance(imgsz, int) else max(imgsz)
    ratio = size / max(shape[:2])
    return min(math.ceil(shape[0] * ratio), size), min(math.ceil(shape[1] * ratio), size)


def _fit(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the image (H, W, C) resized to (h, w)."""
    if image.shape[:2] == shape:
        return image
    resized = cv2.resize(image, shape[::-1], interpolation=cv2.INTER_LINEAR)
    return resized if resized.ndim == 3 else resized[..., None]
