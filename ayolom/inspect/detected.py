"""Damages and parts of one picture as an inspection takes them, from any model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ayolom.engine.results import MultiTaskResults


@dataclass(frozen=True)
class Damages:
    """Boxes, or masks, of damages in one picture.

    Attributes:
        kinds: (N) class names.
        boxes: (N, 4) float xyxy in pixels of the picture, right and bottom exclusive.
        confidences: (N,) float in [0, 1]; 1 where they are not given.
        masks: (N, H, W) bool, or None where only boxes are known.
    """

    kinds: Sequence[str] = ()
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))
    confidences: np.ndarray = None  # type: ignore[assignment]  # filled in where it is not given
    masks: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Check the shapes.

        Raises:
            AyolomError: They do not belong together.
        """
        count = len(self.kinds)
        boxes = np.asarray(self.boxes, np.float64).reshape(-1, 4) if count or np.size(self.boxes) else np.zeros((0, 4))
        scores = np.ones(count) if self.confidences is None else np.asarray(self.confidences, np.float64)
        if boxes.shape != (count, 4) or scores.shape != (count,):
            raise AyolomError(
                f"boxes: {count} kinds need boxes ({count}, 4) (got {boxes.shape}, {scores.shape[0]} scores)"
            )
        if not np.isfinite(boxes).all() or not np.isfinite(scores).all():
            raise AyolomError("boxes: must be finite numbers in pixels (got NaN or infinity)")
        masks = None if self.masks is None else np.asarray(self.masks, bool)
        if masks is not None and (masks.ndim != 3 or len(masks) != count):
            raise AyolomError(f"masks: must be of shape ({count}, H, W) (got {masks.shape})")
        object.__setattr__(self, "kinds", tuple(map(str, self.kinds)))
        object.__setattr__(self, "boxes", boxes)
        object.__setattr__(self, "confidences", np.clip(scores, 0, 1))
        object.__setattr__(self, "masks", masks)

    def __len__(self) -> int:
        """Return the number of damages."""
        return len(self.kinds)

    @classmethod
    def from_supervision(cls, detections: Any, names: Mapping[int, str] | None = None) -> Damages:
        """Return the damages of a `supervision.Detections`.

        Args:
            detections: The detections; masks are used where they have any.
            names: Class names by class id; `detections.data["class_name"]` when None.

        Raises:
            AyolomError: Neither gives the names.
        """
        given = detections.data.get("class_name")
        if names is None and given is None and len(detections):
            raise AyolomError("names: these detections carry no class names; give names={0: 'dent', ...}")
        kinds = (
            [names[int(i)] for i in detections.class_id] if names and len(detections) else list(map(str, given or ()))
        )
        return cls(kinds, detections.xyxy, detections.confidence, detections.mask)


@dataclass(frozen=True)
class Picture:
    """One picture with what was found in it.

    Attributes:
        name: Name of the file, or any other that is unique in the inspection; for a video that of the video.
        image: (H, W, 3) uint8 BGR.
        damages: Its damages.
        class_map: (H, W) class ids of parts, 255 where nothing is said; None where no parts are known.
        frame: Frame of a video, from 0; None for a photo.
        rate: Frames a second of that video.
    """

    name: str
    image: np.ndarray
    damages: Damages
    class_map: np.ndarray | None = None
    frame: int | None = None
    rate: float | None = None

    def __post_init__(self) -> None:
        """Check that the sizes agree.

        Raises:
            AyolomError: They do not.
        """
        size = self.image.shape[:2]
        masks = self.damages.masks
        for what, shape in (
            ("class_map", None if self.class_map is None else self.class_map.shape),
            ("masks", None if masks is None else masks.shape[1:]),
        ):
            if shape is not None and shape != size:
                raise AyolomError(f"{self.name}: {what}: must have the picture's size {size} (got {shape})")

    @property
    def time_s(self) -> float | None:
        """Seconds from the start of the video; None for a photo."""
        return None if self.frame is None else self.frame / (self.rate or 30.0)


def from_results(result: MultiTaskResults, name: str, frame: int | None = None, rate: float | None = None) -> Picture:
    """Return what a model of several tasks found in one picture.

    Args:
        result: Its result; the first task with boxes tells damages, the first with a class map tells parts.
        name: See `Picture`.
        frame: See `Picture`.
        rate: See `Picture`.
    """
    boxes, kinds = result.boxes, result.names
    parts = result.semantic_mask
    damages = Damages()
    if boxes is not None and len(boxes):
        found = boxes.cpu().numpy()
        damages = Damages([kinds[int(i)] for i in found.cls], found.xyxy, found.conf)
    class_map = None if parts is None else parts.cpu().numpy().data.astype(np.uint8, copy=False)
    return Picture(name, result.orig_img, damages, class_map, frame, rate)
