"""The ribbon of a vehicle: front bumper, hood, windscreen, roof, rear window, trunk, rear bumper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.data.synthetic.atlas import LAMP, box, polygon
from ayolom.data.synthetic.body import STEP
from ayolom.data.synthetic.names import PART
from ayolom.data.synthetic.painter import (
    CHROME,
    HOUSING,
    INTAKE,
    PLATE,
    REFLECTOR,
    TAIL_LAMP,
    TRIM,
    WINDOW,
    Finish,
    Painter,
    shrunk,
)  # fmt: skip
from ayolom.data.synthetic.side import tail_heights

if TYPE_CHECKING:
    from ayolom.data.synthetic.body import Body
    from ayolom.data.synthetic.painter import Livery

PLATE_HALF = 0.26  # metres
PILLAR = 0.92  # share of the half width where a pane ends and the pillar begins


def paint_ribbon(brush: Painter, body: Body, livery: Livery) -> None:
    """Paint parts and finishes of the ribbon."""
    s, y = brush.chart.grid()
    cut = body.cuts
    inside = np.abs(y) / (body.width / 2) < PILLAR
    brush.fill_all(livery.body, PART["front_bumper"])
    for name, start in (("hood", "hood_front"), ("roof", "cowl"), ("trunk", "glass_end"), ("back_bumper", "trunk_end")):
        brush.fill(np.broadcast_to(s >= cut[start], brush.part.shape).copy(), livery.body, PART[name])
    for name, start, stop in (("front_glass", "cowl", "header"), ("back_glass", "roof_end", "glass_end")):
        brush.fill((s > cut[start]) & (s < cut[stop]) & inside, TRIM, PART[name])
        brush.fill((s > cut[start] + 0.03) & (s < cut[stop] - 0.04) & inside, WINDOW)
    brush.draw_gaps()
    wiper = np.array([(0.05, 0.55), (0.07, 0.56), (0.13, -0.1), (0.11, -0.1)]) + np.array([cut["cowl"], 0])
    brush.fill(polygon(brush.chart, wiper), Finish(WINDOW.material, (12, 12, 12), 30))
    _front_face(brush, body, livery)
    _rear_face(brush, body, livery)


def _front_face(brush: Painter, body: Body, livery: Livery) -> None:
    edge, half, chart = body.cuts["hood_front"], body.width / 2, brush.chart
    low, high = edge - 0.17, edge - 0.015
    reach = (0.42, 0.5, 0.36)[livery.grille] * half
    brush.fill(box(chart, (low + 0.02 * livery.grille, high), (-reach, reach)), INTAKE)
    for bar in np.arange(low + 0.02, high - 0.02, 0.045):
        brush.fill(box(chart, (bar, bar + 0.012), (-reach * 0.95, reach * 0.95)), CHROME)
    brush.fill(box(chart, (0.09, 0.24), (-0.5 * half, 0.5 * half)), INTAKE)
    for side, name in ((1, "left"), (-1, "right")):
        vent = np.array([(0.12, 0.62), (0.24, 0.60), (0.25, 0.82), (0.13, 0.80)]) * (1, side * half)
        brush.fill(polygon(chart, vent), INTAKE)
        lamp = [(low + 0.02, reach + 0.04), (high, reach + 0.02), (edge + 0.05, half * 1.1), (low - 0.03, half * 1.1)]
        middle = [((low + high) / 2 + 0.015, side * (reach + place * (half - reach))) for place in (0.32, 0.66)]
        _headlamp(brush, polygon(chart, np.array(lamp) * (1, side)), PART[f"front_{name}_light"], middle)
    brush.fill(box(chart, (low - 0.15, low - 0.04), (-PLATE_HALF, PLATE_HALF)), PLATE)
    brush.fill(box(chart, (0.0, 0.05), (-half, half)), livery.trim)


def _headlamp(brush: Painter, where: np.ndarray, part: int, bowls: list[tuple[float, float]]) -> None:
    """A dark housing with a bright edge, reflectors and a light strip along its lower side."""
    brush.fill(where, HOUSING, part)
    inner = shrunk(where, 1)
    brush.fill(where & ~inner, HOUSING.tinted(0.4))
    brush.fill(inner & ~shrunk(where, 2), REFLECTOR.tinted(0.8))
    for bowl in bowls:
        centre = np.round(brush.chart.texel(np.array(bowl)) * 16).astype(int).tolist()
        for radius, tone in ((7.5, 196), (6.0, 110), (4.2, 232), (2.0, 250)):
            cv2.circle(brush.color, centre, int(radius * 16), (tone, tone, tone), -1, cv2.LINE_AA, 4)
    brush.fill(inner & ~np.roll(inner, 3, axis=1), Finish(LAMP, (244, 244, 240), 230))


def _rear_face(brush: Painter, body: Body, livery: Livery) -> None:
    chart, half = brush.chart, body.width / 2
    arcs = np.arange(len(body.profile)) * STEP
    back = arcs > body.cuts["glass_end"] - 0.05
    start, stop = (
        float(np.interp(-height, -body.profile[back, 1], arcs[back])) for height in reversed(tail_heights(body))
    )
    middle, inner = (start + stop) / 2, 0.56 * half
    for side, name in ((1, "left"), (-1, "right")):
        lamp = [(start, inner * 1.06), (start, half * 1.1), (stop, half * 1.1), (stop, inner)]
        brush.fill(polygon(chart, np.array(lamp) * (1, side)), TAIL_LAMP, PART[f"back_{name}_light"])
        strip = box(chart, (middle - 0.02, middle + 0.03), (side * inner * 1.1, side * half * 0.86))
        brush.fill(strip, Finish(LAMP, (190, 190, 205), 220))
    plate, end = body.cuts["trunk_end"] - 0.14, arcs[-1]
    brush.fill(box(chart, (plate - 0.09, plate + 0.07), (-0.36, 0.36)), TRIM)
    brush.fill(box(chart, (plate - 0.065, plate + 0.045), (-PLATE_HALF, PLATE_HALF)), PLATE)
    brush.fill(box(chart, (end - 0.16, end), (-half * 0.8, half * 0.8)), livery.trim)
