"""Where labels go: inside the image, near their boxes, off one another."""

from __future__ import annotations

import numpy as np


def place_labels(boxes: np.ndarray, sizes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return a place for the label of each box; earlier boxes choose first.

    Args:
        boxes: (N, 4) xyxy in pixels.
        sizes: (N, 2) width and height of each label in pixels, none larger than the image.
        shape: (H, W) of the image.

    Returns:
        (N, 4) int64 xyxy of the labels: inside the image, and free of one another wherever one of the places tried for
        a label (above, below and inside its box, at its left, right and middle, then further off) is free.
    """
    placed = np.zeros((len(boxes), 4), np.int64)
    for number, (box, size) in enumerate(zip(boxes, sizes, strict=True)):
        places = _places(box, size, shape)
        hidden = _overlaps(places, placed[:number]).sum(1)
        placed[number] = places[hidden.argmin()]
    return placed


def _places(box: np.ndarray, size: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return (K, 4) int64 xyxy of the places for one label, the best first, all moved into the image."""
    (x1, y1, x2, y2), (width, height) = box, size
    columns = (x1, x2 - width, (x1 + x2 - width) / 2)
    rows = [y1 - height, y2, y1, y2 - height]
    for step in range(1, 4):
        rows += [y1 - (step + 1) * height, y2 + step * height, y1 + step * height]
    origins = np.array([(x, y) for y in rows for x in columns]).round().astype(np.int64)
    limit = np.array(shape[::-1]) - size
    origins = np.clip(origins, 0, limit.clip(0))
    return np.hstack((origins, origins + size))


def _overlaps(places: np.ndarray, placed: np.ndarray) -> np.ndarray:
    """Return (K, M) areas in pixels that places (K, 4) share with placed labels (M, 4)."""
    first = np.maximum(places[:, None, :2], placed[None, :, :2])
    last = np.minimum(places[:, None, 2:], placed[None, :, 2:])
    return (last - first).clip(0).prod(2)
