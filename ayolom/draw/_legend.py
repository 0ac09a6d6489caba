"""Plates of text laid over the picture: the legend of its classes and a caption."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from ayolom.draw._canvas import blend, canvas, fill, rounded, text_size
from ayolom.draw._text import Typeface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ayolom.draw._colors import Color

Corner = Literal["bottom left", "bottom right", "top left", "top right"]

_PLATE = (24, 24, 24)
_INK = (245, 245, 245)
_OPACITY = 0.72
_LARGEST = 1 / 3  # of the image's area


@dataclass(frozen=True)
class _Layout:
    """The lines of a legend and the plate they need.

    Attributes:
        typeface: Font and size.
        lines: Text and swatch colour of each line; where entries had to be left out, the last line says how many.
        rows: Lines in a column.
        text_width: Width of the longest text in pixels.
    """

    typeface: Typeface
    lines: list[tuple[str, Color | None]]
    rows: int
    text_width: int

    @property
    def line_height(self) -> int:
        """Distance between lines in pixels."""
        return round(1.4 * self.typeface.size)

    @property
    def margin(self) -> int:
        """Distance in pixels between the lines and the border of the plate."""
        return max(3, round(0.5 * self.typeface.size))

    @property
    def indent(self) -> int:
        """Distance in pixels from a swatch's left side to its text."""
        return round(1.3 * self.typeface.size)

    @property
    def column_width(self) -> int:
        """Distance between columns in pixels."""
        return self.indent + self.text_width + 2 * self.margin

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the plate in pixels."""
        columns = -(-len(self.lines) // self.rows)
        return columns * self.column_width, self.rows * self.line_height + self.margin


def draw_legend(
    image: np.ndarray,
    entries: Sequence[tuple[str, Color]],
    *,
    corner: Corner | None = None,
    avoid: np.ndarray | None = None,
) -> np.ndarray:
    """Explain colours on a half-transparent plate of at most a third of the image.

    Args:
        image: (H, W, 3) uint8 BGR; drawn on in place where its memory allows.
        entries: Name and BGR colour of each class that occurs. Those without room are counted in a last line.
        corner: Corner of the image; None takes the one with the least detail. Name one for the frames of a video, or
            the legend will wander.
        avoid: (N, 4) xyxy in pixels of what should stay in view, for the choice of the corner.

    Returns:
        The drawn image.
    """
    image = canvas(image)
    plate = _plate(tuple(entries), image.shape[:2], text_size(image))
    if plate is None:
        return image
    colors, cover = plate
    x1, y1, x2, y2 = _place(image, (colors.shape[1], colors.shape[0]), corner, avoid)
    part, share = image[y1:y2, x1:x2], cover * np.float32(1 / 255)
    part[:] = cv2.blendLinear(part, colors, 1 - share, share)
    return image


def draw_caption(image: np.ndarray, lines: Sequence[str]) -> np.ndarray:
    """Write lines, such as the time for each frame, on a half-transparent plate in the top left corner.

    Args:
        image: (H, W, 3) uint8 BGR; drawn on in place where its memory allows.
        lines: What to write; lines that are too wide or too many for the image are cut.

    Returns:
        The drawn image.
    """
    image = canvas(image)
    typeface = Typeface(lines, text_size(image))
    margin, line_height = max(3, typeface.size // 2), round(1.4 * typeface.size)
    room = max(0, image.shape[0] - margin) // line_height
    texts = [typeface.shorten(line, image.shape[1] - 2 * margin) for line in lines[:room]]
    if not any(texts):
        return image
    width = max(typeface.width(text) for text in texts) + 2 * margin
    fill(image, (0, 0, width, len(texts) * line_height + margin), _PLATE, _OPACITY)
    for row, text in enumerate(texts):
        _write(image, typeface, text, (margin, margin // 2 + round((row + 0.5) * line_height)))
    return image


@lru_cache(maxsize=8)
def _plate(
    entries: tuple[tuple[str, Color], ...], shape: tuple[int, int], largest: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return a legend to lay on images, kept for the next frame of a video; None where there is no room for any.

    Args:
        entries: Name and BGR colour of each class.
        shape: (H, W) of the images.
        largest: Size of letters in pixels.

    Returns:
        (h, w, 3) uint8 BGR colours, and (h, w) uint8, how much they cover what lies under them.
    """
    layout = _lay_out(entries, shape, largest)
    if layout is None:
        return None
    width, height = layout.size
    colors = np.full((height, width, 3), _PLATE, np.uint8)
    cover = cv2.convertScaleAbs(rounded((height, width), layout.margin), alpha=_OPACITY)
    for number, (text, color) in enumerate(layout.lines):
        column, row = divmod(number, layout.rows)
        left, top = layout.margin + column * layout.column_width, layout.margin // 2 + row * layout.line_height
        line_colors, line_cover = _line(layout.typeface, text, color, layout.line_height, layout.indent)
        place = slice(top, top + layout.line_height), slice(left, left + line_cover.shape[1])
        colors[place], cover[place] = line_colors, line_cover
    return _kept(colors), _kept(cover)


