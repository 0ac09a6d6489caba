"""The most that can be found while no more than a given share of the alarms is false."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Point:
    """A point of a precision-recall curve.

    Attributes:
        recall: Share of the labels that is found, in [0, 1]; 0.0 where the precision is not reached, None without
            labels.
        precision: Share of the detections that is right; where the wanted one is not reached, the highest there is;
            None without detections.
        threshold: Detections with a higher confidence are kept, as `conf=` keeps them; None where not reached.
    """

    recall: float | None
    precision: float | None = None
    threshold: float | None = None

    @property
    def reached(self) -> bool:
        """Whether some threshold reaches the precision."""
        return self.threshold is not None


def recall_at_precision(
    confidence: np.ndarray, hits: np.ndarray, labels: int, least: float, floor: float = 0.0
) -> Point:
    """Return the point of highest recall among those whose precision is at least `least`.

    Detections of equal confidence are kept or dropped together. The threshold lies halfway between the last detection
    that is kept and the first that is dropped, so that rounding it does no harm.

    Args:
        confidence: (N,) float, of each detection.
        hits: (N,) bool, whether it is right.
        labels: How many there are to be found.
        least: Precision, in (0, 1].
        floor: Confidence down to which detections were looked at.
    """
    if not labels:
        return Point(None)
    if not len(confidence):
        return Point(0.0)
    order = np.argsort(-confidence, kind="stable")
    sure = confidence[order].astype(np.float64)
    found = np.cumsum(hits[order])
    last = np.flatnonzero(np.append(sure[1:] < sure[:-1], True))  # of each run of equal confidences
    precision = found[last] / (last + 1)
    fit = np.flatnonzero((precision >= least) & (found[last] > 0))
    if not len(fit):
        return Point(0.0, float(precision.max()))
    best = fit[np.argmax(found[last][fit])]  # the first, and so the fewest detections, of equal recall
    place = last[best]
    below = sure[place + 1] if place + 1 < len(sure) else min(floor, sure[place])
    return Point(float(found[place] / labels), float(precision[best]), float((sure[place] + below) / 2))
