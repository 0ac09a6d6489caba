"""Light, surroundings as a reflection map, and shading."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

REFLECTION = 96  # texels across the reflection map
REACH = 1.6  # radius the map covers; 1 is the horizon


@dataclass(frozen=True)
class Light:
    """One lighting: sun direction (3,), strengths, and the colours (BGR 0-1) of light, sky and horizon."""

    sun: np.ndarray
    strength: float
    ambient: float
    tint: np.ndarray
    sky: np.ndarray
    horizon: np.ndarray
    reflections: np.ndarray
    shadow: float


LIGHTS = {
    "day": (0.62, 0.62, (1.0, 1.0, 1.0), (0.86, 0.66, 0.46), (0.96, 0.92, 0.88), 0.55),
    "overcast": (0.25, 0.85, (1.0, 0.99, 0.97), (0.86, 0.84, 0.82), (0.93, 0.92, 0.91), 0.4),
    "dusk": (0.5, 0.55, (0.72, 0.84, 1.0), (0.48, 0.32, 0.26), (0.45, 0.60, 0.88), 0.4),
    "harsh": (1.0, 0.50, (0.95, 1.0, 1.02), (0.90, 0.62, 0.38), (1.0, 0.97, 0.93), 0.75),
}


def make_light(kind: str, ground: np.ndarray, rng: np.random.Generator) -> Light:
    """Draw the sun's place and the surroundings for a named lighting; `ground` is BGR 0-1."""
    strength, ambient, tint, sky, horizon, shadow = LIGHTS[kind]
    azimuth, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.1)
    sun = np.array([np.cos(azimuth) * np.cos(height), np.sin(azimuth) * np.cos(height), np.sin(height)])
    above, level = np.array(sky, np.float32), np.array(horizon, np.float32)
    reflections = _reflections(above, level, ground.astype(np.float32), rng)
    return Light(sun, strength, ambient, np.array(tint, np.float32), above, level, reflections, shadow)


def _reflections(sky: np.ndarray, horizon: np.ndarray, ground: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Paraboloid map (R, R, 3) float32 of the surroundings: centre overhead, radius 1 the horizon, beyond it ground."""
    axis = (np.arange(REFLECTION, dtype=np.float32) + 0.5) / REFLECTION * 2 * REACH - REACH
    x, y = np.meshgrid(axis, axis)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    height = (1 - radius**2) / (1 + radius**2)  # sine of the elevation
    up = np.clip(height, 0, 1)[..., None] ** 0.6
    scene = sky * up + horizon * (1 - up)
    for _ in range(9):  # buildings and trees
        where = np.abs(np.angle(np.exp(1j * (angle - rng.uniform(0, 2 * np.pi))))) < rng.uniform(0.1, 0.4)
        scene[where & (height < rng.uniform(0.06, 0.26))] = rng.uniform(0.12, 0.55) * (horizon * 0.5 + 0.4)
    floor = ground * np.clip(1.0 + 0.9 * height, 0.35, 1)[..., None]
    scene = np.where(height[..., None] > 0, scene, floor)
    return cv2.GaussianBlur(scene.astype(np.float32), (0, 0), 0.9)


def shade(color: np.ndarray, gloss: np.ndarray, normal: np.ndarray, rays: np.ndarray, light: Light) -> np.ndarray:
    """Lit colours of surface points.

    Args:
        color: (h, w, 3) uint8 BGR.
        gloss: (h, w) uint8.
        normal: (h, w, 3) float32 in the car's frame, about unit length.
        rays: (h, w, 3) float32 unit directions from the eye.
        light: The lighting.

    Returns:
        (h, w, 3) float32 BGR, 0-1 (may exceed 1).
    """
    sun = light.sun.astype(np.float32)[None]
    facing = np.maximum(cv2.transform(normal, sun), 0)
    up = np.array([[0.0, 0.0, 0.38 * light.ambient, 0.62 * light.ambient]], np.float32)
    diffuse = cv2.addWeighted(facing, light.strength, cv2.transform(normal, up), 1.0, 0.0)
    along = cv2.transform(cv2.multiply(rays, normal), np.ones((1, 3), np.float32))
    mirrored = cv2.subtract(rays, cv2.multiply(normal, _three(along * 2)))
    seen = _reflected(light, mirrored)
    mirror = np.maximum(1 + along, 0) ** 2
    mirror *= 0.75 * mirror
    mirror += 0.13
    gleam = gloss.astype(np.float32) / 255
    mirror *= gleam
    glint = np.maximum(cv2.transform(mirrored, sun), 0)
    for _ in range(5):
        glint *= glint
    glint *= gleam
    lit = cv2.multiply(color, _three(diffuse), scale=1 / 255, dtype=cv2.CV_32F)
    lit = cv2.transform(lit, np.diag(light.tint))
    lit = cv2.add(lit, cv2.multiply(seen, _three(mirror)))
    return cv2.add(lit, cv2.transform(glint, (0.9 * light.strength * light.tint)[:, None].astype(np.float32)))


def _three(plane: np.ndarray) -> np.ndarray:
    return cv2.merge((plane, plane, plane))


def _reflected(light: Light, directions: np.ndarray) -> np.ndarray:
    """What is seen in unit directions (h, w, 3) of the surroundings: (h, w, 3) BGR."""
    scale = REFLECTION / (2 * REACH)
    x, y, z = cv2.split(directions)
    lift = cv2.divide(scale, np.maximum(z + 1, 0.25))
    x *= lift
    x += REFLECTION / 2
    y *= lift
    y += REFLECTION / 2
    return cv2.remap(light.reflections, x, y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