@lru_cache(maxsize=128)
def _line(
    typeface: Typeface, text: str, color: Color | None, height: int, indent: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return colours and cover of a line on the plate as `_plate` does, kept for other legends that have the line."""
    line = np.empty((height, indent + typeface.width(text), 4), np.uint8)  # colours as if on black, and the cover
    line[:] = np.rint(np.array((*_PLATE, 255)) * _OPACITY)
    if color is not None:
        _swatch(line, (0, height // 2), typeface.size, color)
    _write(line, typeface, text, (indent, height // 2))
    cover = line[..., 3]
    colors = np.rint(line[..., :3] * (255 / cover)[..., None]).clip(max=255)
    return _kept(colors.astype(np.uint8)), _kept(cover.copy())


def _kept(array: np.ndarray) -> np.ndarray:
    """Return an array that is laid on many images and must not be changed."""
    array.flags.writeable = False
    return array


def _lay_out(entries: Sequence[tuple[str, Color]], shape: tuple[int, int], largest: int) -> _Layout | None:
    """Return the legend with the largest letters that hold all entries, else with the most entries, else None."""
    names = [name for name, _ in entries]
    sizes = sorted({max(9, round(share * largest)) for share in (1, 0.85, 0.72)}, reverse=True)
    tries = [(len(entries), size) for size in sizes] + [(shown, sizes[-1]) for shown in range(len(entries) - 1, 0, -1)]
    for shown, size in tries:
        layout = _fit(entries, shown, Typeface(names, size), shape)
        if layout is not None:
            return layout
    return None


def _fit(
    entries: Sequence[tuple[str, Color]], shown: int, typeface: Typeface, shape: tuple[int, int]
) -> _Layout | None:
    """Return the first entries in as many columns as suit the sides of the image, None when no way fits."""
    height, width = shape
    if not shown or not height or not width:
        return None
    lines: list[tuple[str, Color | None]] = [
        (typeface.shorten(name, round(0.4 * width)), color) for name, color in entries[:shown]
    ]
    if shown < len(entries):
        lines.append((f"+{len(entries) - shown} more", None))
    text_width = max(typeface.width(text) for text, _ in lines)
    best, least = None, 1.0
    for rows in range(1, len(lines) + 1):
        layout = _Layout(typeface, lines, rows, text_width)
        across, down = layout.size[0] / width, layout.size[1] / height
        if across * down <= _LARGEST and max(across, down) < least:
            best, least = layout, max(across, down)
    return best


def _place(
    image: np.ndarray, size: tuple[int, int], corner: Corner | None, avoid: np.ndarray | None
) -> tuple[int, int, int, int]:
    """Return x1, y1, x2, y2 of a plate in a corner: the given one, or where it hides the least."""
    (height, width), gap = image.shape[:2], text_size(image) // 3
    left, top = min(gap, width - size[0]), min(gap, height - size[1])
    right, bottom = width - size[0] - left, height - size[1] - top
    corners: dict[Corner, tuple[int, int]] = {
        "bottom left": (left, bottom),
        "bottom right": (right, bottom),
        "top left": (left, top),
        "top right": (right, top),
    }
    plates = {name: (x, y, x + size[0], y + size[1]) for name, (x, y) in corners.items()}
    return plates[corner] if corner else min(plates.values(), key=_Hidden(image, avoid))


class _Hidden:
    """How much a plate would hide: detail of the image and, ten times as grave, things to be kept in view."""

    def __init__(self, image: np.ndarray, avoid: np.ndarray | None) -> None:
        """Look at the image once, at about 160 pixels of its longer side, for all plates."""
        self.step = max(1, max(image.shape[:2]) // 160)
        small = np.ascontiguousarray(image[:: self.step, :: self.step])
        self.detail = cv2.morphologyEx(small, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        self.avoid = np.zeros((0, 4)) if avoid is None else np.asarray(avoid, float).reshape(-1, 4)

    def __call__(self, plate: tuple[int, int, int, int]) -> float:
        """Return how much a plate x1, y1, x2, y2 hides."""
        x1, y1, x2, y2 = (max(0, value // self.step) for value in plate)
        detail = float(self.detail[y1 : y2 + 1, x1 : x2 + 1].mean()) / 255
        sides = np.minimum(self.avoid[:, 2:], plate[2:]) - np.maximum(self.avoid[:, :2], plate[:2])
        area = (plate[2] - plate[0]) * (plate[3] - plate[1])
        return detail + 10 * float(sides.clip(0).prod(1).sum()) / area


def _swatch(image: np.ndarray, origin: tuple[int, int], size: int, color: Color) -> None:
    """Draw a square of a colour with a light rim; `origin` is the middle of its left side."""
    side, rim = round(0.85 * size), max(1, size // 14)
    x, y = origin[0], origin[1] - side // 2
    fill(image, (x, y, x + side, y + side), _opaque(_INK, image), radius=side // 5)
    inner = (x + rim, y + rim, x + side - rim, y + side - rim)
    fill(image, inner, _opaque(color, image), radius=max(0, side // 5 - rim))


def _write(image: np.ndarray, typeface: Typeface, text: str, origin: tuple[int, int]) -> None:
    """Write a light line of text; `origin` is the middle of its left side."""
    mask = typeface.mask(text)
    blend(image, mask, (origin[0], origin[1] - mask.shape[0] // 2), _opaque(_INK, image))


def _opaque(color: Color, image: np.ndarray) -> tuple[int, ...]:
    """Return the values that paint a colour on an image, which may have a fourth channel for what is covered."""
    return (*color, 255)[: image.shape[2]]
