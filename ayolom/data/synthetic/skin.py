"""Parts, colours and normals of an undamaged vehicle, painted on its atlas."""

from __future__ import annotations

import cv2
import numpy as np

from ayolom.data.synthetic.atlas import GLASS, LAMP, OTHER, PAINT, PLASTIC, RUBBER, Atlas, Chart, box, polygon, stack_charts
from ayolom.data.synthetic.body import STEP, Body
from ayolom.data.synthetic.mesh import ribbon_points
from ayolom.data.synthetic.names import PART

TEXELS = 150.0  # per metre
HOUSING = (74, 72, 70)
GLASS_COLOR, TRIM_COLOR, RUBBER_COLOR = (34, 33, 28), (26, 26, 26), (32, 31, 31)
WHEELS = ("wheel_front_left", "wheel_front_right", "wheel_back_left", "wheel_back_right")
PAINTS = (
    (236, 236, 232), (236, 236, 232), (190, 188, 184), (150, 148, 146), (88, 86, 84), (34, 32, 32), (30, 28, 28),
    (36, 30, 150), (50, 40, 190), (130, 62, 24), (170, 104, 40), (80, 58, 34), (60, 92, 50), (52, 130, 206),
    (70, 190, 226), (96, 110, 132), (150, 150, 120),
)  # fmt: skip


def make_charts(body: Body) -> dict[str, Chart]:
    """Lay out the charts of a body."""
    side = (0.0, body.length, 0.0, body.height + 0.02, TEXELS)
    half, wheel = body.width / 2, body.wheel_radius + 0.01
    sizes = {
        "left": side,
        "right": side,
        "ribbon": (0.0, (len(body.profile) - 1) * STEP, -half, half, TEXELS),
        **{name: (-wheel, wheel, -wheel, wheel, 220.0) for name in WHEELS},
        "tread": (0.0, 2 * np.pi, 0.0, 1.0, 16.0),
        "left_mirror": (-np.pi, np.pi, -np.pi / 2, np.pi / 2, 10.0),
        "right_mirror": (-np.pi, np.pi, -np.pi / 2, np.pi / 2, 10.0),
    }
    return stack_charts(sizes)


class Painter:
    """Brush for one chart: writes part, material, colour and gloss where a boolean mask is set."""

    def __init__(self, atlas: Atlas, name: str) -> None:
        self.chart = atlas.charts[name]
        self.planes = {key: self.chart.view(getattr(atlas, key)) for key in ("part", "material", "color", "gloss", "open")}

    def fill(
        self, where: np.ndarray, part: int | None, material: int, color: tuple[int, int, int], gloss: int
    ) -> None:  # fmt: skip
        """Paint a region; `part` None keeps the part that is there."""
        x, y, w, h = cv2.boundingRect(where.view(np.uint8))
        spot = (slice(y, y + h), slice(x, x + w))
        inside = where[spot]
        if part is not None:
            np.copyto(self.planes["part"][spot], np.uint8(part), where=inside)
        np.copyto(self.planes["material"][spot], np.uint8(material), where=inside)
        np.copyto(self.planes["color"][spot], np.array(color, np.uint8), where=inside[..., None])
        np.copyto(self.planes["gloss"][spot], np.uint8(gloss), where=inside)

    def shade(self, where: np.ndarray, factor: float) -> None:
        """Darken (below 1) or brighten what is painted."""
        self.planes["color"][where] = cv2.convertScaleAbs(self.planes["color"][where], alpha=factor)

    def gaps(self, material: tuple[int, ...] = (PAINT, PLASTIC)) -> None:
        """Draw the joints: dark where neighbouring texels belong to different parts."""
        part = self.planes["part"]
        edge = np.zeros(part.shape, bool)
        edge[:, 1:] |= part[:, 1:] != part[:, :-1]
        edge[1:] |= part[1:] != part[:-1]
        edge &= np.isin(self.planes["material"], material)
        self.planes["color"][edge] = (self.planes["color"][edge] * 0.12).astype(np.uint8)
        self.planes["gloss"][edge] = 10


