"""What lies behind and below the vehicle: a ground seen in perspective with the vehicle's shadow, and a far scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from ayolom.data.synthetic.body import Body
    from ayolom.data.synthetic.camera import Camera

GROUNDS = {
    "studio": (0.78, 0.77, 0.76),
    "asphalt": (0.36, 0.35, 0.34),
    "yard": (0.38, 0.47, 0.52),
    "grass": (0.22, 0.42, 0.36),
    "snow": (0.92, 0.89, 0.87),
}
SPAN, TEXELS = 24.0, 26.0  # metres of ground drawn, texels per metre
PANORAMA = (128, 1024)  # rows over 32 degrees of height, columns round the circle


@dataclass(frozen=True)
class Backdrop:
    """A place: the ground (G, G, 3) float32 BGR 0-1 as seen from above, and a far scene round it (rows upward)."""

    kind: str
    ground: np.ndarray
    panorama: np.ndarray


def make_backdrop(kind: str, sky: np.ndarray, horizon: np.ndarray, rng: np.random.Generator) -> Backdrop:
    """Draw a place of a kind named in `GROUNDS`; sky colours are BGR 0-1."""
    side = int(SPAN * TEXELS)
    base = np.array(GROUNDS[kind], np.float32) * rng.uniform(0.85, 1.1)
    ground = np.broadcast_to(base, (side, side, 3)).copy()
    if kind != "studio":
        relief = np.zeros((side, side), np.float32)
        for cells, amount in ((12, 0.06), (60, 0.05), (side // 2, 0.12 if kind != "snow" else 0.03)):
            noise = rng.standard_normal((cells, cells), dtype=np.float32) * amount
            relief += cv2.resize(noise, (side, side), interpolation=cv2.INTER_LINEAR)
        axis = np.linspace(-1, 1, side, dtype=np.float32) ** 2
        relief *= np.clip(4 - 4 * (axis[None] + axis[:, None]), 0, 1)  # even towards the rim, where the drawing ends
        ground *= (1 + relief)[..., None]
    if kind == "asphalt" and rng.random() < 0.6:
        for x in (-1, 1):
            shift = int(side / 2 + x * 1.6 * TEXELS + rng.uniform(-0.2, 0.2) * TEXELS)
            cv2.line(ground, (side // 2 - 90, shift), (side // 2 + 90, shift), (0.82, 0.84, 0.85), 3)
    return Backdrop(kind, ground, _panorama(kind, sky, horizon, base, rng))


def _panorama(
    kind: str, sky: np.ndarray, horizon: np.ndarray, base: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    rows, columns = PANORAMA
    up = (np.linspace(0, 1, rows, dtype=np.float32) ** 0.7)[:, None, None]
    if kind == "studio":
        wall = base * (1.06 - 0.3 * up)
        return np.broadcast_to(wall, (rows, columns, 3)).copy()
    scene = np.broadcast_to(sky * up + horizon * (1 - up), (rows, columns, 3)).copy()
    for _ in range(40):
        left, width = int(rng.integers(columns)), int(rng.integers(15, 110))
        top = int(rng.integers(6, 60 if kind == "asphalt" else 26))
        tone = np.array([0.75, 0.95, 0.85]) if kind in ("grass", "snow", "yard") else rng.uniform(0.8, 1.2, 3)
        value = (tone * rng.uniform(0.15, 0.62) * (0.5 + 0.5 * horizon)).tolist()
        cv2.rectangle(scene, (left, 0), (left + width, top), value, -1)
        for x in range(left + 6, left + width - 6, 12):
            for y in range(8, top - 6, 10):
                cv2.rectangle(scene, (x, y), (x + 4, y + 5), [v * 0.55 for v in value], -1)
    scene[:, -40:] = scene[:, -40:] * np.linspace(1, 0, 40)[:, None] + scene[:, :1] * np.linspace(0, 1, 40)[:, None]
    return cv2.GaussianBlur(scene, (0, 0), 2.0)


def with_shadow(backdrop: Backdrop, body: Body, sun: np.ndarray, strength: float) -> np.ndarray:
    """The ground with the shadow of a vehicle at its centre, (G, G, 3) float32."""
    side = backdrop.ground.shape[0]
    mask: np.ndarray = np.zeros((side, side), np.float32)
    x, y = body.length / 2 - 0.12, body.width / 2 - 0.05
    half = np.array([(x, y - 0.2), (x - 0.25, y), (-x + 0.2, y), (-x, y - 0.2)])
    corners = np.concatenate([half, half[::-1] * (1, -1)])
    shift = -sun[:2] / max(float(sun[2]), 0.35)
    heights = (0.15, 0.9, body.height * 0.95)
    slices = [corners * scale + shift * height for scale, height in zip((1.0, 1.0, 0.62), heights, strict=True)]
    for two in (slices[:2], slices[1:]):
        hull = cv2.convexHull(np.concatenate(two).astype(np.float32))
        cv2.fillConvexPoly(mask, np.round((hull[:, 0] * TEXELS + side / 2) * 16).astype(np.int32), strength, shift=4)
    mask = cv2.GaussianBlur(mask, (0, 0), 0.06 * TEXELS)
    under: np.ndarray = np.zeros_like(mask)
    cv2.fillConvexPoly(under, np.round((corners * TEXELS + side / 2) * 16).astype(np.int32), 0.9, shift=4)
    under = cv2.GaussianBlur(under, (0, 0), 0.14 * TEXELS)
    return backdrop.ground * (1 - np.maximum(mask, under))[..., None]


def draw_backdrop(backdrop: Backdrop, ground: np.ndarray, camera: Camera, lit: np.ndarray) -> np.ndarray:
    """Picture (H, W, 3) float32 BGR without the vehicle; `lit` (3,) is the light that falls on the ground."""
    height, width = camera.size
    rays = camera.rays((0, 0, width, height), step=8)
    rows, columns = PANORAMA
    heading = np.unwrap(np.arctan2(rays[..., 1], rays[..., 0])) * (columns / (2 * np.pi))
    slope = rays[..., 2] / np.hypot(rays[..., 0], rays[..., 1])
    heading, slope = (cv2.resize(plane.astype(np.float32), (width, height)) for plane in (heading, slope))
    height_row = np.clip(slope * (rows / 0.62), 0, rows - 2)
    picture = cv2.remap(backdrop.panorama, heading, height_row, cv2.INTER_LINEAR, None, cv2.BORDER_WRAP)
    flat = np.array([[1 / TEXELS, 0, -SPAN / 2], [0, 1 / TEXELS, -SPAN / 2], [0, 0, 1]])
    floor = cv2.warpPerspective(
        ground, camera.ground() @ flat, (width, height), flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT, borderValue=ground[0, 0].tolist(),
    )  # fmt: skip
    floor = cv2.transform(floor, np.diag(lit).astype(np.float32))
    fade = np.clip(slope * (-28 if backdrop.kind != "studio" else -5), 0, 1)
    return cv2.add(picture, cv2.multiply(cv2.merge((fade, fade, fade)), floor - picture))
