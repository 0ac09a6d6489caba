"""Regions of a mask as polygons that run along pixel edges, with the holes kept."""

from __future__ import annotations

import cv2
import numpy as np

from ayolom.data.convert._geometry import fill_polygon

STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))  # right, down, left, up: each a right turn from the one before
DEVIATION = 0.005  # share by which simplifying may change the area of a ring and the number of pixels inside
PARTED = 0.04  # share of pixels that may lie on the other side of a simplified outline
FINEST = 0.4  # pixels; less simplifies nothing, as the steps of the pixel grid are larger


def region_polygon(region: np.ndarray, simplify: float = 0.0) -> np.ndarray:
    """Return the outline of one region as a single polygon.

    A hole is joined to the outline by a cut without width and runs the other way round, so that both filling rules,
    non-zero winding and even-odd, leave it empty. Unsimplified, the polygon's area is the number of pixels.

    Args:
        region: (H, W) bool, one region whose pixels share edges.
        simplify: How far the polygon may leave the pixel edges, in pixels; 0 follows them exactly. Less where the area
            or the number of pixels inside would change by more than half a percent.

    Returns:
        (K, 2) float64 x, y in pixels from the upper left corner of the array.
    """
    outer, *holes = rings(region)
    while simplify > FINEST:
        try:
            polygon = join_holes(_simplified(outer, simplify), [_simplified(hole, simplify) for hole in holes])
        except ValueError:  # a thin wall fell away and a hole lies outside
            polygon = outer[:0]
        if len(polygon) and _is_like(polygon, region):
            return polygon
        simplify /= 2
    return join_holes(outer, holes)


def rings(region: np.ndarray) -> list[np.ndarray]:
    """Return the closed outlines of one region along its pixel edges.

    Args:
        region: (H, W) bool, one region whose pixels share edges; pixels that touch by a corner do not hang together.

    Returns:
        Outlines (K, 2) float64 x, y: first the outer one, clockwise on the screen, then the holes, counterclockwise.
        Only corners are listed.
    """
    exits = _exits(region)
    width = exits.shape[1]
    successors, open_edges = exits.ravel().tolist(), exits.ravel().tolist()
    found = []
    for start in np.flatnonzero(exits).tolist():
        while open_edges[start]:
            direction = (open_edges[start] & -open_edges[start]).bit_length() - 1
            corners = np.array(_follow(start, direction, successors, open_edges, width))
            found.append(np.stack([corners % width, corners // width], axis=1).astype(np.float64))
    return sorted(found, key=lambda ring: signed_area(ring) < 0)


def join_holes(outer: np.ndarray, holes: list[np.ndarray]) -> np.ndarray:
    """Return one polygon from an outline and its holes, each joined by a cut to the left of its leftmost point.

    Args:
        outer: (K, 2) x, y, clockwise on the screen.
        holes: Outlines (K, 2) inside it, counterclockwise.

    Raises:
        ValueError: A hole lies outside the outline.
    """
    joined = outer
    for hole in sorted(holes, key=lambda ring: float(ring[:, 0].min())):  # so that what lies left of it is joined
        hole = np.roll(hole, -int(hole[:, 0].argmin()), axis=0)
        (x, y), start, end = hole[0], joined, np.roll(joined, -1, axis=0)
        edges = np.flatnonzero((start[:, 1] <= y) != (end[:, 1] <= y))
        (x0, y0), (x1, y1) = start[edges].T, end[edges].T
        crossing = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
        left = np.flatnonzero(crossing <= x)
        if not len(left):
            raise ValueError("a hole lies outside its outline")
        nearest = left[crossing[left].argmax()]
        cut = np.array([[crossing[nearest], y]])
        place = int(edges[nearest]) + 1
        joined = np.concatenate([joined[:place], cut, hole, hole[:1], cut, joined[place:]])
    return joined


def signed_area(ring: np.ndarray) -> float:
    """Return the area of a ring (K, 2), positive when it runs clockwise on the screen (shoelace formula)."""
    x, y = ring[:, 0], ring[:, 1]
    return 0.5 * float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def _exits(region: np.ndarray) -> np.ndarray:
    """Return by pixel corner (H + 1, W + 1) which edges start there, a bit for each of `STEPS`.

    Edges have the region on their right.
    """
    inside = np.pad(region.astype(bool), 1)
    upper_left, upper_right = inside[:-1, :-1], inside[:-1, 1:]
    lower_left, lower_right = inside[1:, :-1], inside[1:, 1:]
    return (
        (lower_right & ~upper_right) * 1
        + (lower_left & ~lower_right) * 2
        + (upper_left & ~lower_left) * 4
        + (upper_right & ~upper_left) * 8
    )


def _follow(start: int, direction: int, exits: list[int], open_edges: list[int], width: int) -> list[int]:
    """Return the corners of the ring that begins with an edge, and take its edges out of `open_edges`."""
    steps = [dx + dy * width for dx, dy in STEPS]
    corners, corner, heading = [], start, direction
    before = -1
    while True:
        if heading != before:
            corners.append(corner)
        open_edges[corner] &= ~(1 << heading)
        corner, before = corner + steps[heading], heading
        # Where two edges start, the right turn stays with the same pixel.
        heading = next(turn % 4 for turn in (before + 1, before, before + 3) if exits[corner] >> (turn % 4) & 1)
        if corner == start and heading == direction:
            return corners


def _is_like(polygon: np.ndarray, region: np.ndarray) -> bool:
    """Return whether a polygon holds nearly the pixels of a region."""
    filled, count = fill_polygon(polygon, region.shape), int(region.sum())
    return abs(int(filled.sum()) - count) <= DEVIATION * count and int((filled != region).sum()) <= PARTED * count


def _simplified(ring: np.ndarray, tolerance: float) -> np.ndarray:
    """Return a ring with fewer points (Douglas and Peucker), or itself where its area would change too much."""
    area = signed_area(ring)
    while tolerance > FINEST:
        fewer = cv2.approxPolyDP(ring.astype(np.float32)[:, None], tolerance, True)[:, 0].astype(np.float64)
        if len(fewer) >= 3 and abs(signed_area(fewer) - area) <= DEVIATION * abs(area):
            return fewer
        tolerance /= 2
    return ring
