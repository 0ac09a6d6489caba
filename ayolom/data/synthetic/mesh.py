"""Triangles of a vehicle, each with its place on the atlas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ayolom.data.synthetic.body import STEP, Body

if TYPE_CHECKING:
    from ayolom.data.synthetic.atlas import Chart


@dataclass(frozen=True)
class Mesh:
    """Triangles facing outward: corners (T, 3, 3) in metres, texels (T, 3, 2) as (column, row) of the atlas."""

    corners: np.ndarray
    texels: np.ndarray

    @staticmethod
    def join(meshes: list[Mesh]) -> Mesh:
        """All triangles of several meshes."""
        return Mesh(np.concatenate([m.corners for m in meshes]), np.concatenate([m.texels for m in meshes]))


def sheet(points: np.ndarray, texels: np.ndarray, flip: bool = False) -> Mesh:
    """Triangles of a grid of points (R, C, 3) with texels (R, C, 2); `flip` turns their faces round."""
    quads = []
    for grid in (points, texels):
        a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]
        order = ((a, c, b), (a, d, c)) if flip else ((a, b, c), (a, c, d))
        quads.append(np.concatenate([np.stack(t, 2).reshape(-1, 3, grid.shape[-1]) for t in order]))
    return Mesh(*quads)


def ribbon_points(body: Body, arcs: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Points (R, C, 3) of the ribbon at arc lengths (R,) and at fractions (C,) of the half width, -1 to 1."""
    s = np.arange(len(body.profile)) * STEP
    d, z, nd, nz = (np.interp(arcs, s, values) for values in (*body.profile.T, *body.normals.T))
    knots = [0.0, *(body.cuts[name] for name in ("hood_front", "cowl", "header", "roof_end", "glass_end")), s[-1]]
    bow = np.interp(arcs, knots, [0.16, 0.13, 0.05, 0.045, 0.045, 0.06, 0.09])[:, None] * (1 - np.abs(across) ** 2.4)
    y = body.half_width(d, z)[:, None] * across
    x = body.length / 2 - (d[:, None] + nd[:, None] * bow)
    return np.stack([x, y, z[:, None] + nz[:, None] * bow], -1)


def body_mesh(body: Body, charts: dict[str, Chart]) -> Mesh:
    """The closed upper skin: the ribbon and both sides."""
    s_end = (len(body.profile) - 1) * STEP
    arcs = np.linspace(0, s_end, round(s_end / 0.085))
    across = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 15))
    flat = np.stack(np.broadcast_arrays(arcs[:, None], across[None] * body.width / 2), -1)
    parts = [sheet(ribbon_points(body, arcs, across), charts["ribbon"].atlas_texel(flat))]
    even = np.linspace(0, 1, 56)
    d = body.length * (0.6 * even + 0.4 * (1 - np.cos(np.pi * even)) / 2)
    low, high = body.outline(d)
    z = low + (high - low) * np.linspace(0, 1, 14)[:, None]
    d = np.broadcast_to(d, z.shape)
    for name, side in (("left", 1), ("right", -1)):
        points = np.stack([body.length / 2 - d, side * body.half_width(d, z), z], -1)
        parts.append(sheet(points, charts[name].atlas_texel(np.stack([d, z], -1)), flip=side < 0))
    return Mesh.join(parts)


def wheel_mesh(body: Body, charts: dict[str, Chart], name: str, axle: float, side: int, sink: float) -> Mesh:
    """One wheel: outer face, tread and inner face; `sink` metres of its tyre are pressed flat."""
    radius, width = body.wheel_radius, 0.22
    angle = np.linspace(0, 2 * np.pi, 33)
    circle = np.stack([np.cos(angle), np.sin(angle)], -1)
    rings = np.array([0.0, 0.35, 0.68, 0.86, 1.0])[:, None, None] * circle * radius
    outer = float(body.half_width(np.array(axle), np.array(radius))) - 0.025
    centre = np.array([body.length / 2 - axle, radius - sink])
    offset = np.array([0.02, 0.012, 0.0, -0.004, 0.02])  # the rim is dished, the tyre's shoulder falls back

    def place(flat: np.ndarray, y: np.ndarray) -> np.ndarray:
        x, z = -flat[..., 0] + 0.0, flat[..., 1] + centre[1]
        low = np.clip((0.62 * radius - z) / (0.62 * radius), 0, 1) if sink else 0.0 * z
        tyre = np.clip(np.hypot(flat[..., 0], flat[..., 1]) / radius - 0.68, 0, 1) / 0.32
        x = x * (1 + 0.42 * low**2 * tyre)
        bulge = 0.05 * low * tyre * (1 if sink else 0)
        return np.stack([x + centre[0], side * (y + bulge), np.maximum(z, 0.004)], -1)

    face = charts[name].atlas_texel(rings)
    faces = sheet(place(rings, np.broadcast_to(outer - offset[:, None], rings.shape[:2])), face, flip=side > 0)
    edge = np.stack([rings[-1], rings[-1]])
    depth = np.array([[outer - 0.02], [outer - width]]) + 0 * angle
    around = charts["tread"].atlas_texel(np.stack([np.broadcast_to(angle, (2, 33)), depth * 0 + [[0.1], [0.9]]], -1))
    tread = sheet(place(edge, depth), around, flip=side > 0)
    back = charts["tread"].atlas_texel(np.full((2, 33, 2), (0.1, 0.5)))
    inside = sheet(place(np.stack([rings[-1], rings[0]]), depth * 0 + outer - width), back, flip=side > 0)
    return Mesh.join([faces, tread, inside])


def mirror_mesh(body: Body, charts: dict[str, Chart], name: str, side: int) -> Mesh:
    """One door mirror: a flattened ball with its foot at the front edge of the side glass."""
    d, z = body.doors[0] + 0.13, body.belt + 0.07
    foot = float(body.half_width(np.array(d), np.array(z)))
    lon, lat = np.linspace(-np.pi, np.pi, 17), np.linspace(-np.pi / 2, np.pi / 2, 9)[:, None]
    ball = np.stack(np.broadcast_arrays(np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)), -1)
    ball = np.sign(ball) * np.abs(ball) ** (0.75, 0.75, 0.7)
    points = ball * (0.075, 0.125, 0.085) + (body.length / 2 - d, side * (foot + 0.115), z)
    texels = charts[name].atlas_texel(np.stack(np.broadcast_arrays(lon, lat), -1))
    return sheet(points, texels)
