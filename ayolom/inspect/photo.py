"""Whether a photo is fit to be judged: sharp, well lit, and with enough of the vehicle in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.data import photo as measure
from ayolom.inspect.objects import PhotoCheck, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ayolom.inspect.objects import Side
    from ayolom.inspect.parts import PartMap
    from ayolom.inspect.rules import Photos


def check_photo(image: np.ndarray, parts: PartMap | None, limits: Photos) -> PhotoCheck:
    """Measure one picture.

    Sharpness (see `data.photo`) is measured over the vehicle; where no parts are known, over the whole picture.

    Args:
        image: (H, W, 3) uint8 BGR.
        parts: Its parts, or None where they are not known; then nothing is said of the vehicle's size.
        limits: Limits of the rules.
    """
    grey = measure.small_grey(image, limits.long_side_px)
    size = (grey.shape[1], grey.shape[0])
    plane = None if parts is None else cv2.resize(np.minimum(parts.plane, 1), size, interpolation=cv2.INTER_NEAREST)
    where = plane if plane is not None and plane.any() else np.ones_like(grey)
    count = int(np.count_nonzero(where))
    glare = np.count_nonzero(cv2.compare(grey, float(limits.glare_level), cv2.CMP_GE) & (where * 255)) / count
    measured = {
        "sharpness": round(measure.sharpness(grey, where), 1),
        "brightness": round(measure.brightness(grey, where), 1),
        "glare_share": round(glare, 4),
        "vehicle_share": 1.0 if plane is None else round(float(np.count_nonzero(plane)) / plane.size, 4),
        "border_share": 0.0 if plane is None else round(_border(plane), 4),
    }
    return PhotoCheck(**measured, sides=() if parts is None else parts.sides(), problems=problems(measured, limits))


def problems(measured: dict[str, float], limits: Photos) -> tuple[Problem, ...]:
    """Return what is wrong with a picture, by what was measured."""
    if measured["vehicle_share"] == 0:
        return (Problem(code="no_vehicle", measured=0, limit=limits.least_vehicle_share),)
    tests = (
        ("blurred", "sharpness", limits.least_sharpness, True),
        ("dark", "brightness", limits.least_brightness, True),
        ("bright", "brightness", limits.most_brightness, False),
        ("glare", "glare_share", limits.most_glare_share, False),
        ("small", "vehicle_share", limits.least_vehicle_share, True),
        ("cut_off", "border_share", limits.most_border_share, False),
    )
    return tuple(
        Problem(code=code, measured=measured[name], limit=limit)
        for code, name, limit, least in tests
        if (measured[name] < limit if least else measured[name] > limit)
    )


def sharpness(image: np.ndarray) -> float:
    """Return the variance of the Laplacian of a picture's grey values.

    Args:
        image: (H, W, 3) uint8 BGR; an empty one has none.
    """
    return measure.sharpness(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)) if image.size else 0.0


def median_check(checks: Sequence[PhotoCheck], limits: Photos) -> PhotoCheck:
    """Return one check for the frames of a video: medians, and all sides that were in view."""
    names = ("sharpness", "brightness", "glare_share", "vehicle_share", "border_share")
    measured = {name: round(float(np.median([getattr(check, name) for check in checks])), 4) for name in names}
    seen = {side for check in checks for side in check.sides}
    sides: tuple[Side, ...] = tuple(side for side in ("front", "back", "left", "right") if side in seen)
    return PhotoCheck(**measured, sides=sides, problems=problems(measured, limits))


def _border(plane: np.ndarray) -> float:
    """Return the share of a picture's border that the vehicle touches."""
    edges = (plane[0], plane[-1], plane[1:-1, 0], plane[1:-1, -1])
    return sum(int(np.count_nonzero(edge)) for edge in edges) / sum(edge.size for edge in edges)
