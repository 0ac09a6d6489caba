"""Polygons in pixels: clipped to the image, filled without bias."""

from __future__ import annotations

import numpy as np


def clip_polygon(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Cut a polygon down to the image, one border after the other.

    Sutherland and Hodgman, "Reentrant Polygon Clipping", 1974, https://doi.org/10.1145/360767.360802.

    Args:
        points: (K, 2) x, y in pixels.
        shape: (H, W) of the image.

    Returns:
        (K', 2) x in [0, W], y in [0, H]; (0, 2) when nothing of the polygon lies in the image.
    """
    height, width = shape
    for axis, limit, sign in ((0, 0.0, 1.0), (0, float(width), -1.0), (1, 0.0, 1.0), (1, float(height), -1.0)):
        if not len(points):
            break
        depth = sign * (points[:, axis] - limit)  # negative outside this border
        kept: list[np.ndarray] = []
        for here in range(len(points)):
            before = here - 1
            if (depth[before] < 0) != (depth[here] < 0):
                share = depth[before] / (depth[before] - depth[here])
                cut = points[before] + share * (points[here] - points[before])
                cut[axis] = limit
                kept.append(cut)
            if depth[here] >= 0:
                kept.append(points[here])
        points = np.array(kept, dtype=np.float64).reshape(-1, 2)
    return points


def polygon_area(points: np.ndarray) -> float:
    """Return the area of a polygon (K, 2) in square pixels (shoelace formula)."""
    x, y = points[:, 0], points[:, 1]
    return 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))


def fill_polygon(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels whose centre lies inside a polygon.

    OpenCV's filling also paints the outline and so adds half a pixel all round, which doubles small parts; counting
    centres has no such bias. A self-crossing outline is filled throughout (non-zero winding).

    Args:
        points: (K, 2) x, y in pixels; points outside the image are allowed.
        shape: (H, W) of the image.

    Returns:
        (H, W) bool.
    """
    filled = np.zeros(shape, bool)
    low = np.clip(np.floor(points.min(axis=0)), 0, shape[::-1]).astype(np.int64)
    high = np.clip(np.ceil(points.max(axis=0)), 0, shape[::-1]).astype(np.int64)
    if (high > low).all():  # only the polygon's own window is worked on: most objects are small
        window = (int(high[1] - low[1]), int(high[0] - low[0]))
        filled[low[1] : high[1], low[0] : high[0]] = _fill_window(points - low, window)
    return filled


def _fill_window(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return (H, W) bool, the pixels of a window whose centre lies inside a polygon (K, 2)."""
    height, width = shape
    start, end = points, np.roll(points, -1, axis=0)
    centre = np.arange(height)[:, None] + 0.5
    down = (start[:, 1] <= centre) & (end[:, 1] > centre)
    up = (end[:, 1] <= centre) & (start[:, 1] > centre)
    rows, edges = np.nonzero(down | up)
    (x0, y0), (x1, y1) = start[edges].T, end[edges].T
    crossing = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
    columns = np.clip(np.ceil(crossing - 0.5), 0, width).astype(np.int64)
    winding = np.zeros((height, width + 1), np.int16)
    np.add.at(winding, (rows, columns), np.where(down[rows, edges], 1, -1).astype(np.int16))
    return np.cumsum(winding[:, :width], axis=1) != 0
