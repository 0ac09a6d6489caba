"""One picture of one vehicle, with exact truth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.data.synthetic.backdrop import GROUNDS, Backdrop, draw_backdrop, make_backdrop, with_shadow
from ayolom.data.synthetic.body import Body, make_body
from ayolom.data.synthetic.camera import Camera, orbit
from ayolom.data.synthetic.damage import Damage, damage_vehicle
from ayolom.data.synthetic.light import LIGHTS, Light, make_light, shade
from ayolom.data.synthetic.mesh import Mesh, body_mesh, mirror_mesh, wheel_mesh
from ayolom.data.synthetic.raster import Window, bounds, rasterise
from ayolom.data.synthetic.skin import WHEELS, paint_vehicle

if TYPE_CHECKING:
    from ayolom.data.synthetic.atlas import Atlas

SMALLEST = 20  # a damage with fewer visible pixels is not labelled
GRAZING = 0.12  # nor is one seen at a smaller angle (sine) to its surface


@dataclass(frozen=True)
class Vehicle:
    """A vehicle: its shape, its skin, its damages, and the triangles of its pieces by name and all together."""

    body: Body
    atlas: Atlas
    damages: list[Damage]
    pieces: dict[str, Mesh]
    whole: Mesh


@dataclass(frozen=True)
class Place:
    """Surroundings: lighting, backdrop, and the ground with the vehicle's shadow."""

    light: Light
    backdrop: Backdrop
    ground: np.ndarray


@dataclass(frozen=True)
class Seen:
    """A visible damage.

    Attributes:
        kind: Class id of `DAMAGE_NAMES`.
        xyxy: Bounds of its visible pixels, (left, top, right, bottom) in pixels, right and bottom exclusive.
        part: Id of `PART_NAMES` it lies on.
        mask: (H, W) bool, its visible pixels.
    """

    kind: int
    xyxy: tuple[int, int, int, int]
    part: int
    mask: np.ndarray


@dataclass(frozen=True)
class Scene:
    """A picture (H, W, 3) uint8 BGR, its part ids (H, W) uint8, and the visible damages."""

    image: np.ndarray
    parts: np.ndarray
    damages: list[Seen]


@lru_cache(maxsize=2)
def make_vehicle(seed: int, damaged: bool = True) -> Vehicle:
    """The vehicle of a seed: the same shape and paint with or without its damages."""
    rng = np.random.default_rng([11, seed])
    body = make_body(rng)
    atlas = paint_vehicle(body, rng)
    damages = damage_vehicle(atlas, np.random.default_rng([12, seed])) if damaged else []
    cv2.GaussianBlur(atlas.color, (5, 5), 0.8, dst=atlas.color)  # no stairs on slanted edges
    flat = {damage.wheel for damage in damages}
    pieces = {"body": body_mesh(body, atlas.charts)}
    for name in WHEELS:
        axle, side = body.axles["back" in name], 1 if name.endswith("left") else -1
        sink = 0.23 * body.wheel_radius if name in flat else 0.0
        pieces[name] = wheel_mesh(body, atlas.charts, name, axle, side, sink)
    for name, side in (("left_mirror", 1), ("right_mirror", -1)):
        pieces[name] = mirror_mesh(body, atlas.charts, name, side)
    return Vehicle(body, atlas, damages, pieces, Mesh.join(list(pieces.values())))


def make_place(seed: int, body: Body, backdrop: str | None = None, light: str | None = None) -> Place:
    """The surroundings of a seed, with the shadow of `body`; names choose the backdrop or the lighting."""
    rng = np.random.default_rng([13, seed])
    kind = backdrop or str(rng.choice(list(GROUNDS), p=[0.16, 0.34, 0.2, 0.15, 0.15]))
    lighting = light or str(rng.choice(list(LIGHTS), p=[0.4, 0.25, 0.15, 0.2]))
    lamp = make_light(lighting, np.array(GROUNDS[kind]), rng)
    scene = make_backdrop(kind, lamp.sky, lamp.horizon, rng)
    return Place(lamp, scene, with_shadow(scene, body, lamp.sun, lamp.shadow))


def render_scene(
    seed: int,
    azimuth: float,
    *,
    elevation: float = 12.0,
    distance: float = 7.5,
    fill: float = 0.8,
    size: tuple[int, int] = (480, 640),
    damaged: bool = True,
    place: int | None = None,
) -> Scene:
    """Draw the vehicle of a seed.

    Args:
        seed: Which vehicle.
        azimuth: Where the camera stands, degrees: 0 before the car, 90 on its left side, 180 behind it.
        elevation: How far above the horizontal it stands, degrees.
        distance: Metres from the car's middle.
        fill: Share of the picture's width that the car takes, about.
        size: Picture (H, W) in pixels.
        damaged: Draw the vehicle's damages.
        place: Seed of the surroundings; that of the vehicle when None.

    Returns:
        The picture with its truth.
    """
    vehicle = make_vehicle(seed, damaged)
    camera = aim(vehicle.body, azimuth, elevation, distance, fill, size)
    return draw(vehicle, make_place(seed if place is None else place, vehicle.body), camera)


