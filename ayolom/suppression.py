"""Non-maximum suppression for machines on which torchvision's does not load."""

from __future__ import annotations

import cv2
import numpy as np
import torch


def suppress(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Return which boxes stay, best first: the meaning of `torchvision.ops.nms`, by OpenCV on the CPU.

    A box goes when its IoU with a better one that stays is above the threshold.

    Args:
        boxes: (N, 4) xyxy, float.
        scores: (N,) float.
        iou_threshold: Largest IoU of two boxes that both stay, in [0, 1].

    Returns:
        (K,) int64 places of the boxes that stay, on the device of `boxes`.
    """
    if not len(boxes):
        return torch.zeros(0, dtype=torch.int64, device=boxes.device)
    corners = boxes.detach().cpu().double().numpy()
    xywh = np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), 1)
    above_zero = scores.detach().cpu().double().numpy() + 1.0  # OpenCV drops scores of 0
    kept = cv2.dnn.NMSBoxes(xywh, above_zero, 0.0, float(iou_threshold))
    return torch.as_tensor(np.asarray(kept, dtype=np.int64).reshape(-1), device=boxes.device)
