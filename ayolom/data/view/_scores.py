"""How well predictions fit the label of one image: one number from 0 to 1 for each task, 1 is best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.data.view._findings import IGNORE

if TYPE_CHECKING:
    from ayolom.data.view._findings import Findings

MATCH = 0.5  # least intersection over union of a box that counts as found
TINY = float(np.finfo(float).tiny)  # against 0 / 0; the base's own 1e-7 is as large as a small box in fractions


def score(label: Findings, predicted: Findings) -> float | None:
    """Return F1 of boxes, or mIoU of class maps; None where the two cannot be compared.

    Args:
        label: What the label says.
        predicted: What the model says.
    """
    if label.boxes is not None and predicted.boxes is not None:
        return box_f1(label.boxes, predicted.boxes)
    if label.class_map is not None and predicted.class_map is not None:
        return map_iou(label.class_map, predicted.class_map)
    return None


def box_f1(label: np.ndarray, predicted: np.ndarray) -> float:
    """Return 2 TP / (2 TP + FP + FN) of boxes matched at an intersection over union of 0.5 and of the same class.

    Confident boxes choose first, and each takes the free labelled box that it overlaps most, as in the matching of
    Pascal VOC (http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf, section 4.4). Nothing labelled and
    nothing predicted gives 1.

    Args:
        label: (N, 6) rows of xyxy, confidence, class, in any one frame.
        predicted: (M, 6) rows alike, in the same frame.
    """
    from ultralytics.utils.metrics import bbox_ioa

    if not len(label) and not len(predicted):
        return 1.0
    overlap = bbox_ioa(label[:, :4].astype(float), predicted[:, :4].astype(float), iou=True, eps=TINY)
    overlap[label[:, 5][:, None] != predicted[:, 5][None]] = 0
    free = np.ones(len(label), bool)
    for number in np.argsort(-predicted[:, 4], kind="stable"):
        chosen = np.where(free, overlap[:, number], 0)
        if len(chosen) and chosen.max() >= MATCH:
            free[chosen.argmax()] = False
    return 2 * int((~free).sum()) / (len(label) + len(predicted))


def map_iou(label: np.ndarray, predicted: np.ndarray) -> float | None:
    """Return the intersection over union averaged over the classes that label or prediction hold, background included.

    Args:
        label: (H, W) uint8 class ids; pixels of 255 do not count.
        predicted: (h, w) uint8 class ids; resized to the label's size by nearest pixel. Pixels of 255 are wrong.

    Returns:
        A number in [0, 1], or None where the label says nothing of any pixel.
    """
    if predicted.shape != label.shape:
        predicted = cv2.resize(predicted, label.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    known = label != IGNORE
    if not known.any():
        return None
    pairs = label[known].astype(np.int64) * 256 + predicted[known]
    matrix = np.bincount(pairs, minlength=256 * 256).reshape(256, 256)
    hit, union = matrix.diagonal(), matrix.sum(0) + matrix.sum(1) - matrix.diagonal()
    present = union[:IGNORE] > 0
    return float((hit[:IGNORE][present] / union[:IGNORE][present]).mean())
