"""The left side of a vehicle: panels, windows, lamps, arches. The right side is its mirror image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.data.synthetic.atlas import box, edge_distance, polygon
from ayolom.data.synthetic.names import PART
from ayolom.data.synthetic.painter import HOLLOW, HOUSING, REFLECTOR, TAIL_LAMP, TRIM, WINDOW, Painter, shrunk

if TYPE_CHECKING:
    from ayolom.data.synthetic.body import Body
    from ayolom.data.synthetic.painter import Livery

FRAME = 0.045  # metres of roof above the doors
LEAN = 0.35  # metres backward that a pillar leans for each metre up


def paint_side(brush: Painter, body: Body, livery: Livery) -> None:
    """Paint parts and finishes of the left side."""
    d, z = brush.chart.grid()
    depth = _depth(brush, body)
    belt = body.belt + 0.02 * d / body.length
    _panels(brush, body, livery, depth, belt)
    _windows(brush, body, depth, belt)
    _bumpers_and_sill(brush, body, livery)
    brush.draw_gaps()
    _handles(brush, body, livery)
    _lamps(brush, body)
    arch = _arch_distance(body, d, z) < body.arch_radius
    brush.fill(arch, HOLLOW)
    brush.open[arch] = 1
    brush.material[depth == 0] = HOLLOW.material  # beyond the outline there is nothing to damage


def tail_heights(body: Body) -> tuple[float, float]:
    """Lower and upper edge of the rear lamps in metres."""
    bottom = body.knot("trunk_end")[1] + 0.06
    return bottom, bottom + (0.24 if body.style == "sedan" else 0.34)


def _depth(brush: Painter, body: Body) -> np.ndarray:
    """Metres (H, W) from the outline, 0 outside."""
    d, z = brush.chart.grid()
    low, high = body.outline(d[0])
    return edge_distance((z < high) & (z > low)) / brush.chart.texels


def _arch_distance(body: Body, d: np.ndarray, z: np.ndarray) -> np.ndarray:
    front, rear = (np.hypot(d - axle, z - body.wheel_radius) for axle in body.axles)
    return np.minimum(front, rear)


def _panels(brush: Painter, body: Body, livery: Livery, depth: np.ndarray, belt: np.ndarray) -> None:
    d, z = brush.chart.grid()
    hinge, middle, rear, _ = body.doors
    above = z > belt
    edge = rear - LEAN * np.maximum(z - belt, 0)
    clear = np.hypot(d - body.axles[1], z - body.wheel_radius) > body.arch_radius + 0.07
    tall = depth > np.where(above, FRAME, 0.0)
    start, end = body.knot("cowl")[0] + 0.02, body.knot("glass_end")[0] - 0.04
    brush.fill_all(livery.body, PART["left_fender"])
    brush.fill(d > edge, livery.body, PART["left_quarter_panel"])
    brush.fill((d > hinge) & (d <= middle) & tall, livery.body, PART["front_left_door"])
    brush.fill((d > middle) & (d <= edge) & tall & clear, livery.body, PART["back_left_door"])
    brush.fill(above & (depth <= FRAME) & (d > start) & (d < end), livery.body, PART["roof"])


def _windows(brush: Painter, body: Body, depth: np.ndarray, belt: np.ndarray) -> None:
    """Side windows with their black frames; they belong to the panel around them."""
    d, z = brush.chart.grid()
    hinge, middle, rear, glass_end = body.doors
    up = z - belt
    edge = rear - LEAN * up
    pane = (depth > 0.085) & (up > 0.025) & (d > hinge) & (d < glass_end - LEAN * up)
    pane &= (brush.part != PART["left_fender"]) & (brush.part != PART["roof"])
    frame = cv2.dilate(pane.view(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & (depth > FRAME)
    brush.fill(frame, TRIM)
    posts = (np.abs(d - middle) < 0.035) | (np.abs(d - edge) < 0.03) | (np.abs(d - hinge - 0.22) < 0.012) & (up < 0.4)
    pane &= ~posts
    brush.fill(pane, WINDOW)
    seats = (np.abs(d - middle + 0.22 + 0.2 * LEAN * up) < 0.11) | (np.abs(d - rear + 0.3) < 0.1)
    brush.shade(pane & seats & (up < 0.26), 1.7)


def _bumpers_and_sill(brush: Painter, body: Body, livery: Livery) -> None:
    d, z = brush.chart.grid()
    front, rear = body.axles
    reach = body.arch_radius - 0.02
    brush.fill((d < front - reach) & (z < body.knot("bumper_top")[1] + 0.03), livery.body, PART["front_bumper"])
    brush.fill((d > rear + reach) & (z < body.knot("trunk_end")[1] + 0.02), livery.body, PART["back_bumper"])
    sill = np.median(body.outline(d[0])[0]) + 0.09
    brush.fill((z < sill) & (d > front) & (d < rear), livery.trim)
    if livery.clad:
        brush.fill(_arch_distance(body, d, z) < body.arch_radius + 0.06, livery.trim)


def _handles(brush: Painter, body: Body, livery: Livery) -> None:
    v = body.belt - 0.07
    for edge in body.doors[1:3]:
        brush.fill(box(brush.chart, (edge - 0.24, edge - 0.07), (v - 0.015, v + 0.015)), livery.body.tinted(0.8))
        brush.shade(box(brush.chart, (edge - 0.24, edge - 0.07), (v - 0.03, v - 0.016)), 0.45)


def _lamps(brush: Painter, body: Body) -> None:
    top = body.knot("hood_front")[1]
    front = [(-0.02, top - 0.12), (-0.02, top), (0.16, top + 0.03), (0.42, top + 0.045), (0.24, top - 0.08)]
    where = polygon(brush.chart, front)
    brush.fill(where, HOUSING, PART["front_left_light"])
    brush.fill(shrunk(where, 2) & ~shrunk(where, 4), REFLECTOR.tinted(0.73))
    bowl = [(0.0, top - 0.08), (0.0, top - 0.03), (0.2, top + 0.01), (0.2, top - 0.05)]
    brush.fill(polygon(brush.chart, bowl), REFLECTOR)
    low, high = tail_heights(body)
    end = body.length
    rear = [(end, low), (end, high), (end - 0.34, high - 0.01), (end - 0.26, low + 0.02)]
    brush.fill(polygon(brush.chart, rear), TAIL_LAMP, PART["back_left_light"])
