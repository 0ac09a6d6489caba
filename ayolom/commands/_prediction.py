"""Options that say how a trained model predicts."""

from __future__ import annotations

from typing import Any

import yaml

from ayolom.commands._command import Option, flag, integer, number, text, words
from ayolom.config import MAX_OVERLAP, MIN_TILE


def thresholds(value: Any) -> float | dict[str, float]:
    """Return one threshold, or thresholds by task: `0.6` or `{damage: 0.4, parts: 0.6}`."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ValueError("must be a number, or a mapping such as {damage: 0.4, parts: 0.6}") from None
    if isinstance(value, dict):
        return {str(task): number(0, 1)(one) for task, one in value.items()}
    return number(0, 1)(value)


def sides(value: Any) -> int | list[int]:
    """Return the size of the network's input: `640` or `384,672` (height, width)."""
    if not isinstance(value, str):
        return [integer(1)(side) for side in value] if isinstance(value, (list, tuple)) else integer(1)(value)
    listed = words(value)
    if not 1 <= len(listed) <= 2 or not all(side.isdigit() for side in listed):
        raise ValueError("must be a number of pixels, or height,width")
    return [int(side) for side in listed]


def tile_side(value: Any) -> int:
    """Return the side of a tile in pixels, 0 for no tiles."""
    return 0 if integer(0)(value) == 0 else integer(MIN_TILE)(value)


IMGSZ = Option("imgsz", sides, "size of the network's input; that of its training when not given")
DEVICE = Option("device", text, "cpu, 0, ...")
TILES = (
    Option("tile", tile_side, "side in pixels of overlapping tiles in which large pictures are searched too; 0: none"),
    Option("tile_overlap", number(0, MAX_OVERLAP), "share of a tile that its neighbour covers too; 0.2 when not given"),
    Option("tile_whole", flag, "search the whole picture besides its tiles; True when not given"),
)
