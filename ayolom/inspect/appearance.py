"""What a damage looks like, in few numbers: to know it again in another picture.

A histogram of hue, saturation and brightness around the damage. It tells a scratch down to the primer from a dent in
blue paint; it does not tell two alike scratches on one panel apart, nor survives a change from sun to shade unharmed.
So it never decides alone: kind, part and place on the part come first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

MARGIN = 0.2  # of the box, around it
HUES, SATURATIONS, VALUES = 8, 3, 6
SIDE = 32  # pixels a side to which the crop is brought


def describe(image: np.ndarray, box: tuple[int, int, int, int]) -> tuple[float, ...]:
    """Return the appearance of a box with its margin.

    Args:
        image: (H, W, 3) uint8 BGR.
        box: xyxy in whole pixels, inside the picture.

    Returns:
        `HUES * SATURATIONS + VALUES` numbers that sum up to 1, rounded.
    """
    x0, y0, x1, y1 = box
    dx, dy = round(MARGIN * (x1 - x0)), round(MARGIN * (y1 - y0))
    crop = image[max(0, y0 - dy) : y1 + dy, max(0, x0 - dx) : x1 + dx]
    hsv = cv2.cvtColor(cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2HSV)
    colors = cv2.calcHist([hsv], [0, 1], None, [HUES, SATURATIONS], [0, 180, 0, 256]).ravel()
    values = cv2.calcHist([hsv], [2], None, [VALUES], [0, 256]).ravel()
    both = np.concatenate([colors, values]) / (2 * SIDE * SIDE)
    return tuple(round(float(value), 4) for value in both)


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the Hellinger distance of two appearances, 0 for equal ones to 1; 0.5 where one is not known."""
    if not one or len(one) != len(other):
        return 0.5
    return float(np.sqrt(max(0.0, 1.0 - np.sqrt(np.multiply(one, other)).sum())))
