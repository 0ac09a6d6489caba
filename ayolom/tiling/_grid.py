"""Where the tiles of a picture lie."""

from __future__ import annotations

import math
from typing import NamedTuple


class Tile(NamedTuple):
    """A rectangle of whole pixels in a picture, its right and lower edge not included."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def whole(cls, shape: tuple[int, int]) -> Tile:
        """Return the tile that is the whole of a picture of shape (H, W)."""
        return cls(0, 0, shape[1], shape[0])

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.bottom - self.top, self.right - self.left


def tiles_of(shape: tuple[int, int], side: int, overlap: float) -> list[Tile]:
    """Return the tiles that cover a picture, row by row.

    All are squares of the given side, or as high or as wide as the picture where that is smaller. As few as the overlap
    allows are taken and spread evenly, from edge to edge, so neighbours overlap by at least what is asked for, within
    the pixel that places are rounded to, and no tile reaches out of the picture.

    Args:
        shape: (H, W) of the picture.
        side: Side of a tile in pixels.
        overlap: Share of a tile that its neighbour covers as well, in [0, 1).

    >>> tiles_of((100, 250), 100, 0.2)
    [Tile(left=0, top=0, right=100, bottom=100), Tile(left=75, top=0, right=175, bottom=100), \
Tile(left=150, top=0, right=250, bottom=100)]
    """
    height, width = (min(side, length) for length in shape)
    return [
        Tile(left, top, left + width, top + height)
        for top in _places(shape[0], side, overlap)
        for left in _places(shape[1], side, overlap)
    ]


def _places(length: int, side: int, overlap: float) -> list[int]:
    """Return where tiles begin along one side of the picture."""
    if length <= side:
        return [0]
    step = max(1, side - int(side * overlap))
    last = length - side
    count = math.ceil(last / step) + 1
    return [round(last * i / (count - 1)) for i in range(count)]
