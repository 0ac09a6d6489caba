"""From triangles to pixels: which texel of the atlas each pixel shows."""

from __future__ import annotations

import cv2
import numpy as np

from ayolom.data.synthetic.camera import Camera
from ayolom.data.synthetic.mesh import Mesh

Window = tuple[int, int, int, int]


def rasterise(mesh: Mesh, camera: Camera, window: Window) -> np.ndarray:
    """Texel (column, row) of the atlas for each pixel of a window (x0, y0, x1, y1).

    Triangles that face the camera are drawn from the farthest to the nearest.

    Returns:
        (2, h, w) float32 maps; -1 where there is nothing.
    """
    x0, y0, x1, y1 = window
    corners, texels = _visible(mesh, camera)
    ids = np.zeros((y1 - y0, x1 - x0), np.int32)
    if not len(corners):
        return np.full((2, *ids.shape), -1, np.float32)
    corners = corners - (x0, y0)
    fixed = np.round(corners * 16).astype(np.int32)
    for number, triangle in enumerate(fixed, 1):
        cv2.fillConvexPoly(ids, triangle, number, lineType=cv2.LINE_8, shift=4)
    return _texels(ids, corners, texels)


def _visible(mesh: Mesh, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Screen corners (T, 3, 2) and texels (T, 3, 2) of the faces turned to the camera, farthest first."""
    a, b, c = mesh.corners[:, 0], mesh.corners[:, 1], mesh.corners[:, 2]
    facing = np.einsum("ij,ij->i", np.cross(b - a, c - a), camera.eye - a) > 0
    corners, texels = mesh.corners[facing], mesh.texels[facing]
    pixels, depth = camera.project(corners.reshape(-1, 3))
    pixels, depth = pixels.reshape(-1, 3, 2), depth.reshape(-1, 3)
    ab, ac = pixels[:, 1] - pixels[:, 0], pixels[:, 2] - pixels[:, 0]
    keep = (depth.min(1) > 0.1) & (np.abs(ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]) > 0.3)
    order = np.argsort(-depth[keep].mean(1), kind="stable")
    return pixels[keep][order], texels[keep][order]


def _texels(ids: np.ndarray, corners: np.ndarray, texels: np.ndarray) -> np.ndarray:
    """Interpolate texels inside each triangle; affine, since triangles are small."""
    edges = corners[:, 1:] - corners[:, :1]
    inverse = np.linalg.inv(edges)  # (T, 2, 2): pixel offset -> barycentric
    slopes = inverse @ (texels[:, 1:] - texels[:, :1])  # (T, 2, 2): rows x, y; columns texel column, row
    offset = texels[:, 0] - np.einsum("ti,tij->tj", corners[:, 0], slopes)
    h, w = ids.shape
    x, y = np.arange(w, dtype=np.float32)[None], np.arange(h, dtype=np.float32)[:, None]
    maps = np.empty((2, h, w), np.float32)
    for axis in (0, 1):
        table = np.stack(
            [slopes[:, 0, axis], slopes[:, 1, axis], offset[:, axis], texels[..., axis].min(1), texels[..., axis].max(1)]
        )
        table = np.concatenate([np.array([[0.0], [0.0], [-1.0], [-1.0], [-1.0]]), table], 1).astype(np.float32)
        value = table[0][ids] * x
        value += table[1][ids] * y
        value += table[2][ids]
        maps[axis] = np.clip(value, table[3][ids], table[4][ids], out=value)
    return maps
