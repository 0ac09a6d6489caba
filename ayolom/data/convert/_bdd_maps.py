"""The class maps of BDD100K: where they lie, and what their pixels mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ayolom.data.convert._bdd_labels import DRIVABLE, LANE, LANES
from ayolom.data.convert._files import is_png
from ayolom.data.walk import walk

if TYPE_CHECKING:
    from pathlib import Path

LANE_BITS, NO_LANE_BIT = 0b111, 0b1000  # of a lane map's pixel; higher bits tell style and direction
OLD_MAP = "_drivable_id"  # ending of the names of the older maps, which count from the background
COLOURED = "_drivable_color"  # ending of the names of the same maps in colours


def map_folders(source: Path) -> dict[str, list[Path]]:
    """Return the folders of class maps by layer."""
    if not source.is_dir():
        return {}
    tops = [source, source / "labels"]
    drivable = [top / "drivable" / "masks" for top in tops] + [top / "drivable_maps" / "labels" for top in tops]
    drivable += [source / "bdd100k_drivable_maps" / "labels"]
    lane = [top / "lane" / "masks" for top in tops]
    return {
        name: [folder for folder in folders if next(walk(folder, is_png, 1), None) is not None]
        for name, folders in ((DRIVABLE, drivable), (LANE, lane))
    }


def positions(stored: np.ndarray, layer: str, file: Path, folder: Path) -> np.ndarray:
    """Return (H, W) uint8 positions in the layer's names, the background behind its classes, of a map as it is stored.

    Args:
        stored: (H, W) uint8 pixels of the file.
        layer: Name of the layer.
        file: The class map, whose name tells its age.
        folder: Folder of the class maps, whose name does so too.
    """
    if layer == LANE:
        return np.where(stored & NO_LANE_BIT, len(LANES), stored & LANE_BITS).astype(np.uint8)
    if file.stem.endswith(OLD_MAP) or "drivable_maps" in folder.parent.name:
        return np.where(stored < 3, (stored + 2) % 3, stored).astype(np.uint8)  # background was 0
    return stored
