"""Masks as polygons, and polygons with holes as one ring, as label text has no other way to write them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def outlines(mask: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the outlines of a mask, each region one polygon, its holes cut out.

    They run half way between the centres of pixels inside and outside, so that the areas agree but for the corners; an
    outline through the centres of the outermost pixels would lose half a pixel all round.

    Args:
        mask: (H, W) bool.

    Returns:
        (K, 2) float64 x, y in pixels from the image's top left corner, each.
    """
    from contourpy import FillType, contour_generator

    padded = np.pad(mask, 1).astype(np.float32)
    lines = contour_generator(z=padded, fill_type=FillType.OuterOffset).filled(0.5, 2.0)
    found = []
    for points, offsets in zip(*lines, strict=True):
        rings = [points[start:end] for start, end in pairwise(offsets)]
        found.append(one_ring(rings) - 0.5)  # pixel (0, 0) of the padding has its centre at (-0.5, -0.5)
    return tuple(found)


def one_ring(rings: Sequence[np.ndarray]) -> np.ndarray:
    """Return an outer ring with its holes, joined where they are nearest by a cut without width.

    Args:
        rings: (K, 2) each, first and last point equal; the outer one first, holes run the other way round.
    """
    ring = np.asarray(rings[0][:-1], dtype=np.float64)
    for hole in rings[1:]:
        inner = np.asarray(hole[:-1], dtype=np.float64)
        distance = ((ring[:, None] - inner[None]) ** 2).sum(-1)
        here, there = np.unravel_index(int(distance.argmin()), distance.shape)
        turned = np.roll(inner, -int(there), axis=0)
        ring = np.concatenate((ring[: here + 1], turned, turned[:1], ring[here:]))
    return ring
