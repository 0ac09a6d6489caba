"""Masks whose pixels are colours or indices of a palette, turned into positions in a list of class names."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL.PngImagePlugin import PngImageFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

IGNORE = 255


def read_palette_png(file: Path) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Return a PNG's pixels as they are stored.

    Args:
        file: The mask.

    Returns:
        (H, W) uint8 indices and their palette (K, 3) uint8 RGB; or (H, W) values without a palette; or (H, W, 3) uint8
        RGB without one. None when the file is missing or damaged.
    """
    try:
        data = file.read_bytes()
        with PngImageFile(BytesIO(data)) as image:
            if image.mode == "P":
                palette = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
                return np.asarray(image), palette
    except (OSError, SyntaxError, ValueError, EOFError):
        return None
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint8:
        return None
    return (pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[:, :, 2::-1])), None


def classes_of_values(values: np.ndarray, count: int) -> tuple[np.ndarray, list[object]]:
    """Return values that are class positions, 255 where there is no such class, and the unknown ones that occur.

    Args:
        values: (H, W) uint8; 255 for what teaches nothing.
        count: Number of classes.
    """
    unknown: list[object] = [int(value) for value in np.unique(values) if value >= count and value != IGNORE]
    return np.where(values < count, values, IGNORE).astype(np.uint8), unknown


def classes_of_colors(
    pixels: np.ndarray, palette: np.ndarray | None, positions: Mapping[tuple[int, int, int], int]
) -> tuple[np.ndarray, list[object]]:
    """Turn colours into class positions.

    Args:
        pixels: (H, W) indices into the palette, or (H, W, 3) RGB; grey values without a palette stand for equal RGB.
        palette: (K, 3) RGB, or None.
        positions: Position by colour (red, green, blue); 255 for what teaches nothing.

    Returns:
        (H, W) uint8 positions, 255 where the colour is unknown, and the unknown colours that occur.
    """
    if pixels.ndim == 2:
        palette = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1) if palette is None else palette
        codes = np.zeros(256, np.int64)
        codes[: len(palette)] = _code(palette[:256])
        present, inverse = np.unique(pixels, return_inverse=True)
        present = codes[present]
    else:
        present, inverse = np.unique(_code(pixels), return_inverse=True)
    known = {_code(np.array(color, np.uint8)).item(): position for color, position in positions.items()}
    table = np.array([known.get(int(code), IGNORE) for code in present], np.uint8)
    strange = [int(code) for code in present if int(code) not in known]
    unknown: list[object] = [(code >> 16, code >> 8 & 255, code & 255) for code in strange]
    return table[inverse].reshape(pixels.shape[:2]), unknown


def _code(colors: np.ndarray) -> np.ndarray:
    """Return colours (..., 3) as single numbers."""
    red, green, blue = (colors[..., channel].astype(np.int64) for channel in range(3))
    return red << 16 | green << 8 | blue
