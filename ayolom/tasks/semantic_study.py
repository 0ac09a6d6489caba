"""What `yolo val` says of class maps beyond the base's metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from ayolom.evaluation import AREAS, PixelSample, Reliability, fit_temperature, scaled_confidence
from ayolom.tasks.study import CONDITIONS, Study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ayolom.tasks.semantic import SemanticTask

STEP = 7  # calibration looks at every n-th pixel of every n-th row; odd, so that it meets all places of a cell


class SemanticStudy(Study):
    """Calibration and slices of class maps; memory does not grow with the images."""

    support = "Pixels"
    things = "pixels"
    task: SemanticTask

    def __init__(self, task: SemanticTask, settings: Any) -> None:
        """Prepare (see `Study`)."""
        super().__init__(task, settings)
        self._values = max(task.spec.nc, 2)  # a map of one class holds 0 and 1
        self._sample = PixelSample()
        self._images = dict.fromkeys(("all", *CONDITIONS, *AREAS), 0)
        self._counts = {name: np.zeros((self._values, self._values), np.int64) for name in self._images}

    # Looking on -------------------------------------------------------------------------------------------------------
    def update(
        self, validator: Any, raw: Any, found: Any, batch: dict[str, Any], conditions: Sequence[frozenset[str]]
    ) -> None:
        """Compare confidences with what is right, and count classes by condition where slices are asked for."""
        masks = batch["semantic_mask"]
        logits = raw[0] if isinstance(raw, (tuple, list)) else raw
        if logits.ndim == 4:
            self._count_confidence(logits, masks)
        if self.settings.slices:
            gains = [ratio[0] for ratio in batch["ratio_pad"]]
            for mask, one, gain, held in zip(masks.cpu().numpy(), found.cpu().numpy(), gains, conditions, strict=True):
                self._count_slices(mask, one, gain[0] * gain[1], held)

    def _count_confidence(self, logits: torch.Tensor, masks: torch.Tensor) -> None:
        """Count confidences of some pixels.

        Args:
            logits: (B, C, h, w).
            masks: (B, H, W) labels.
        """
        rows, columns = (torch.arange(STEP // 2, size, STEP, device=masks.device) for size in masks.shape[-2:])
        labels = masks[:, rows[:, None], columns].flatten().long()
        known = labels < self._values
        seen = sampled(logits.float(), masks.shape[-2:], rows, columns).flatten(0, 2)[known]
        labels = labels[known]
        self.reliability.add(scaled_confidence(seen).cpu().numpy(), (best_class(seen) == labels).cpu().numpy())
        if self.settings.calibrate:
            self._sample.add(seen, labels)

    def _count_slices(self, mask: np.ndarray, found: np.ndarray, scale: float, held: frozenset[str]) -> None:
        """Count one image: labels (H, W) and predictions (H, W), `scale` of their pixels to one of the original."""
        for name in ("all", *held):
            self._count(name, mask, found)
        sizes = self._sizes(mask, scale)
        for number, name in enumerate(AREAS, 1):
            own = sizes == number
            if own.any():
                self._count(name, mask[own], found[own])

    def _count(self, name: str, mask: np.ndarray, found: np.ndarray) -> None:
        """Add pixels to the counts of a slice."""
        known = mask < self._values
        pairs = np.bincount(mask[known] * self._values + found[known], minlength=self._values**2)
        self._counts[name] += pairs.reshape(self._values, -1)
        self._images[name] += 1

    def _sizes(self, mask: np.ndarray, scale: float) -> np.ndarray:
        """Return (H, W) uint8, the number of the size, from 1, of the connected region that each pixel belongs to."""
        sizes = np.zeros(mask.shape, np.uint8)
        for value in np.unique(mask):
            if int(value) not in self.task.shown:
                continue
            _, regions, stats, _ = cv2.connectedComponentsWithStats((mask == value).astype(np.uint8), connectivity=8)
            areas = stats[:, cv2.CC_STAT_AREA] / scale
            number = np.array([1 + sum(area > high for _, high in AREAS.values()) for area in areas], np.uint8)
            number[0] = 0  # what is not of this class
            sizes = np.maximum(sizes, number[regions])
        return sizes

    def __iadd__(self, other: SemanticStudy) -> SemanticStudy:
        """Take in what the study of another process saw."""
        self.reliability += other.reliability
        self._sample += other._sample
        for name, counts in other._counts.items():
            self._counts[name] += counts
            self._images[name] += other._images[name]
        return self

    # Results ----------------------------------------------------------------------------------------------------------
    def finish(self, validator: Any) -> None:
        """Fit the temperature and fill the slices, where they are asked for."""
        if self.settings.calibrate and len(self._sample.labels):
            self._fit(self._sample.logits, self._sample.labels)
        if self.settings.slices:
            self.slices = [self._row(name) for name in self._counts]

    def _fit(self, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Fit the temperature of logits (N, C) to labels (N,), and count confidences at it."""
        self.temperature = fit_temperature(logits, labels)
        if self.temperature is None:
            return
        self.calibrated = Reliability()
        sure = scaled_confidence(logits, self.temperature)
        self.calibrated.add(sure.numpy(), (best_class(logits) == labels).numpy())

    def _row(self, name: str) -> dict[str, Any]:
        """Return the row of a slice; regions of one size have no IoU, for what is predicted has no size."""
        counts = self._counts[name]
        hit, labelled, predicted = counts.diagonal(), counts.sum(1), counts.sum(0)
        total = int(counts.sum())
        union = labelled + predicted - hit
        iou = float((hit / union.clip(1))[union > 0].mean()) if total and name not in AREAS else None
        accuracy = float(hit.sum() / total) if total else None
        row = {"slice": name, "Images": self._images[name], "Pixels": total}
        return {**row, "mIoU": iou, "pixel_accuracy": accuracy}


def best_class(logits: torch.Tensor) -> torch.Tensor:
    """Return (N,) int64, the best class of logits (N, C); of one column whether it is above 0."""
    return logits.argmax(1) if logits.shape[1] > 1 else (logits[:, 0] > 0).long()


def sampled(logits: torch.Tensor, shape: Sequence[int], rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Return the values that logits would have at some pixels if they were enlarged bilinearly.

    Args:
        logits: (B, C, h, w).
        shape: (H, W) to enlarge to.
        rows: (R,) int64, in [0, H).
        columns: (K,) int64, in [0, W).

    Returns:
        (B, R, K, C).
    """
    y, x = ((2 * place + 1) / size - 1 for place, size in zip((rows, columns), shape, strict=True))
    grid = torch.stack((x.expand(len(y), -1), y[:, None].expand(-1, len(x))), 2).to(logits)
    grid = grid.expand(len(logits), -1, -1, -1)
    found = F.grid_sample(logits, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return found.permute(0, 2, 3, 1)
