"""Colours of classes: strong ones for boxes, muted ones for regions."""

from __future__ import annotations

Color = tuple[int, int, int]  # blue, green, red; 0 .. 255

# Both tables were made by a farthest-point search in OKLab (https://bottosson.github.io/posts/oklab/): each colour lies
# as far as possible from those before it, most of all from the last four, since the left and the right twin of a part
# stand close together in a list of classes. For regions lightness counted half, as the picture below brings its own.
# Chroma is above 0.155 for boxes and below 0.128 for regions.
_BOX_RGB = bytes.fromhex(
    "f83040 f8a810 2860f8 e000d0 00b840 08b0f8 8840f8 f0d800 f880c0 008028 b04000 00f8e0 "
    "a030a0 8888f8 00f800 d87000 a8b818 c00858 d070f8 6858c0 f87870 90e880 f00090 b000e0"
)
_REGION_RGB = bytes.fromhex(
    "5888b8 f0c868 903830 386810 f8a0d8 48e0f8 604898 c87838 007068 98c870 c0c8f8 984880 "
    "785000 f89890 20b898 9890e8 005898 988808 a07078 a0e0c8 60b8f8 f0c0a0 689058 b878c0"
)


def palette(count: int, *, muted: bool = False) -> list[Color]:
    """Return distinct colours that do not depend on how many are asked for.

    Args:
        count: How many colours, from 0 up. The first 24 are far apart; later ones are their darker and lighter shades.
        muted: Whether to return the colours of regions instead of those of boxes.

    Returns:
        BGR colours in the order of class ids.
    """
    color = region_color if muted else box_color
    return [color(index) for index in range(count)]


def box_color(class_id: int) -> Color:
    """Return the BGR colour in which boxes of a class are drawn."""
    return _shade(_BOX_RGB, class_id)


def region_color(class_id: int) -> Color:
    """Return the BGR colour in which regions of a class are tinted."""
    return _shade(_REGION_RGB, class_id)


def text_color(background: Color) -> Color:
    """Return black or white, whichever reads better on a BGR colour."""
    blue, green, red = background
    return (0, 0, 0) if 0.114 * blue + 0.587 * green + 0.299 * red > 140 else (255, 255, 255)


def _shade(table: bytes, index: int) -> Color:
    """Return the BGR colour at an index; each further turn through the table is darker, then lighter."""
    turn, place = divmod(int(index), len(table) // 3)
    red, green, blue = table[3 * place : 3 * place + 3]
    share = 0.9 * (1 - 0.5 ** ((turn + 1) // 2))
    target = 255 if turn % 2 == 0 else 0
    blue, green, red = (round(value + (target - value) * share) for value in (blue, green, red))
    return blue, green, red
