"""How often classes and folders occur, and the weights that even them out."""

from __future__ import annotations

from ayolom.data.stats._count import Counts, Folder, Statistics, count
from ayolom.data.stats._weights import (
    BETA,
    METHODS,
    effective_number,
    enet,
    inverse_frequency,
    median_frequency,
)
from ayolom.data.stats._write import content, folder_weights, suggested, table, to_yaml

__all__ = (
    "BETA",
    "METHODS",
    "Counts",
    "Folder",
    "Statistics",
    "content",
    "count",
    "effective_number",
    "enet",
    "folder_weights",
    "inverse_frequency",
    "median_frequency",
    "suggested",
    "table",
    "to_yaml",
)
