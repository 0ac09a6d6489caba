"""Which way the skin faces: unit normals of each chart in the car's frame (x forward, y left, z up)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.data.synthetic.atlas import edge_distance
from ayolom.data.synthetic.body import STEP
from ayolom.data.synthetic.mesh import ribbon_points

if TYPE_CHECKING:
    from ayolom.data.synthetic.atlas import Chart
    from ayolom.data.synthetic.body import Body


def side_normals(chart: Chart, body: Body) -> np.ndarray:
    """Normals (H, W, 3) float32 of the left side, with its pressed lines and rounded edges."""
    d, z = chart.grid()
    width = body.half_width(d, z) + body.relief(d, z)
    slope_down, slope_back = np.gradient(width, 1 / chart.texels)
    low, high = body.outline(d[0])
    depth = cv2.GaussianBlur(edge_distance((z < high) & (z > low)), (0, 0), 2) / chart.texels
    down, back = np.gradient(depth, 1 / chart.texels)
    turn = 0.9 * np.clip(1 - depth / 0.07, 0, 1) ** 1.5 * (z > body.belt * 0.55)
    return unit(np.stack([slope_back + turn * back, np.ones_like(width), slope_down + turn * down], -1))


def ribbon_normals(chart: Chart, body: Body) -> np.ndarray:
    """Normals (H, W, 3) float32 of the ribbon; they turn outward along its edges."""
    across = np.linspace(1, -1, 41)
    points = ribbon_points(body, np.arange(len(body.profile)) * STEP, across)
    normal = unit(np.cross(np.gradient(points, axis=0), np.gradient(points, axis=1))).transpose(1, 0, 2)
    edge = np.clip((np.abs(across) - 0.93) / 0.07, 0, 1) ** 1.5
    normal[..., 1] += (0.8 * edge * np.sign(across))[:, None]
    return unit(cv2.resize(np.ascontiguousarray(normal), (chart.width, chart.height)))


def wheel_normals(chart: Chart, body: Body) -> np.ndarray:
    """Normals (H, W, 3) float32 of a wheel's face on the left: round tyre, dished rim."""
    u, v = chart.grid()
    r = np.hypot(u, v) / body.wheel_radius
    profile = np.where(r > 0.68, (r - 0.8) * 3.2, np.where(r > 0.6, -0.5, (r - 0.3) * -0.5))
    tilt = profile / (np.maximum(r, 0.05) * body.wheel_radius)
    return unit(np.stack([-u * tilt, np.ones_like(r), v * tilt], -1))


def ball_normals(chart: Chart) -> np.ndarray:
    """Normals (H, W, 3) float32 of a flattened ball by longitude and latitude."""
    lon, lat = chart.grid()
    return unit(
        np.stack(np.broadcast_arrays(np.cos(lat) * np.cos(lon), 0.7 * np.cos(lat) * np.sin(lon), np.sin(lat)), -1)
    )


def tread_normals(chart: Chart) -> np.ndarray:
    """Normals (H, W, 3) float32 of a tread by the angle round the wheel."""
    angle, across = chart.grid()
    return unit(np.stack(np.broadcast_arrays(-np.cos(angle), 0 * across, np.sin(angle)), -1))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) at unit length, float32."""
    vectors = vectors.astype(np.float32)
    length = np.sqrt(np.einsum("...k,...k->...", vectors, vectors))
    return vectors / np.maximum(length, 1e-9)[..., None]
