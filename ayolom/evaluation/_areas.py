"""Small, medium and large objects, as COCO counts them."""

from __future__ import annotations

import numpy as np

# Square pixels of the original image, both ends included (https://cocodataset.org/#detection-eval).
AREAS = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, float("inf"))}


def match_within(
    iou: np.ndarray, label_areas: np.ndarray, areas: np.ndarray, limits: tuple[float, float], ious: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Match the detections of one image to labels of some size, by the rule of COCO's evaluation.

    Each detection in turn takes the label that it overlaps most and that is free. Labels of other sizes are neither
    found nor missed: a detection that only fits one of them does not count, nor does one of another size that fits
    none.

    Args:
        iou: (G, D) float, intersection over union of labels and detections; 0 where their classes differ. Detections
            come in order of falling confidence.
        label_areas: (G,) float, areas of the labels.
        areas: (D,) float, areas of the detections.
        limits: Smallest and largest area that count, both included.
        ious: (T,) float, the least overlaps that make a match.

    Returns:
        Whether a detection is right (D, T) bool; whether it does not count (D, T) bool.
    """
    inside = (label_areas >= limits[0]) & (label_areas <= limits[1])
    outside = (areas < limits[0]) | (areas > limits[1])
    right = np.zeros((len(areas), len(ious)), bool)
    aside = np.zeros_like(right)
    free = np.ones((len(label_areas), len(ious)), bool)
    columns = np.arange(len(ious))
    for j in np.flatnonzero((iou >= ious.min()).any(0)) if len(label_areas) else ():
        overlap = np.where(free, iou[:, j, None], 0.0)
        for group, found in ((inside, right), (~inside, aside)):
            best = np.where(group[:, None], overlap, 0.0).argmax(0)
            fits = group[best] & (overlap[best, columns] >= ious) & ~right[j] & ~aside[j]
            found[j] |= fits
            free[best[fits], columns[fits]] = False
    aside |= outside[:, None] & ~right
    return right, aside
