"""How sharp and how bright a picture is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    import numpy as np


def small_grey(image: np.ndarray, long_side: int) -> np.ndarray:
    """Return the grey values of a picture, made so much smaller that its long side is at most `long_side`.

    What is measured on pictures of one size can be compared.

    Args:
        image: (H, W, 3) uint8 BGR.
        long_side: Pixels.

    Returns:
        (h, w) uint8.
    """
    share = min(1.0, long_side / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * share)), max(1, round(image.shape[0] * share)))
    return cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), size, interpolation=cv2.INTER_AREA)


def sharpness(grey: np.ndarray, where: np.ndarray | None = None) -> float:
    """Return the variance of the Laplacian (Pech-Pacheco et al., 2000, https://doi.org/10.1109/ICPR.2000.903548).

    Args:
        grey: (H, W) uint8; an empty one has none.
        where: (H, W) uint8, pixels over 0 count; all where None.
    """
    if not grey.size:
        return 0.0
    laplacian = cv2.Laplacian(grey, cv2.CV_16S)  # of grey values it is a whole number from -1020 to 1020
    return float(cv2.meanStdDev(laplacian, mask=where)[1][0, 0]) ** 2


def brightness(grey: np.ndarray, where: np.ndarray | None = None) -> float:
    """Return the mean grey value, 0 to 255.

    Args:
        grey: (H, W) uint8.
        where: (H, W) uint8, pixels over 0 count; all where None.
    """
    return float(cv2.mean(grey, mask=where)[0])
