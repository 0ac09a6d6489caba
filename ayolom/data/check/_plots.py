"""Where the marks of the page's plots stand; the template draws them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ayolom.data.check._values import Result

LEAST = 0.003  # share of the image where the axes of the box plot begin
POINTS = 1200
TICKS = (0.01, 0.03, 0.1, 0.3, 1.0)
WIDEST = 100.0  # per cent of a bar's room
SHOWN_SIZES = 12


@dataclass(frozen=True)
class Bar:
    """One row of a table with bars.

    Attributes:
        name: What is counted.
        cells: The numbers of the row as text.
        bars: (share of the bar's room in per cent, place among the splits).
    """

    name: str
    cells: list[str]
    bars: list[tuple[float, int]]


def class_bars(result: Result, task: str) -> list[Bar]:
    """Return a row for each class of a task: images, boxes and share of the pixels, bars of the images by split."""
    tables = [of_split[task] for of_split in result.tables.values()]
    most = max([int(table.images.max(initial=0)) for table in tables] + [1])
    pixels = np.sum([table.pixels for table in tables], 0)
    boxes = np.sum([table.instances for table in tables], 0)
    whole = max(float(np.sum(pixels)), 1.0)
    rows = []
    for number, name in result.names[task].items():
        counts = [int(table.images[number]) for table in tables]
        cells = [*map(str, counts), str(int(boxes[number])) if np.any(boxes) else "", f"{pixels[number] / whole:.1%}"]
        rows.append(Bar(name, cells, [(WIDEST * count / most, split) for split, count in enumerate(counts)]))
    return rows


def size_bars(result: Result) -> list[Bar]:
    """Return a row for each of the most frequent sizes of images."""
    shown = result.sizes[:SHOWN_SIZES]
    most = max([count for _, _, count in shown] + [1])
    return [
        Bar(f"{width} x {height}", [str(count), f"{width / height:.2f}"], [(WIDEST * count / most, 0)])
        for height, width, count in shown
    ]


def box_points(boxes: np.ndarray, side: float) -> list[tuple[float, float]]:
    """Return (x, y) of boxes in a square plot with logarithmic axes, the origin at the lower left.

    Args:
        boxes: (N, 2) width and height as shares of the image.
        side: Length of the axes.
    """
    shares = np.maximum(np.asarray(boxes, np.float64)[:POINTS], LEAST)
    places = 1 - np.log(shares) / math.log(LEAST)
    return [(round(x * side, 1), round((1 - y) * side, 1)) for x, y in places.tolist()]


def ticks(side: float) -> list[tuple[float, str]]:
    """Return (place, text) of the marks on such an axis."""
    return [(round((1 - math.log(tick) / math.log(LEAST)) * side, 1), f"{tick:.0%}") for tick in TICKS]
