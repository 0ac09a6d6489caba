"""An undamaged vehicle painted on its atlas."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ayolom.data.synthetic import normals
from ayolom.data.synthetic.atlas import PAINT, Atlas, stack_charts
from ayolom.data.synthetic.body import STEP
from ayolom.data.synthetic.names import PART
from ayolom.data.synthetic.painter import CLADDING, HOLLOW, TIRE, TRIM, WINDOW, Finish, Livery, Painter
from ayolom.data.synthetic.ribbon import paint_ribbon
from ayolom.data.synthetic.side import paint_side

if TYPE_CHECKING:
    from ayolom.data.synthetic.atlas import Chart
    from ayolom.data.synthetic.body import Body

TEXELS = 150.0  # per metre
WHEELS = ("wheel_front_left", "wheel_front_right", "wheel_back_left", "wheel_back_right")
PAINTS = (
    (236, 236, 232), (236, 236, 232), (190, 188, 184), (150, 148, 146), (88, 86, 84), (34, 32, 32), (30, 28, 28),
    (36, 30, 150), (50, 40, 190), (130, 62, 24), (170, 104, 40), (80, 58, 34), (60, 92, 50), (52, 130, 206),
    (70, 190, 226), (96, 110, 132), (150, 150, 120),
)  # fmt: skip


def paint_vehicle(body: Body, rng: np.random.Generator) -> Atlas:
    """A new atlas with everything but damage on it."""
    atlas = Atlas(make_charts(body))
    livery = _livery(body, rng)
    left, ribbon, wheel = (Painter(atlas, name) for name in ("left", "ribbon", WHEELS[0]))
    paint_side(left, body, livery)
    left.normal[:] = normals.side_normals(left.chart, body)
    _copy_chart(atlas, "left", "right", -1)
    swap = np.array([PART[name.replace("left", "right")] for name in PART], np.uint8)
    right = atlas.charts["right"].view(atlas.part)
    right[:] = swap[right]
    paint_ribbon(ribbon, body, livery)
    ribbon.normal[:] = normals.ribbon_normals(ribbon.chart, body)
    _paint_wheel(wheel, body, int(rng.integers(5, 11)), int(rng.integers(110, 215)))
    for name in WHEELS[1:]:
        _copy_chart(atlas, WHEELS[0], name, 1 if name.endswith("left") else -1)
    _paint_tread(Painter(atlas, "tread"))
    shell = livery.body if rng.random() < 0.75 else TRIM
    for name in ("left_mirror", "right_mirror"):
        _paint_mirror(Painter(atlas, name), name, shell)
    return atlas


def make_charts(body: Body) -> dict[str, Chart]:
    """Lay out the charts of a body."""
    side = (0.0, body.length, 0.0, body.height + 0.02, TEXELS)
    ball = (-np.pi, np.pi, -np.pi / 2, np.pi / 2, 10.0)
    half, wheel = body.width / 2, body.wheel_radius + 0.01
    sizes = {
        "left": side,
        "right": side,
        "ribbon": (0.0, (len(body.profile) - 1) * STEP, -half, half, TEXELS),
        **dict.fromkeys(WHEELS, (-wheel, wheel, -wheel, wheel, 220.0)),
        "tread": (0.0, 2 * np.pi, 0.0, 1.0, 16.0),
        "left_mirror": ball,
        "right_mirror": ball,
    }
    return stack_charts(sizes)


def _livery(body: Body, rng: np.random.Generator) -> Livery:
    tone = np.array(PAINTS[rng.integers(len(PAINTS))]) + rng.integers(-12, 13, 3)
    paint = Finish(PAINT, tuple(np.clip(tone, 12, 245).tolist()), 165)
    clad = body.style == "suv" and rng.random() < 0.6
    return Livery(paint, CLADDING if clad else replace(TRIM, gloss=40), int(rng.integers(3)))


def _copy_chart(atlas: Atlas, source: str, target: str, side: int) -> None:
    """Copy a painted chart; with `side` -1 its normals point to the right instead of the left."""
    a, b = atlas.charts[source], atlas.charts[target]
    for plane in (atlas.part, atlas.material, atlas.color, atlas.gloss, atlas.open):
        b.view(plane)[:] = a.view(plane)
    b.view(atlas.normal)[:] = a.view(atlas.normal) * np.array([1, side, 1], np.float32)


def _paint_wheel(brush: Painter, body: Body, spokes: int, rim: int) -> None:
    u, v = brush.chart.grid()
    r, angle = np.hypot(u, v) / body.wheel_radius, np.arctan2(v, u)
    metal = Finish(HOLLOW.material, (rim, rim, rim), 150)
    brush.fill_all(TIRE, PART["wheel"])
    brush.shade((r > 0.93) & (np.sin(angle * 60) > 0.3), 0.6)
    brush.fill(r < 0.68, HOLLOW)
    brush.fill((r < 0.5) & (r > 0.2), replace(metal, color=(60, 62, 64), gloss=40))  # the brake disc
    brush.fill((r < 0.64) & (np.abs(np.sin(angle * spokes / 2)) * r < 0.11 + 0.05 * r), metal)
    brush.fill(((r > 0.60) & (r < 0.68)) | (r < 0.17), metal)
    brush.shade(r < 0.07, 0.4)
    brush.normal[:] = normals.wheel_normals(brush.chart, body)


def _paint_tread(brush: Painter) -> None:
    brush.fill_all(replace(TIRE, color=(26, 26, 26), gloss=5), PART["wheel"])
    brush.normal[:] = normals.tread_normals(brush.chart)


def _paint_mirror(brush: Painter, name: str, shell: Finish) -> None:
    lon, lat = brush.chart.grid()
    brush.fill_all(shell, PART[name])
    brush.normal[:] = normals.ball_normals(brush.chart)
    brush.fill((np.abs(lon) > 2.3) & (np.abs(lat) < 0.9), WINDOW.tinted(2))