def paint_vehicle(body: Body, rng: np.random.Generator) -> Atlas:
    """A new atlas with everything but damage on it."""
    atlas = Atlas(make_charts(body))
    color = tuple(int(c) for c in np.clip(np.array(PAINTS[rng.integers(len(PAINTS))]) + rng.integers(-12, 13, 3), 12, 245))
    trim = color if body.style != "suv" or rng.random() < 0.4 else (44, 44, 44)
    _paint_side(Painter(atlas, "left"), body, color, trim)
    _side_normals(atlas, body)
    _mirror_side(atlas)
    _paint_ribbon(Painter(atlas, "ribbon"), body, color, trim, int(rng.integers(3)))
    _ribbon_normals(atlas, body)
    spokes, rim = int(rng.integers(5, 11)), int(rng.integers(110, 215))
    _paint_wheel(Painter(atlas, WHEELS[0]), body, spokes, rim)
    _wheel_normals(atlas, WHEELS[0], body)
    for name in WHEELS[1:]:
        _copy_chart(atlas, WHEELS[0], name, 1 if name.endswith("left") else -1)
    _paint_small(atlas, color if rng.random() < 0.75 else TRIM_COLOR)
    return atlas


def _copy_chart(atlas: Atlas, source: str, target: str, side: int) -> None:
    """Copy a painted chart; with `side` -1 its normals point to the right instead of the left."""
    for plane in (atlas.part, atlas.material, atlas.color, atlas.gloss, atlas.open):
        atlas.charts[target].view(plane)[:] = atlas.charts[source].view(plane)
    np.multiply(atlas.charts[source].view(atlas.normal), (1, side, 1), out=atlas.charts[target].view(atlas.normal), casting="same_kind")


def _mirror_side(atlas: Atlas) -> None:
    """Make the right side from the left one."""
    _copy_chart(atlas, "left", "right", -1)
    swap = np.array([PART[name.replace("left", "right")] for name in PART], np.uint8)
    view = atlas.charts["right"].view(atlas.part)
    view[:] = swap[view]


def _paint_side(brush: Painter, body: Body, color: tuple[int, int, int], trim: tuple[int, int, int]) -> None:
    d, z = brush.chart.grid()
    low, high = body.outline(d[0])
    inside = np.asarray((z < high) & (z > low)).astype(np.uint8)
    depth = cv2.distanceTransform(cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 5)
    depth = depth[1:-1, 1:-1] / TEXELS
    hinge, middle, rear, glass_end = body.doors
    front_axle, rear_axle = body.axles
    arch, radius = body.arch_radius, body.wheel_radius
    belt = body.belt + 0.02 * d / body.length
    above = z > belt
    lean = (z - belt) * np.where(above, 0.35, 0.0)  # the pillars lean with the cabin
    anywhere = np.ones_like(inside, bool)
    brush.fill(anywhere, PART["left_fender"], PAINT, color, 165)
    brush.fill(anywhere & (d > rear - lean), PART["left_quarter_panel"], PAINT, color, 165)
    clear = np.hypot(d - rear_axle, z - radius) > arch + 0.07
    tall = depth > np.where(above, 0.045, 0.0)
    brush.fill((d > hinge) & (d <= middle) & tall, PART["front_left_door"], PAINT, color, 165)
    brush.fill((d > middle) & (d <= rear - lean) & tall & clear, PART["back_left_door"], PAINT, color, 165)
    cabin = (d > hinge - 0.45) & (d < glass_end + 0.9) & above & (depth <= 0.045)
    start = np.interp(body.cuts["cowl"], np.arange(len(body.profile)) * STEP, body.profile[:, 0])
    end = np.interp(body.cuts["glass_end"], np.arange(len(body.profile)) * STEP, body.profile[:, 0])
    brush.fill(cabin & (d > start + 0.02) & (d < end - 0.04), PART["roof"], PAINT, color, 165)
    _side_glass(brush, body, depth, belt)
    bumper_front = (d < front_axle - arch + 0.02) & (z < body.profile[_index(body, "bumper_top"), 1] + 0.03)
    bumper_rear = (d > rear_axle + arch - 0.02) & (z < body.profile[_index(body, "trunk_end"), 1] + 0.02)
    brush.fill(bumper_front, PART["front_bumper"], PAINT, color, 150)
    brush.fill(bumper_rear, PART["back_bumper"], PAINT, color, 150)
    lip = np.minimum(np.hypot(d - front_axle, z - radius), np.hypot(d - rear_axle, z - radius))
    sill = np.median(low) + 0.09
    brush.fill((z < sill) & (d > front_axle) & (d < rear_axle) | ((trim != color) & (lip < arch + 0.06)), None, PLASTIC, trim if trim != color else TRIM_COLOR, 40)
    brush.gaps()
    _side_details(brush, body, color)
    brush.fill(lip < arch, None, OTHER, (14, 14, 14), 0)
    brush.planes["open"][lip < arch] = 1


