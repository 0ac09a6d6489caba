"""The letters of a page as a small font inside it, so that it reads on a machine without fonts for its script."""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from importlib import import_module

from ayolom.draw.fonts import find_font

LATIN = 0x2FFF  # every machine writes what comes before
RESTRICTED = (
    0x0002  # OS/2.fsType: must not be embedded (https://learn.microsoft.com/typography/opentype/spec/os2#fstype)
)


def embedded_font(text: str) -> str | None:
    """Return a font with just the letters of a text as a data URI.

    Args:
        text: All that the page writes.

    Returns:
        None where the text needs no font of its own, no font has its letters, or the font forbids it.
    """
    if not any(ord(character) > LATIN for character in text):
        return None
    file = find_font(text)
    return None if file is None else _subset(str(file), "".join(sorted(set(text))))


@lru_cache(maxsize=4)
def _subset(file: str, characters: str) -> str | None:
    """Return a font cut down to some characters, as a data URI."""
    subset = import_module("fontTools.subset")  # comes with Matplotlib
    font = import_module("fontTools.ttLib").TTFont(file, fontNumber=0, lazy=True)
    if font["OS/2"].fsType & RESTRICTED:
        return None
    options = subset.Options(flavor="woff", layout_features=[], hinting=False, desubroutinize=True, notdef_outline=True)
    cutter = subset.Subsetter(options)
    cutter.populate(text=characters)
    cutter.subset(font)
    font.flavor = "woff"
    stream = io.BytesIO()
    font.save(stream)
    return "data:font/woff;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
