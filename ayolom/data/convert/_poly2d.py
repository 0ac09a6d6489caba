"""Outlines of BDD100K: straight pieces and Bézier curves."""

from __future__ import annotations

from typing import Any

import numpy as np

TYPES = ("L", "C")  # of the points: a corner, one that pulls a curve
STEPS = 12  # straight pieces by which a curve is drawn


def outlines_of(poly2d: Any, closed: bool) -> list[np.ndarray] | None:
    """Return the lines of a label's `poly2d`, curves drawn by straight pieces.

    Args:
        poly2d: A list of `{vertices, types, closed}`; in the older files one line as a list of `[x, y, type]`. A type
            is "L" for a corner and "C" for the first of three points of a cubic Bézier curve: two that pull it and the
            one it goes to, whatever their own types say (the files have "CCL" and "CCC"). Behind the last point of a
            closed line comes its first.
        closed: Whether every line ends where it begins, else only those that say so.

    Returns:
        Lines, each (K, 2) x, y in pixels, K >= 2; None when one is malformed, or there is none.
    """
    if not isinstance(poly2d, list) or not poly2d:
        return None
    if isinstance(poly2d[0], list):
        if not all(isinstance(point, list) and point for point in poly2d):
            return None
        poly2d = [{"vertices": [point[:2] for point in poly2d], "types": [point[-1] for point in poly2d]}]
    lines = [_line(entry, closed) for entry in poly2d]
    found = [line for line in lines if line is not None]
    return found if len(found) == len(lines) else None


def _line(entry: Any, closed: bool) -> np.ndarray | None:
    """Return one line, None when it is malformed."""
    if not isinstance(entry, dict):
        return None
    try:
        corners = np.array(entry.get("vertices"), dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 2 or not np.isfinite(corners).all():
        return None
    types = entry.get("types") or "L" * len(corners)
    if not isinstance(types, (str, list)) or len(types) != len(corners) or any(kind not in TYPES for kind in types):
        return None
    return _drawn(corners, list(types), bool(closed or entry.get("closed")))


def _drawn(corners: np.ndarray, types: list[str], closed: bool) -> np.ndarray | None:
    """Return a line with its curves drawn, None when a curve lacks points."""
    every = np.concatenate([corners, corners[:1]]) if closed else corners
    points, at = [corners[:1]], 1
    while at < len(corners):
        if types[at] == "L":
            points.append(corners[at : at + 1])
            at += 1
            continue
        if at + 3 > len(every):
            return None
        points.append(_curve(every[at - 1], every[at : at + 3]))
        at += 3
    return np.concatenate(points)


def _curve(start: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return points on a cubic Bézier curve, its start left out.

    Args:
        start: (2,) where it begins.
        others: (3, 2) the two points that pull it, and where it ends.
    """
    t = np.linspace(0, 1, STEPS + 1)[1:, None]
    first, second, end = others
    return (1 - t) ** 3 * start + 3 * (1 - t) ** 2 * t * first + 3 * (1 - t) * t**2 * second + t**3 * end
