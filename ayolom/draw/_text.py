"""Text as masks: how much of each pixel a line of text covers."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ayolom.draw.fonts import closest_font

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from PIL.ImageFont import FreeTypeFont, ImageFont


class Typeface:
    """One font at one size, chosen so that it writes all texts of a picture, which then look alike."""

    def __init__(self, texts: Iterable[str], size: int) -> None:
        """Choose the font.

        Args:
            texts: All lines that will be written.
            size: Height of the font's em square in pixels.
        """
        self.size = size
        self.file = closest_font("Aa" + "".join(texts))

    def __eq__(self, other: object) -> bool:
        """Return whether the other writes alike."""
        return isinstance(other, Typeface) and (self.file, self.size) == (other.file, other.size)

    def __hash__(self) -> int:
        """Return a hash of font and size."""
        return hash((self.file, self.size))

    def mask(self, text: str) -> np.ndarray:
        """Return (h, w) uint8 coverage of a line of text; equal heights and baselines unless letters are very tall."""
        return _mask(text, self.file, self.size)

    def width(self, text: str) -> int:
        """Return the width of a line of text in pixels."""
        return self.mask(text).shape[1]

    def shorten(self, text: str, width: int) -> str:
        """Return the text, cut with "..." where it would be wider than `width` pixels; empty when nothing fits."""
        if self.width(text) <= width:
            return text
        likely = round(len(text) * width / self.width(text)) + 2
        for length in range(min(likely, len(text) - 1), -1, -1):
            cut = text[:length].rstrip() + "..."
            if self.width(cut) <= width:
                return cut
        return ""


@lru_cache(maxsize=512)
def _mask(text: str, file: Path | None, size: int) -> np.ndarray:
    """Return the coverage of a line, cut to its width and to the height of letters such as "d" and "g"."""
    from PIL import Image, ImageDraw

    text = "".join(" " if character.isspace() else character for character in text)
    font = _font(file, size)
    _, usual_top, _, usual_bottom = font.getbbox("dg", anchor="ls")
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    left, top = math.floor(min(left, 0)), math.floor(min(top, usual_top))
    right, bottom = math.ceil(max(right, 1)), math.ceil(max(bottom, usual_bottom))
    canvas = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(canvas).text((-left, -top), text, fill=255, font=font, anchor="ls")
    mask = np.asarray(canvas)
    mask.flags.writeable = False  # it is kept and handed out again
    return mask


@lru_cache(maxsize=64)
def _font(file: Path | None, size: int) -> FreeTypeFont | ImageFont:
    """Return an opened font; Pillow's own where there is no file."""
    from PIL import ImageFont

    return ImageFont.load_default(size) if file is None else ImageFont.truetype(str(file), size)
