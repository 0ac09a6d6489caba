"""Whether what is said with confidence p is right with frequency p."""

from __future__ import annotations

from typing import Any

import numpy as np

BINS = 20  # 0.25, from which `predict` shows boxes, is an edge


class Reliability:
    """Counts by confidence, from which the reliability diagram and the calibration error come.

    Memory does not grow with what is counted. For class maps it is confidence against accuracy (Guo et al., On
    Calibration of Modern Neural Networks, ICML 2017, https://arxiv.org/abs/1706.04599), for boxes confidence against
    precision (Küppers et al., Multivariate Confidence Calibration for Object Detection, CVPR Workshops 2020,
    https://arxiv.org/abs/2004.13546).

    Attributes:
        count: (BINS,) int64, how many have a confidence in ((i, i + 1] / BINS).
        confidence: (BINS,) float64, sum of their confidences.
        right: (BINS,) int64, how many of them are right.
    """

    def __init__(self) -> None:
        """Start with nothing counted."""
        self.count = np.zeros(BINS, np.int64)
        self.confidence = np.zeros(BINS)
        self.right = np.zeros(BINS, np.int64)

    def add(self, confidence: np.ndarray, right: np.ndarray) -> None:
        """Count some.

        Args:
            confidence: (N,) float in [0, 1].
            right: (N,) bool.
        """
        confidence = confidence.astype(np.float64)
        place = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
        self.count += np.bincount(place, minlength=BINS)
        self.confidence += np.bincount(place, confidence, BINS)
        self.right += np.bincount(place[right], minlength=BINS)

    def __iadd__(self, other: Reliability) -> Reliability:
        """Take in what another one counted."""
        self.count += other.count
        self.confidence += other.confidence
        self.right += other.right
        return self

    def error(self, least: float = 0.0) -> float | None:
        """Return the expected calibration error: the mean distance of confidence and share of right ones.

        Args:
            least: An edge of a bin; what has a lower confidence is left out.

        Returns:
            In [0, 1]; None of nothing.
        """
        first = round(least * BINS)
        total = self.count[first:].sum()
        return float(np.abs(self.right - self.confidence)[first:].sum() / total) if total else None

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each bin that holds something: "from", "to", "count", mean "confidence", share "right"."""
        return [
            {
                "from": i / BINS,
                "to": (i + 1) / BINS,
                "count": int(self.count[i]),
                "confidence": round(float(self.confidence[i] / self.count[i]), 5),
                "right": round(float(self.right[i] / self.count[i]), 5),
            }
            for i in np.flatnonzero(self.count)
        ]