def _shrunk(where: np.ndarray, texels: int) -> np.ndarray:
    return cv2.erode(where.view(np.uint8), np.ones((2 * texels + 1, 2 * texels + 1), np.uint8), borderValue=0).astype(bool)


def _index(body: Body, cut: str) -> int:
    return round(body.cuts[cut] / STEP)


def _side_glass(brush: Painter, body: Body, depth: np.ndarray, belt: np.ndarray) -> None:
    """Side windows with their black frames; the class stays that of the panel around them."""
    d, z = brush.chart.grid()
    hinge, middle, rear, glass_end = body.doors
    lean = (z - belt) * 0.35
    pane = (depth > 0.085) & (z > belt + 0.025) & (d > hinge - 0.2) & (d < glass_end - 1.0 * lean)
    pane &= np.isin(brush.planes["part"], [PART["front_left_door"], PART["back_left_door"]]) | (d > rear - lean)
    frame = cv2.dilate(pane.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & (depth > 0.045)
    brush.fill(frame, None, PLASTIC, TRIM_COLOR, 60)
    posts = (np.abs(d - middle) < 0.035) | (np.abs(d - rear + lean) < 0.03) | ((np.abs(d - hinge - 0.22) < 0.012) & (z < belt + 0.4))
    brush.fill(pane & ~posts, None, GLASS, GLASS_COLOR, 255)
    seats = pane & ~posts & ((np.abs(d - middle + 0.22 + 0.2 * lean) < 0.11) | (np.abs(d - rear + 0.3) < 0.1)) & (z < belt + 0.26)
    brush.shade(seats, 1.7)


def _side_details(brush: Painter, body: Body, color: tuple[int, int, int]) -> None:
    _, middle, rear, _ = body.doors
    for edge in (middle, rear):
        v = body.belt - 0.07
        handle = box(brush.chart, (edge - 0.24, edge - 0.07), (v - 0.015, v + 0.015))
        brush.fill(handle, None, PAINT, tuple(int(c * 0.8) for c in color), 200)
        brush.shade(box(brush.chart, (edge - 0.24, edge - 0.07), (v - 0.03, v - 0.016)), 0.45)
    top = body.profile[_index(body, "hood_front"), 1]
    lamp = [(-0.02, top - 0.12), (-0.02, top + 0.0), (0.16, top + 0.03), (0.42, top + 0.045), (0.24, top - 0.08)]
    where = polygon(brush.chart, lamp)
    brush.fill(where, PART["front_left_light"], LAMP, HOUSING, 200)
    brush.fill(_shrunk(where, 2) & ~_shrunk(where, 4), None, LAMP, (150, 148, 146), 220)
    brush.fill(polygon(brush.chart, [(0.0, top - 0.08), (0.0, top - 0.03), (0.2, top + 0.01), (0.2, top - 0.05)]), None, LAMP, (205, 204, 200), 230)
    tail = _tail_heights(body)
    end = body.length
    rear_lamp = [(end, tail[0]), (end, tail[1]), (end - 0.34, tail[1] - 0.01), (end - 0.26, tail[0] + 0.02)]
    brush.fill(polygon(brush.chart, rear_lamp), PART["back_left_light"], LAMP, (30, 24, 168), 220)


def _tail_heights(body: Body) -> tuple[float, float]:
    """Lower and upper edge of the rear lamps."""
    bottom = body.profile[_index(body, "trunk_end"), 1] + 0.06
    return float(bottom), float(bottom + (0.24 if body.style == "sedan" else 0.34))


def _paint_ribbon(
    brush: Painter, body: Body, color: tuple[int, int, int], trim: tuple[int, int, int], grille: int
) -> None:  # fmt: skip
    s, y = brush.chart.grid()
    cut, half = body.cuts, body.width / 2
    t = np.abs(y) / half
    full = np.ones((brush.chart.height, brush.chart.width), bool)
    regions = (
        ("front_bumper", 0.0, cut["hood_front"]), ("hood", cut["hood_front"], cut["cowl"]),
        ("front_glass", cut["cowl"], cut["header"]), ("roof", cut["header"], cut["roof_end"]),
        ("back_glass", cut["roof_end"], cut["glass_end"]), ("trunk", cut["glass_end"], cut["trunk_end"]),
        ("back_bumper", cut["trunk_end"], 1e9),
    )  # fmt: skip
    for name, start, stop in regions:
        brush.fill(full & (s >= start) & (s < stop), PART[name], PAINT, color, 175)
    for pane, start, stop in (regions[2][:3], regions[4][:3]):
        glass = (s > start + 0.03) & (s < stop - 0.04) & (t < 0.915)
        brush.fill((s >= start) & (s < stop) & (t >= 0.925), PART["roof"], PAINT, color, 165)
        brush.fill((s > start) & (s < stop) & (t < 0.925), PART[pane], PLASTIC, TRIM_COLOR, 80)
        brush.fill(glass, PART[pane], GLASS, GLASS_COLOR, 255)
    brush.gaps()
    _front_face(brush, body, trim, grille)
    _rear_face(brush, body, trim)
    wiper = polygon(brush.chart, [(cut["cowl"] + 0.05, 0.55), (cut["cowl"] + 0.07, 0.56), (cut["cowl"] + 0.13, -0.1), (cut["cowl"] + 0.11, -0.1)])
    brush.fill(wiper, None, GLASS, (12, 12, 12), 30)


def _front_face(brush: Painter, body: Body, trim: tuple[int, int, int], grille: int) -> None:
    edge, half = body.cuts["hood_front"], body.width / 2
    chart = brush.chart
    low, high = edge - 0.17, edge - 0.015
    reach = (0.42, 0.5, 0.36)[grille] * half
    brush.fill(box(chart, (low + 0.02 * grille, high), (-reach, reach)), None, PLASTIC, (22, 22, 22), 90)
    for k in range(3 + grille):
        u = low + 0.02 + 0.045 * k
        if u < high - 0.02:
            brush.fill(box(chart, (u, u + 0.012), (-reach * 0.95, reach * 0.95)), None, OTHER, (150, 150, 150), 230)
    brush.fill(box(chart, (0.09, 0.24), (-0.5 * half, 0.5 * half)), None, PLASTIC, (24, 24, 24), 40)
    for side, name in ((1, "left"), (-1, "right")):
        vent = [(0.12, side * 0.62 * half), (0.24, side * 0.6 * half), (0.25, side * 0.82 * half), (0.13, side * 0.8 * half)]
        brush.fill(polygon(chart, vent), None, PLASTIC, (28, 28, 28), 60)
        lamp = [(low + 0.02, side * (reach + 0.04)), (high, side * (reach + 0.02)), (edge + 0.05, side * half * 1.1), (low - 0.03, side * half * 1.1)]
        _headlamp(brush, polygon(chart, lamp), name, [(low + high) / 2 + 0.015, side * reach], side * (half - reach))
    brush.fill(box(chart, (low - 0.15, low - 0.04), (-0.26, 0.26)), None, OTHER, (225, 228, 226), 30)
    brush.fill(box(chart, (0.0, 0.05), (-half, half)), None, PLASTIC, trim if trim[0] == 44 else TRIM_COLOR, 40)


def _headlamp(brush: Painter, where: np.ndarray, name: str, inner: list[float], reach: float) -> None:
    """A dark housing with a bright edge, two reflectors and a light strip along its lower side."""
    brush.fill(where, PART[f"front_{name}_light"], LAMP, HOUSING, 200)
    brush.fill(where & ~_shrunk(where, 1), None, LAMP, (30, 30, 30), 120)
    brush.fill(_shrunk(where, 1) & ~_shrunk(where, 2), None, LAMP, (165, 164, 160), 220)
    color = brush.planes["color"]
    for place in (0.32, 0.66):
        point = np.round(brush.chart.texel(np.array([inner[0], inner[1] + place * reach])) * 16).astype(int).tolist()
        for radius, tone in ((7.5, (196, 194, 190)), (6.0, (110, 108, 106)), (4.2, (232, 232, 228)), (2.0, (250, 250, 250))):
            cv2.circle(color, point, int(radius * 16), tone, -1, cv2.LINE_AA, 4)
    strip = where & ~np.roll(_shrunk(where, 1), 3, axis=1) & _shrunk(where, 1)
    brush.fill(strip, None, LAMP, (244, 244, 240), 230)


def _rear_face(brush: Painter, body: Body, trim: tuple[int, int, int]) -> None:
    chart, half = brush.chart, body.width / 2
    low, high = _tail_heights(body)
    arcs = np.arange(len(body.profile)) * STEP
    back = arcs > body.cuts["glass_end"] - 0.05
    heights = body.profile[back, 1]
    start, stop = (float(np.interp(-h, -heights, arcs[back])) for h in (high, low))
    for side, name in ((1, "left"), (-1, "right")):
        inner = 0.56 * half
        lamp = [(start, side * inner * 1.06), (start, side * half * 1.1), (stop, side * half * 1.1), (stop, side * inner)]
        brush.fill(polygon(chart, lamp), PART[f"back_{name}_light"], LAMP, (30, 24, 168), 220)
        mid = (start + stop) / 2
        brush.fill(box(chart, (mid - 0.02, mid + 0.03), sorted((side * inner * 1.1, side * half * 0.86))), None, LAMP, (190, 190, 205), 220)
    plate = body.cuts["trunk_end"] - 0.14
    brush.fill(box(chart, (plate - 0.09, plate + 0.07), (-0.36, 0.36)), None, PLASTIC, (30, 30, 30), 60)
    brush.fill(box(chart, (plate - 0.065, plate + 0.045), (-0.26, 0.26)), None, OTHER, (225, 228, 226), 30)
    end = (len(body.profile) - 1) * STEP
    brush.fill(box(chart, (end - 0.16, end), (-half * 0.8, half * 0.8)), None, PLASTIC, trim if trim[0] == 44 else TRIM_COLOR, 40)


def _paint_wheel(brush: Painter, body: Body, spokes: int, rim: int) -> None:
    u, v = brush.chart.grid()
    r, angle = np.hypot(u, v) / body.wheel_radius, np.arctan2(v, u)
    everywhere = np.ones_like(r, bool)
    brush.fill(everywhere, PART["wheel"], RUBBER, RUBBER_COLOR, 25)
    brush.shade((r > 0.93) & (np.sin(angle * 60) > 0.3), 0.6)
    brush.fill(r < 0.68, None, OTHER, (18, 18, 18), 20)
    brush.fill((r < 0.5) & (r > 0.2), None, OTHER, (60, 62, 64), 40)
    metal = (rim, rim, rim)
    blade = np.abs(np.sin(angle * spokes / 2)) * r < 0.11 + 0.05 * r
    brush.fill((r < 0.64) & blade, None, OTHER, metal, 150)
    brush.fill(((r > 0.60) & (r < 0.68)) | (r < 0.17), None, OTHER, metal, 150)
    brush.shade(r < 0.07, 0.4)


def _paint_small(atlas: Atlas, mirror: tuple[int, int, int]) -> None:
    """Treads, inner sides of the wheels, and the mirrors."""
    brush = Painter(atlas, "tread")
    angle, _ = brush.chart.grid()
    full = np.ones((brush.chart.height, brush.chart.width), bool)
    brush.fill(full, PART["wheel"], RUBBER, (26, 26, 26), 5)
    brush.chart.view(atlas.normal)[:] = np.stack(np.broadcast_arrays(-np.cos(angle), 0 * angle, np.sin(angle)), -1)
    for name in ("left_mirror", "right_mirror"):
        brush = Painter(atlas, name)
        lon, lat = brush.chart.grid()
        full = np.ones((brush.chart.height, brush.chart.width), bool)
        brush.fill(full, PART[name], PAINT, mirror, 120)
        normal = np.stack(np.broadcast_arrays(np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon) * 0.7, np.sin(lat)), -1)
        brush.chart.view(atlas.normal)[:] = _unit(normal)
        brush.fill(full & (np.abs(lon) > 2.3) & (np.abs(lat) < 0.9), None, GLASS, (70, 66, 60), 255)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)).astype(np.float32)


