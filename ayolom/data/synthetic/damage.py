"""Damage, drawn on the atlas so that it stays where it is on the vehicle."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ayolom.data.synthetic.atlas import GLASS, LAMP, PAINT, RUBBER, Atlas, Chart, Color, edge_distance
from ayolom.data.synthetic.names import DAMAGE, PART
from ayolom.data.synthetic.normals import unit
from ayolom.data.synthetic.skin import TEXELS, WHEELS

PANELS = (
    "front_bumper", "back_bumper", "hood", "trunk", "front_left_door", "front_right_door", "back_left_door",
    "back_right_door", "left_fender", "right_fender", "left_quarter_panel", "right_quarter_panel",
)  # fmt: skip
PLACES: dict[str, tuple[tuple[str, ...], int]] = {  # parts it may be on, material
    "dent": (PANELS, PAINT),
    "scratch": (PANELS, PAINT),
    "crack": (("front_bumper", "back_bumper"), PAINT),
    "glass_shatter": (
        ("front_glass", "back_glass", "front_left_door", "front_right_door", "back_left_door", "back_right_door"),
        GLASS,
    ),
    "lamp_broken": (("front_left_light", "front_right_light", "back_left_light", "back_right_light"), LAMP),
    "tire_flat": (("wheel",), RUBBER),
}  # fmt: skip
REACH = 0.7  # metres from the middle of a damage to its farthest point, at most
SHARES = {"dent": 0.17, "scratch": 0.17, "crack": 0.26, "glass_shatter": 0.13, "lamp_broken": 0.13, "tire_flat": 0.14}


@dataclass(frozen=True)
class Damage:
    """One damage: its class, the part it lies on, and for a flat tyre the wheel."""

    kind: int
    part: int
    wheel: str = ""


def damage_vehicle(atlas: Atlas, rng: np.random.Generator) -> list[Damage]:
    """Draw a random number of damages (now and then none) on an atlas; their order numbers its `damage` plane."""
    wanted = 0 if rng.random() < 0.16 else int(rng.integers(8, 15))
    names = list(SHARES)
    found: list[Damage] = []
    for kind in rng.choice(names, wanted, p=list(SHARES.values())):
        damage = _place(atlas, str(kind), found, rng)
        if damage is not None:
            found.append(damage)
    _bend_normals(atlas)
    return found


def _place(atlas: Atlas, kind: str, found: list[Damage], rng: np.random.Generator) -> Damage | None:
    """Draw one more damage where there is room; a part has at most one of a kind."""
    number = len(found) + 1
    wheel = str(WHEELS[rng.integers(4)]) if kind == "tire_flat" else ""
    parts, material = PLACES[kind]
    damage = Damage(DAMAGE[kind], PART[parts[rng.integers(len(parts))]], wheel)
    if damage in found:
        return None
    if wheel:
        atlas.charts[wheel].view(atlas.damage)[:] = number
        return damage
    free = (atlas.part == damage.part) & (atlas.material == material)
    if kind == "lamp_broken":
        _break_lamp(atlas, free, number, rng)
        return damage
    charts = [atlas.charts[name] for name in ("left", "right", "ribbon")]
    areas = np.array([float(np.count_nonzero(chart.view(free))) for chart in charts])
    chart = charts[rng.choice(3, p=areas / areas.sum())]
    room = chart.view(free) & (chart.view(atlas.damage) == 0)
    inner = edge_distance(room)
    rows, columns = np.nonzero(inner > min(0.09 * TEXELS, 0.6 * inner.max()))
    if len(rows) < 60:
        return None
    pick = rng.integers(len(rows))
    patch, centre = chart.patch(int(columns[pick]), int(rows[pick]), int(REACH * TEXELS))
    room = patch.view(free) & (patch.view(atlas.damage) == 0)
    patch.view(atlas.damage)[DRAW[kind](atlas, patch, centre, room, rng)] = number
    return damage


def _dent(atlas: Atlas, chart: Chart, centre: np.ndarray, room: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    rows, columns = np.indices(room.shape, dtype=np.float32)
    angle, long = rng.uniform(0, np.pi), rng.uniform(0.16, 0.32) * TEXELS
    wide = long * rng.uniform(0.5, 0.95)
    u = (columns - centre[0]) * np.cos(angle) + (rows - centre[1]) * np.sin(angle)
    v = (rows - centre[1]) * np.cos(angle) - (columns - centre[0]) * np.sin(angle)
    u += 0.12 * long * np.sin(v / wide * 2.1 + rng.uniform(0, 6))
    reach = (u / long) ** 2 + (v / wide) ** 2
    depth = rng.uniform(0.05, 0.08) * np.exp(-(reach**1.4) * 1.5)
    depth *= 1 - 0.4 * np.exp(-((v / wide - rng.uniform(-0.3, 0.3)) ** 2) * 40)  # a crease
    chart.view(atlas.height)[room] -= depth[room]
    return room & (reach < 1.0)


def _strokes(
    atlas: Atlas, chart: Chart, lines: list[np.ndarray], room: np.ndarray, color: Color, width: int, gloss: int
) -> np.ndarray:
    """Draw polylines (K, 2) inside `room`; returns the texels they cover."""
    plane = np.zeros(room.shape, np.uint8)
    for line in lines:
        cv2.polylines(plane, [np.round(line * 16).astype(np.int32)], False, 255, width, cv2.LINE_AA, 4)
    weight = (plane.astype(np.float32) / 255 * room)[..., None]
    target = chart.view(atlas.color)
    target[:] = (target * (1 - weight) + np.array(color) * weight).astype(np.uint8)
    where = (plane > 100) & room
    chart.view(atlas.gloss)[where] = gloss
    return where


def _scratch(atlas: Atlas, chart: Chart, centre: np.ndarray, room: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    base = chart.view(atlas.color)[int(centre[1]), int(centre[0])].astype(float)
    color = (222, 224, 224) if base.mean() < 120 else (58, 60, 64)
    angle = rng.normal(0, 0.35)
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    length = rng.uniform(0.35, 0.9) * TEXELS
    lines = []
    for _ in range(int(rng.integers(2, 6))):
        steps = np.linspace(-0.5, 0.5, 9)[:, None] * length * rng.uniform(0.5, 1)
        wave = np.cumsum(rng.normal(0, 0.5, 9))[:, None] + rng.uniform(-8, 8)
        lines.append(centre + steps * along + wave * across + along * rng.uniform(-0.15, 0.15) * length)
    return _strokes(atlas, chart, lines, room, color, int(rng.integers(1, 3)), 30)


def _crack(atlas: Atlas, chart: Chart, centre: np.ndarray, room: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    lines, heading = [], rng.uniform(0, 2 * np.pi)
    length = rng.uniform(0.3, 0.6) * TEXELS

    def grow(start: np.ndarray, angle: float, reach: float, level: int) -> None:
        points, step = [start], reach / 8
        for _ in range(8):
            bend = angle + rng.normal(0, 0.6)
            points.append(points[-1] + step * np.array([np.cos(bend), np.sin(bend)]))
            if level < 2 and rng.random() < 0.35:
                grow(points[-1], angle + rng.choice([-1, 1]) * rng.uniform(0.5, 1.1), reach * 0.45, level + 1)
        lines.append(np.array(points))

    grow(centre, heading, length * 0.6, 0)
    grow(centre, heading + np.pi + rng.normal(0, 0.4), length * 0.5, 0)
    bright = chart.view(atlas.color)[int(centre[1]), int(centre[0])].mean() > 60
    edge = [line + np.array([1.0, 1.5]) for line in lines]  # the broken edge catches light
    where = _strokes(atlas, chart, edge, room, (135, 135, 135), 1 if bright else 3, 20)
    return where | _strokes(atlas, chart, lines, room, (8, 8, 8), 2, 5)


def _shatter(atlas: Atlas, chart: Chart, centre: np.ndarray, room: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    reach = rng.uniform(0.18, 0.38) * TEXELS
    spokes = int(rng.integers(14, 22))
    angles = np.sort(rng.uniform(0, 2 * np.pi, spokes))
    ends = reach * rng.uniform(0.5, 1.2, spokes)
    directions = np.stack([np.cos(angles), np.sin(angles)], 1)
    lines = [
        centre + np.outer(np.linspace(0, end, 5), direction) + rng.normal(0, 0.8, (5, 2))
        for direction, end in zip(directions, ends, strict=True)
    ]
    rings = []
    for ring in (0.14, 0.26, 0.4, 0.58, 0.8):
        loop = centre + directions * np.minimum(reach * ring * rng.uniform(0.85, 1.15, spokes), ends)[:, None]
        rings += [loop[k : k + 2] for k in range(spokes - 1) if rng.random() < 0.75]
    rows, columns = np.indices(room.shape)
    distance = np.hypot(columns - centre[0], rows - centre[1])
    haze = (0.55 * np.exp(-((distance / (0.45 * reach)) ** 2)) * room)[..., None]
    color = chart.view(atlas.color)
    color[:] = (color * (1 - haze) + 205 * haze).astype(np.uint8)
    where = _strokes(atlas, chart, rings, room, (150, 154, 152), 1, 80)
    where |= _strokes(atlas, chart, lines, room, (224, 228, 226), 1, 60)
    return where | (room & (distance < 0.5 * reach))


def _break_lamp(atlas: Atlas, lamp: np.ndarray, number: int, rng: np.random.Generator) -> None:
    """Shards are missing over a whole lamp, on every chart it reaches."""
    for name in ("left", "right", "ribbon"):
        chart = atlas.charts[name]
        room = chart.view(lamp)
        if room.sum() < 30:
            continue
        rows, columns = np.nonzero(room)
        hole = np.zeros(room.shape, np.uint8)
        low, high = np.array([columns.min(), rows.min()]), np.array([columns.max(), rows.max()])
        for _ in range(5):
            middle = rng.uniform(low + 0.2 * (high - low), high - 0.2 * (high - low))
            turn = np.sort(rng.uniform(0, 2 * np.pi, 7))
            star = middle + np.stack([np.cos(turn), np.sin(turn)], 1) * rng.uniform(0.2, 0.5, (7, 1)) * (high - low)
            cv2.fillPoly(hole, [np.round(star).astype(np.int32)], 1)
        where = room & (hole > 0)
        chart.view(atlas.color)[where] = (16, 16, 18)
        chart.view(atlas.gloss)[where] = 8
        rim = room & (cv2.dilate(hole, np.ones((3, 3), np.uint8)) > 0) & ~where
        chart.view(atlas.color)[rim] = (235, 235, 235)
        chart.view(atlas.damage)[where | rim] = number


def _bend_normals(atlas: Atlas) -> None:
    """Turn the relief of the dents into normals, and darken and brighten their flanks."""
    for name in ("left", "right", "ribbon"):
        x, y, w, h = cv2.boundingRect((atlas.charts[name].view(atlas.height) != 0).view(np.uint8))
        if not w:
            continue
        chart, _ = atlas.charts[name].patch(x + w // 2, y + h // 2, max(w, h) // 2 + 2)
        height = chart.view(atlas.height)
        down, back = np.gradient(height, 1 / chart.texels)
        normal = chart.view(atlas.normal)
        if name == "ribbon":
            flat = np.hypot(normal[..., 0], normal[..., 2])
            forward, up = normal[..., 2] / np.maximum(flat, 0.2), -normal[..., 0] / np.maximum(flat, 0.2)
            bent = normal + np.stack([back * forward, down, back * up], -1)
        else:
            bent = normal + np.stack([back, 0 * back, down], -1)
        bent = unit(bent)
        turn = bent - normal
        tone = 1 + 1.5 * turn[..., 2] + 0.8 * turn[..., 0] * np.abs(normal[..., 2])  # the hollow keeps its own shade
        tone = np.clip(tone, 0.35, 1.6) * (1 + 3.0 * np.maximum(height, -0.1))
        color = chart.view(atlas.color)
        color[:] = np.clip(color * tone[..., None] + 25 * np.maximum(tone - 1, 0)[..., None], 0, 255).astype(np.uint8)
        normal[:] = bent


DRAW = {"dent": _dent, "scratch": _scratch, "crack": _crack, "glass_shatter": _shatter}