def aim(
    body: Body,
    azimuth: float,
    elevation: float,
    distance: float,
    fill: float,
    size: tuple[int, int],
    target: tuple[float, float, float] | None = None,
    steady: bool = False,
) -> Camera:
    """A camera towards the middle of the car, or towards `target` in metres.

    The car takes `fill` of the picture's width (or height, when that is reached first) from where the camera stands;
    with `steady` it does so from the side, and the lens stays the same all round.
    """
    angle = np.deg2rad(90.0 if steady else azimuth)
    seen = abs(np.sin(angle)) * body.length + abs(np.cos(angle)) * body.width
    focal = fill * distance / max(seen / size[1], 1.25 * body.height / size[0])
    return orbit(azimuth, elevation, distance, target or (0.0, 0.0, 0.45 * body.height), focal, size)


def draw(vehicle: Vehicle, place: Place, camera: Camera) -> Scene:
    """Draw a vehicle at a place as seen by a camera."""
    picture = draw_backdrop(place.backdrop, place.ground, camera, _ground_light(place.light))
    parts, damages = np.zeros(camera.size, np.uint8), []
    window = x0, y0, x1, y1 = bounds(vehicle.whole, camera)
    if x1 - x0 > 1 and y1 - y0 > 1:
        inner = (slice(y0, y1), slice(x0, x1))
        maps, cover = _compose(vehicle, camera, window)
        lit = _light_up(vehicle.atlas, maps, camera.rays(window), place.light)
        share = cv2.merge((cover, cover, cover))
        picture[inner] += cv2.multiply(share, lit - picture[inner])
        maps[:, cover < 0.5] = -1
        parts[inner] = _look(vehicle.atlas.part, maps)
        damages = _find(vehicle, maps, camera.rays(window), parts, inner)
    return Scene(_develop(picture), parts, damages)


def _ground_light(light: Light) -> np.ndarray:
    return light.tint * (light.ambient + light.strength * float(light.sun[2]))


def _develop(picture: np.ndarray) -> np.ndarray:
    """Light (H, W, 3) float32, overwritten, to uint8 with the highlights rolled off."""
    over = np.maximum(picture - 0.8, 0)
    np.minimum(picture, 0.8, out=picture)
    picture += over / (1 + 2.5 * over)
    return cv2.convertScaleAbs(picture, alpha=255)


def _compose(vehicle: Vehicle, camera: Camera, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Texel maps (2, h, w) and cover (h, w) of the whole vehicle: body, what shows past it, what stands before it."""
    maps, cover = rasterise(vehicle.pieces["body"], camera, window)
    cut = _look(vehicle.atlas.open, maps) > 0
    near = {side: side * camera.eye[1] > vehicle.body.width / 2 for side in (1, -1)}
    for name in sorted(vehicle.pieces, key=lambda piece: near[_side(piece)]):
        x0, y0, x1, y1 = bounds(vehicle.pieces[name], camera)
        if name == "body" or x1 - x0 < 2 or y1 - y0 < 2:
            continue
        piece, share = rasterise(vehicle.pieces[name], camera, (x0, y0, x1, y1))
        spot = (slice(y0 - window[1], y1 - window[1]), slice(x0 - window[0], x1 - window[0]))
        there = share > 0
        behind = maps[0][spot] >= 0  # what the body hides of a piece beyond it
        if near[_side(name)]:
            behind = behind & ~cut[spot] if name in WHEELS else (share < 0.5) & behind
        for plane, new in zip(maps, piece, strict=True):
            np.copyto(plane[spot], new, where=there & ~behind)
        cover[spot] = np.maximum(cover[spot], share)
    return maps, cover


def _side(name: str) -> int:
    return 1 if "left" in name else -1


def _look(plane: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """The values of an atlas plane at texel maps (2, h, w); 0 where there is nothing."""
    return cv2.remap(plane, maps[0], maps[1], cv2.INTER_NEAREST, None, cv2.BORDER_CONSTANT, 0)


def _light_up(atlas: Atlas, maps: np.ndarray, rays: np.ndarray, light: Light) -> np.ndarray:
    """Lit colours (h, w, 3) of the vehicle; meaningless where there is none."""
    color, gloss, normal = (
        cv2.remap(plane, maps[0], maps[1], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
        for plane in (atlas.color, atlas.gloss, atlas.normal)
    )
    return shade(color, gloss, normal, rays, light)


def _find(
    vehicle: Vehicle, maps: np.ndarray, rays: np.ndarray, parts: np.ndarray, inner: tuple[slice, slice]
) -> list[Seen]:
    """The damages that can be seen."""
    numbers = _look(vehicle.atlas.damage, maps)
    found = []
    for number, damage in enumerate(vehicle.damages, 1):
        spot = (numbers == number) & (parts[inner] == damage.part)
        if np.count_nonzero(spot) < SMALLEST:
            continue
        columns, rows = np.round(maps[:, spot]).astype(int)
        tilt = -np.einsum("ij,ij->i", vehicle.atlas.normal[rows, columns], rays[spot])
        if np.median(tilt) < GRAZING:
            continue
        mask = np.zeros(parts.shape, bool)
        mask[inner] = spot
        x, y, w, h = cv2.boundingRect(mask.view(np.uint8))
        found.append(Seen(damage.kind, (x, y, x + w, y + h), damage.part, mask))
    return found