def _side_normals(atlas: Atlas, body: Body) -> None:
    chart = atlas.charts["left"]
    d, z = chart.grid()
    width = body.half_width(d, z) + body.relief(d, z)
    slope_down, slope_back = np.gradient(width, 1 / chart.texels)
    low, high = body.outline(d[0])
    inside = cv2.copyMakeBorder(((z < high) & (z > low)).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    depth = cv2.GaussianBlur(cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1], (0, 0), 2) / TEXELS
    down, back = np.gradient(depth, 1 / chart.texels)
    turn = 0.9 * np.clip(1 - depth / 0.07, 0, 1) ** 1.5 * (z > body.belt * 0.55)  # edges are rounded
    normal = np.stack([slope_back + turn * back, np.ones_like(width), slope_down + turn * down], -1)
    chart.view(atlas.normal)[:] = _unit(normal)


def _ribbon_normals(atlas: Atlas, body: Body) -> None:
    chart = atlas.charts["ribbon"]
    arcs = (np.arange(len(body.profile))) * STEP
    across = np.linspace(1, -1, 41)
    points = ribbon_points(body, arcs, across)
    along = np.gradient(points, axis=0)
    aside = np.gradient(points, axis=1)
    normal = _unit(np.cross(along, aside)).transpose(1, 0, 2)
    normal[..., 1] += (0.8 * np.clip((np.abs(across) - 0.93) / 0.07, 0, 1) ** 1.5 * np.sign(across))[:, None]
    size = (chart.width, chart.height)
    chart.view(atlas.normal)[:] = _unit(cv2.resize(np.ascontiguousarray(normal), size, interpolation=cv2.INTER_LINEAR))


def _wheel_normals(atlas: Atlas, name: str, body: Body) -> None:
    chart = atlas.charts[name]
    u, v = chart.grid()
    r = np.hypot(u, v) / body.wheel_radius
    tilt = np.where(r > 0.68, (r - 0.8) * 3.2, np.where(r > 0.6, -0.5, (r - 0.3) * -0.5)) / np.maximum(r, 0.05) / body.wheel_radius
    normal = np.stack([-u * tilt, np.ones_like(r), v * tilt], -1)
    chart.view(atlas.normal)[:] = _unit(normal)
