"""Regions: pixels tinted by class, with a thin contour where classes meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.draw._canvas import canvas, stroke
from ayolom.draw._colors import region_color
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_BAND = 65536  # pixels drawn at a time: what fits a processor's cache takes half the time of a whole picture


def draw_regions(
    image: np.ndarray,
    classes: np.ndarray,
    names: Mapping[int, str],
    *,
    alpha: float = 0.45,
    skip: Collection[int] = (),
    contours: bool = True,
) -> np.ndarray:
    """Tint the pixels of each class: value * (1 - alpha) + colour * alpha. All other pixels stay as they are.

    Args:
        image: (H, W, 3) uint8 BGR; drawn on in place where its memory allows.
        classes: (H, W) class ids in 0 .. 255.
        names: Class names by class id; ids without a name are not drawn.
        alpha: Opacity of the tint in [0, 1].
        skip: Class ids that are not drawn, such as the background's.
        contours: Whether to draw the border of each region in its full colour.

    Returns:
        The drawn image.

    Raises:
        AyolomError: The class map and the image differ in size.
    """
    image = canvas(image)
    if classes.shape != image.shape[:2]:
        raise AyolomError(f"classes: the class map must have the image's size {image.shape[:2]} (got {classes.shape})")
    classes = classes.astype(np.uint8, copy=False)
    colors, covered = _tables(names, skip)
    reach = max(1, stroke(image) // 2) if contours else 0
    rows = max(4 * reach + 1, _BAND // max(1, classes.shape[1]))
    for top in range(0, len(classes), rows):
        first = max(0, top - reach)
        _tint(image[top : top + rows], classes[first : top + rows + reach], top - first, colors, covered, alpha, reach)
    return image


def _tables(names: Mapping[int, str], skip: Collection[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return by class id its BGR colour, (256, 1, 3) uint8, and whether it is drawn, (256,) uint8 of 0 or 255."""
    colors, covered = np.zeros((256, 1, 3), np.uint8), np.zeros(256, np.uint8)
    for class_id in names:
        if 0 <= class_id < 256 and class_id not in skip:
            colors[class_id, 0] = region_color(class_id)
            covered[class_id] = 255
    return colors, covered


def _tint(
    image: np.ndarray,
    classes: np.ndarray,
    above: int,
    colors: np.ndarray,
    covered: np.ndarray,
    alpha: float,
    reach: int,
) -> None:
    """Blend the colours of classes into rows of the image, in place, and lay them full on borders.

    Args:
        image: (h, W, 3) uint8 BGR.
        classes: (h + above + below, W) uint8 class ids, with rows above and below in which a border may lie.
        above: How many rows of `classes` come before those of `image`.
        colors: (256, 1, 3) uint8 BGR by class id.
        covered: (256,) uint8 by class id, 255 where it is drawn.
        alpha: Opacity in [0, 1].
        reach: Width of borders in pixels; 0 draws none.
    """
    mask = _mask(classes[above : above + len(image)], covered)
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return
    image, mask = image[y : y + height, x : x + width], mask[y : y + height, x : x + width]
    first = above + y
    top, left = max(0, first - reach), max(0, x - reach)
    around = classes[top : first + height + reach, left : x + width + reach]
    inner = slice(first - top, first - top + height), slice(x - left, x - left + width)
    tint = cv2.applyColorMap(around[inner], colors)
    cv2.copyTo(cv2.addWeighted(image, 1 - alpha, tint, alpha, 0), mask, image)
    if reach:
        cv2.copyTo(tint, cv2.bitwise_and(_borders(around, reach)[inner], mask), image)


def _mask(classes: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Return (h, w) uint8, 255 where the class (h, w) is drawn; `covered` is the (256,) table of that."""
    drawn = np.flatnonzero(covered)
    if len(drawn) and drawn[-1] - drawn[0] == len(drawn) - 1:  # as a rule all but the first or the last: no table
        return cv2.inRange(classes, int(drawn[0]), int(drawn[-1]))
    return cv2.LUT(classes, covered)


def _borders(classes: np.ndarray, width: int) -> np.ndarray:
    """Return (H, W) uint8, more than 0 within `width` pixels of another class."""
    kernel = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    return cv2.morphologyEx(classes, cv2.MORPH_GRADIENT, kernel)
