"""Pictures that tests of several data commands draw."""

from __future__ import annotations

import cv2
import numpy as np


def scene_with_corners(seed: int, size: tuple[int, int] = (360, 400)) -> np.ndarray:
    """Return a picture (H, W) uint8 of many shapes with corners, different for each seed."""
    random = np.random.default_rng(seed)
    image = np.full(size, 128, np.uint8)
    for _ in range(150):
        place = random.integers(0, size[::-1])
        cv2.rectangle(image, place, place + random.integers(8, 60, 2), int(random.integers(256)), -1)
    return cv2.GaussianBlur(image, (0, 0), 1)
