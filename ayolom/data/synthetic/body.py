"""The shape of a vehicle: a side profile, a half width, and the points between them.

Frame: metres, x forward, y to the car's left, z up, the ground at z = 0. `d` is the distance from the front end.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

STEP = 0.02  # metres between two points of a profile

# name -> (knots of the side profile (d, z) from under the front bumper over the roof to under the rear bumper,
#          width, wheel radius, axles, belt line, inward slope of the cabin, door edges)
Knots = tuple[tuple[str, float, float], ...]


@dataclass(frozen=True)
class Style:
    """One body style in metres; `doors` holds hinge edge, middle edge, rear edge and the end of the side glass."""

    knots: Knots
    width: float
    wheel_radius: float
    axles: tuple[float, float]
    belt: float
    slope: float
    doors: tuple[float, float, float, float]


STYLES: dict[str, Style] = {
    "sedan": Style(
        (
            ("start", 0.14, 0.20), ("", 0.03, 0.30), ("front_tip", 0.0, 0.46), ("bumper_top", 0.02, 0.60),
            ("hood_front", 0.11, 0.75), ("", 0.55, 0.87), ("cowl", 1.32, 0.97), ("header", 2.08, 1.38),
            ("", 2.60, 1.45), ("roof_end", 3.22, 1.41), ("glass_end", 3.92, 1.11), ("", 4.46, 1.07),
            ("", 4.57, 0.99), ("trunk_end", 4.63, 0.68), ("", 4.69, 0.60), ("rear_tip", 4.70, 0.44),
            ("end", 4.60, 0.24),
        ),
        1.84, 0.33, (0.92, 3.70), 0.95, 0.40, (1.36, 2.40, 3.36, 3.66),
    ),
    "hatchback": Style(
        (
            ("start", 0.13, 0.20), ("", 0.02, 0.30), ("front_tip", 0.0, 0.48), ("bumper_top", 0.02, 0.64),
            ("hood_front", 0.13, 0.79), ("", 0.50, 0.91), ("cowl", 1.02, 1.01), ("header", 1.76, 1.44),
            ("", 2.30, 1.52), ("roof_end", 3.48, 1.46), ("glass_end", 3.90, 1.06),
            ("trunk_end", 4.02, 0.66), ("", 4.09, 0.58), ("rear_tip", 4.10, 0.42), ("end", 4.0, 0.24),
        ),
        1.76, 0.31, (0.82, 3.36), 0.99, 0.32, (1.24, 2.26, 3.06, 3.52),
    ),
    "suv": Style(
        (
            ("start", 0.14, 0.27), ("", 0.03, 0.38), ("front_tip", 0.0, 0.58), ("bumper_top", 0.02, 0.76),
            ("hood_front", 0.12, 0.93), ("", 0.60, 1.05), ("cowl", 1.22, 1.13), ("header", 1.88, 1.58),
            ("", 2.40, 1.67), ("roof_end", 3.98, 1.61), ("glass_end", 4.32, 1.18),
            ("trunk_end", 4.42, 0.76), ("", 4.49, 0.66), ("rear_tip", 4.50, 0.48), ("end", 4.38, 0.30),
        ),
        1.90, 0.37, (0.90, 3.62), 1.10, 0.28, (1.38, 2.44, 3.30, 4.02),
    ),
    "van": Style(
        (
            ("start", 0.12, 0.24), ("", 0.02, 0.35), ("front_tip", 0.0, 0.56), ("bumper_top", 0.02, 0.76),
            ("hood_front", 0.12, 0.94), ("", 0.48, 1.09), ("cowl", 0.88, 1.21), ("header", 1.74, 1.82),
            ("", 2.30, 1.93), ("roof_end", 4.66, 1.90), ("glass_end", 4.80, 1.24),
            ("trunk_end", 4.85, 0.74), ("", 4.89, 0.64), ("rear_tip", 4.90, 0.46), ("end", 4.80, 0.28),
        ),
        1.90, 0.34, (0.88, 3.92), 1.16, 0.14, (1.30, 2.36, 3.42, 4.52),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Body:
    """A vehicle's body, built by `make_body`.

    Attributes:
        style: Name of its `Style`, whose measures it has, scaled a little.
        length, width, height: Outer size, metres.
        profile: (P, 2) points (d, z) of the side outline, one every `STEP` of arc length.
        normals: (P, 2) outward normals of the outline in the same frame.
        cuts: Arc length of each named knot.
        tips: Indices of the foremost and of the rearmost point of the profile.
    """

    style: str
    length: float
    width: float
    height: float
    wheel_radius: float
    axles: tuple[float, float]
    belt: float
    slope: float
    doors: tuple[float, ...]
    profile: np.ndarray
    normals: np.ndarray
    cuts: dict[str, float]
    tips: tuple[int, int]

    @property
    def arch_radius(self) -> float:
        """Radius of the wheel arches in metres."""
        return self.wheel_radius * 1.13

    def knot(self, name: str) -> tuple[float, float]:
        """Place (d, z) in metres of a named knot of the profile."""
        d, z = self.profile[round(self.cuts[name] / STEP)]
        return float(d), float(z)

    def half_width(self, d: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Half the width in metres at distance `d` from the front and height `z` (any shapes that broadcast)."""
        front = np.maximum(0.0, 1.0 - d / 0.8) ** 2
        rear = np.maximum(0.0, 1.0 - (self.length - d) / 0.8) ** 2
        plan = 0.5 * self.width * (1.0 - 0.13 * front - 0.09 * rear)
        above = z - self.belt
        cabin = self.slope * 0.5 * (above + np.sqrt(above * above + 0.004))
        tuck = 0.28 * np.maximum(0.0, 0.55 - z) ** 2
        return plan - cabin - tuck

    def relief(self, d: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Pressed lines and wheel arch lips in metres: seen in the shading only, never in the outline."""
        line = self.belt - 0.16 + 0.03 * d / self.length
        shoulder = 0.012 * np.tanh((line - z) / 0.03)
        sill = 0.012 * np.tanh((self.belt * 0.42 - z) / 0.04)
        lips = sum(
            0.022 * np.exp(-(((np.hypot(d - axle, z - self.wheel_radius) - self.arch_radius) / 0.05) ** 2))
            for axle in self.axles
        )
        return shoulder + sill + lips

    def outline(self, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper height in metres of the side outline at the distances `d`."""
        front, rear = self.tips
        upper = self.profile[front : rear + 1]
        lower = np.concatenate([self.profile[front::-1], self.profile[: rear - 1 : -1]])
        rising = np.maximum.accumulate
        low = np.interp(d, rising(lower[:, 0]), lower[:, 1])
        return low.astype(d.dtype), np.interp(d, rising(upper[:, 0]), upper[:, 1]).astype(d.dtype)


def make_body(rng: np.random.Generator) -> Body:
    """Draw a body style and its measures."""
    name = str(rng.choice(["sedan", "hatchback", "suv", "van"], p=[0.35, 0.25, 0.27, 0.13]))
    style = STYLES[name]
    along, up, across = (float(x) for x in rng.uniform([0.95, 0.97, 0.97], [1.04, 1.04, 1.03]))
    knots = np.array([knot[1:] for knot in style.knots]) * (along, up)
    arc = np.concatenate([[0.0], np.hypot(*np.diff(knots, axis=0).T).cumsum()])
    grid = np.arange(0.0, arc[-1] + STEP / 2, STEP)
    profile = _smooth(np.stack([np.interp(grid, arc, knots[:, 0]), np.interp(grid, arc, knots[:, 1])], 1))
    profile[:, 0] -= profile[:, 0].min()
    tangent = np.gradient(profile, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    return Body(
        style=name,
        length=float(profile[:, 0].max()),
        width=style.width * across,
        height=float(profile[:, 1].max()),
        wheel_radius=style.wheel_radius * min(up, 1.02),
        axles=(style.axles[0] * along, style.axles[1] * along),
        belt=style.belt * up,
        slope=style.slope,
        doors=tuple(edge * along for edge in style.doors),
        profile=profile,
        normals=np.stack([-tangent[:, 1], tangent[:, 0]], 1),
        cuts={knot[0]: float(s) for knot, s in zip(style.knots, arc, strict=True) if knot[0]},
        tips=(int(profile[:, 0].argmin()), int(profile[:, 0].argmax())),
    )


def _smooth(points: np.ndarray, sigma: float = 0.05) -> np.ndarray:
    """Round the corners of a polyline (P, 2), ends kept, by a Gaussian of `sigma` metres of arc length."""
    pad = int(4 * sigma / STEP)
    ends = (2 * points[:1] - points[pad:0:-1], 2 * points[-1:] - points[-2 : -pad - 2 : -1])
    kernel = cv2.getGaussianKernel(2 * pad + 1, sigma / STEP)[:, 0]
    padded = np.concatenate([ends[0], points, ends[1]])
    return np.stack([np.convolve(padded[:, axis], kernel, "valid") for axis in (0, 1)], 1)
