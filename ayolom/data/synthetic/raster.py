"""From triangles to pixels: which texel of the atlas each pixel shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from ayolom.data.synthetic.camera import Camera
    from ayolom.data.synthetic.mesh import Mesh

Window = tuple[int, int, int, int]


def rasterise(mesh: Mesh, camera: Camera, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """What each pixel of a window (x0, y0, x1, y1) shows of a mesh.

    Triangles that face the camera are drawn from the farthest to the nearest, on four sub-pixels for each pixel.

    Returns:
        (2, h, w) float32 texel (column, row) of the atlas, -1 where there is nothing, and the share (h, w) float32 of
        each pixel that is covered.
    """
    x0, y0, x1, y1 = window
    corners, texels = _visible(mesh, camera)
    fine = np.zeros((2 * (y1 - y0), 2 * (x1 - x0)), np.int32)
    if not len(corners):
        return np.full((2, y1 - y0, x1 - x0), -1, np.float32), np.zeros((y1 - y0, x1 - x0), np.float32)
    corners = corners - (x0, y0)
    fixed = np.round((corners * 2 + 0.5) * 16).astype(np.int32)
    for number, triangle in enumerate(fixed, 1):
        cv2.fillConvexPoly(fine, triangle, number, lineType=cv2.LINE_8, shift=4)
    quarters = fine[::2, ::2], fine[1::2, 1::2], fine[::2, 1::2], fine[1::2, ::2]
    ids = cv2.max(cv2.max(quarters[0], quarters[1]), cv2.max(quarters[2], quarters[3]))  # the nearest of the four
    cover = cv2.resize((fine > 0).astype(np.float32), (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    return _texels(ids, corners, texels), cover


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
    """Interpolate texels inside each triangle; affine, since triangles are small, and never beyond its corners."""
    inverse = np.linalg.inv(corners[:, 1:] - corners[:, :1])  # (T, 2, 2): pixel offset -> barycentric
    slopes = inverse @ (texels[:, 1:] - texels[:, :1])  # (T, 2, 2): rows x, y; columns texel column, row
    offset = texels[:, 0] - np.einsum("ti,tij->tj", corners[:, 0], slopes)
    h, w = ids.shape
    x, y = np.arange(w, dtype=np.float32)[None], np.arange(h, dtype=np.float32)[:, None]
    index, spare = ids.astype(np.intp), np.empty((h, w), np.float32)
    maps = np.empty((2, h, w), np.float32)
    for axis in (0, 1):
        bounds = (texels[..., axis].min(1), texels[..., axis].max(1))
        table = np.stack([slopes[:, 0, axis], slopes[:, 1, axis], offset[:, axis], *bounds])
        table = np.concatenate([np.array([[0.0], [0.0], [-1.0], [-1.0], [-1.0]]), table], 1).astype(np.float32)
        value = np.take(table[0], index, out=maps[axis], mode="clip")
        value *= x
        spare = np.take(table[1], index, out=spare, mode="clip")
        spare *= y
        value += spare
        value += np.take(table[2], index, out=spare, mode="clip")
        cv2.max(value, np.take(table[3], index, out=spare, mode="clip"), value)
        cv2.min(value, np.take(table[4], index, out=spare, mode="clip"), value)
    return maps


def bounds(mesh: Mesh, camera: Camera, margin: int = 2) -> Window:
    """The pixels of the picture that may show a mesh."""
    pixels, depth = camera.project(mesh.corners.reshape(-1, 3))
    if depth.min() < 0.05:
        return 0, 0, camera.size[1], camera.size[0]
    limit = (camera.size[1], camera.size[0])
    low, high = np.clip(pixels.min(0) - margin, 0, limit), np.clip(pixels.max(0) + margin + 1, 0, limit)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
