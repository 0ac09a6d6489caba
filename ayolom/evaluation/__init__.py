"""What is asked of a finished model beyond the base's metrics, as functions of plain arrays."""

from __future__ import annotations

from ayolom.evaluation._areas import AREAS, match_within
from ayolom.evaluation._recall import Point, recall_at_precision
from ayolom.evaluation._reliability import BINS, Reliability
from ayolom.evaluation._temperature import PixelSample, fit_temperature, scaled_confidence

__all__ = [
    "AREAS",
    "BINS",
    "PixelSample",
    "Point",
    "Reliability",
    "fit_temperature",
    "match_within",
    "recall_at_precision",
    "scaled_confidence",
]
