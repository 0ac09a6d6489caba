"""A pin-hole camera that looks at a point."""

from __future__ import annotations

import numpy as np


class Camera:
    """Pin-hole camera, square pixels, centre of the picture at the target.

    Args:
        eye: (3,) position in metres.
        target: (3,) the point looked at.
        focal: Focal length in pixels of `size`.
        size: Picture (H, W) in pixels.
    """

    def __init__(self, eye: np.ndarray, target: np.ndarray, focal: float, size: tuple[int, int]) -> None:
        self.eye = np.asarray(eye, dtype=np.float64)
        self.focal = float(focal)
        self.size = size
        forward = np.asarray(target, dtype=np.float64) - self.eye
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 0.0, 1.0))
        right /= np.linalg.norm(right)
        self.axes = np.stack([right, np.cross(forward, right), forward])  # rows: right, down, forward

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (N, 3) in metres to pixels (N, 2) as (x, y), pixel centres at whole numbers, and depths (N,)."""
        seen = (np.asarray(points) - self.eye) @ self.axes.T
        depth = np.maximum(seen[:, 2], 1e-3)
        centre = (self.size[1] / 2 - 0.5, self.size[0] / 2 - 0.5)
        return seen[:, :2] / depth[:, None] * self.focal + centre, seen[:, 2]

    def rays(self, window: tuple[int, int, int, int], step: int = 1) -> np.ndarray:
        """Unit directions (h, w, 3) float32 of the pixels of a window (x0, y0, x1, y1), or of every `step`-th block."""
        x0, y0, x1, y1 = window
        x = (np.arange(x0 + (step - 1) / 2, x1, step, dtype=np.float32) - (self.size[1] / 2 - 0.5)) / self.focal
        y = (np.arange(y0 + (step - 1) / 2, y1, step, dtype=np.float32) - (self.size[0] / 2 - 0.5)) / self.focal
        right, down, forward = self.axes.astype(np.float32)
        rays = x[None, :, None] * right + (y[:, None, None] * down + forward)
        length = np.sqrt(1.0 + x[None] ** 2 + y[:, None] ** 2)
        return rays / length[..., None]

    def ground(self) -> np.ndarray:
        """Homography (3, 3) from the ground (x, y, 1) in metres to pixels."""
        height, width = self.size
        inner = np.array([[self.focal, 0, width / 2 - 0.5], [0, self.focal, height / 2 - 0.5], [0, 0, 1.0]])
        columns = np.stack([self.axes[:, 0], self.axes[:, 1], -self.axes @ self.eye], 1)
        return inner @ columns


def orbit(
    azimuth: float,
    elevation: float,
    distance: float,
    target: tuple[float, float, float],
    focal: float,
    size: tuple[int, int],
) -> Camera:
    """Camera on a sphere round `target`; azimuth 0 stands before the car, 90 on its left side (degrees)."""
    a, e = np.deg2rad(azimuth), np.deg2rad(elevation)
    eye = np.array(target) + distance * np.array([np.cos(a) * np.cos(e), np.sin(a) * np.cos(e), np.sin(e)])
    eye[2] = max(eye[2], 0.3)
    return Camera(eye, np.array(target), focal, size)
