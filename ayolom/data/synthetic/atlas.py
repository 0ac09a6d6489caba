"""The skin of a vehicle: flat charts in one picture, on which parts, colours and damage are drawn.

Charts are measured in metres: the two sides by (d, z), the ribbon (bumper, hood, glass, roof, trunk, bumper) by
(arc length, y), wheel faces by (x, z) from the hub, treads and mirrors by angles.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

Color = tuple[int, ...]  # BGR, 0-255

PAINT, PLASTIC, GLASS, LAMP, RUBBER, OTHER = 1, 2, 3, 4, 5, 6


@dataclass(frozen=True)
class Chart:
    """A rectangle of the atlas: its corner (row, column), size in texels, and the metres it shows (v upward)."""

    row: int
    column: int
    height: int
    width: int
    u_min: float
    v_max: float
    texels: float

    def texel(self, points: np.ndarray) -> np.ndarray:
        """Metric points (..., 2) as (column, row) inside this chart, in texels."""
        points = np.asarray(points, dtype=np.float64)
        return np.stack([(points[..., 0] - self.u_min), (self.v_max - points[..., 1])], -1) * self.texels - 0.5

    def atlas_texel(self, points: np.ndarray) -> np.ndarray:
        """Metric points (..., 2) as (column, row) of the atlas, half a texel away from other charts."""
        inside = np.clip(self.texel(points), 0.5, (self.width - 1.5, self.height - 1.5))
        return inside + np.array([self.column, self.row])

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Metric coordinates (u (1, W), v (H, 1)) float32 of the texel centres."""
        u = self.u_min + (np.arange(self.width) + 0.5) / self.texels
        v = self.v_max - (np.arange(self.height) + 0.5) / self.texels
        return u[None].astype(np.float32), v[:, None].astype(np.float32)

    def patch(self, column: int, row: int, reach: int) -> tuple[Chart, np.ndarray]:
        """The part of this chart within `reach` texels of a texel, and where (column, row) that texel lies in it."""
        top, left = max(row - reach, 0), max(column - reach, 0)
        height, width = min(row + reach + 1, self.height) - top, min(column + reach + 1, self.width) - left
        corner = (self.u_min + left / self.texels, self.v_max - top / self.texels)
        part = Chart(self.row + top, self.column + left, height, width, *corner, self.texels)
        return part, np.array([column - left, row - top], dtype=np.float64)

    def view(self, plane: np.ndarray) -> np.ndarray:
        """This chart's part of an atlas plane, as a view."""
        return plane[self.row : self.row + self.height, self.column : self.column + self.width]


class Atlas:
    """All planes of a vehicle's skin.

    Attributes:
        color: (H, W, 3) uint8 BGR.
        gloss: (H, W) uint8, how mirror-like.
        part: (H, W) uint8 part ids.
        material: (H, W) uint8.
        open: (H, W) uint8, 1 where a wheel arch is cut out.
        damage: (H, W) uint8, 0 = none, else 1 + the damage's number.
        normal: (H, W, 3) float32 unit normals in the car's frame.
        height: (H, W) float32 relief of the dents in metres.
    """

    def __init__(self, charts: dict[str, Chart]) -> None:
        self.charts = charts
        height = max(chart.row + chart.height for chart in charts.values())
        width = max(chart.column + chart.width for chart in charts.values())
        self.color = np.zeros((height, width, 3), np.uint8)
        self.gloss = np.zeros((height, width), np.uint8)
        self.part = np.zeros((height, width), np.uint8)
        self.material = np.zeros((height, width), np.uint8)
        self.open = np.zeros((height, width), np.uint8)
        self.damage = np.zeros((height, width), np.uint8)
        self.normal = np.zeros((height, width, 3), np.float32)
        self.height = np.zeros((height, width), np.float32)


def stack_charts(sizes: dict[str, tuple[float, float, float, float, float]], width: int = 1140) -> dict[str, Chart]:
    """Place charts (u_min, u_max, v_min, v_max, texels per metre) in rows of an atlas, with a margin between them."""
    charts: dict[str, Chart] = {}
    row = column = tallest = 0
    for name, (u_min, u_max, v_min, v_max, texels) in sizes.items():
        w, h = int(np.ceil((u_max - u_min) * texels)), int(np.ceil((v_max - v_min) * texels))
        if column and column + w > width:
            row, column, tallest = row + tallest + 4, 0, 0
        charts[name] = Chart(row, column, h, w, u_min, v_max, texels)
        column, tallest = column + w + 4, max(tallest, h)
    return charts


def polygon(chart: Chart, points: list[tuple[float, float]] | np.ndarray) -> np.ndarray:
    """Boolean (H, W) inside of a metric polygon on a chart."""
    plane = np.zeros((chart.height, chart.width), np.uint8)
    cv2.fillPoly(plane, [np.round(chart.texel(np.asarray(points)) * 16).astype(np.int32)], 1, shift=4)
    return plane.astype(bool)


def box(chart: Chart, u: tuple[float, float], v: tuple[float, float]) -> np.ndarray:
    """Boolean (H, W) inside of a metric rectangle on a chart."""
    return polygon(chart, [(u[0], v[0]), (u[1], v[0]), (u[1], v[1]), (u[0], v[1])])


def edge_distance(where: np.ndarray) -> np.ndarray:
    """Distance in texels (H, W) float32 of each point of a region to its edge; the border of the chart is an edge."""
    padded = cv2.copyMakeBorder(where.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    return cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
