"""Non-maximum suppression for machines on which torchvision's does not load."""

from __future__ import annotations

import cv2
import numpy as np
import torch


def suppress(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Return which boxes stay, best first: the meaning of `torchvision.ops.nms`, by OpenCV on the CPU.

    A box goes when its IoU with a better one that stays is above the threshold. Boxes without extent, which some
    detectors cut at the border of the image, overlap with nothing and stay; for OpenCV two of them are the same.

    Args:
        boxes: (N, 4) xyxy, float.
        scores: (N,) float.
        iou_threshold: Largest IoU of two boxes that both stay, in [0, 1].

    Returns:
        (K,) int64 places of the boxes that stay, on the device of `boxes`.
    """
    places = (boxes[:, 2:] > boxes[:, :2]).all(1).nonzero().flatten()
    if not len(places):
        return scores.argsort(descending=True, stable=True)
    corners = boxes[places].detach().cpu().double().numpy()
    xywh = np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), 1)
    above_zero = scores[places].detach().cpu().double().numpy() + 1.0  # OpenCV drops scores of 0
    found = cv2.dnn.NMSBoxes(xywh, above_zero, 0.0, float(iou_threshold))
    kept = places[torch.as_tensor(np.asarray(found, dtype=np.int64).reshape(-1), device=boxes.device)]
    if len(places) == len(boxes):
        return kept
    stay = torch.ones(len(boxes), dtype=torch.bool, device=boxes.device)
    stay[places] = False
    stay[kept] = True
    order = scores.argsort(descending=True, stable=True)
    return order[stay[order]]
