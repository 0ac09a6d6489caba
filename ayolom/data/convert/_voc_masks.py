"""The masks of Pascal VOC: which colour is which class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ayolom.data.convert._colors import classes_of_colors, classes_of_values, read_palette_png
from ayolom.data.convert._files import is_png
from ayolom.data.convert._mask_coding import names_file
from ayolom.data.walk import walk
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ayolom.data.convert._format import ReadOptions

Color = tuple[int, int, int]
NAMES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
VOID: Color = (224, 224, 192)  # the outlines, which VOC leaves out of everything
FOLDERS = ("SegmentationClass", "SegmentationClassPNG")  # the second is LabelMe's, which kept arrays in the first


def voc_colors(count: int) -> np.ndarray:
    """Return VOC's palette: the bits of a class's number dealt to red, green and blue in turn, the highest first.

    Args:
        count: Number of colours.

    Returns:
        (count, 3) uint8 RGB.
    """
    found = np.zeros((count, 3), np.uint8)
    for number in range(count):
        for bit in range(8):
            for channel in range(3):
                found[number, channel] |= (number >> (3 * bit + channel) & 1) << (7 - bit)
    return found


def mask_folder(root: Path) -> Path | None:
    """Return the folder of masks in one of VOC's layout, None when there is none."""
    return next((root / name for name in FOLDERS if next(walk(root / name, is_png, 1), None) is not None), None)


def class_colors(root: Path, options: ReadOptions) -> dict[str, Color]:
    """Return the colour by class name: the user's, those of a labelmap.txt, or VOC's colours in their order.

    The names in this order are the user's, those of a text file (LabelMe's class_names.txt), or VOC's own.
    """
    if options.colors:
        return {name: color for color, name in options.colors.items()}
    file = root / "labelmap.txt"
    if file.is_file():
        return _label_map(file)
    names = options.names or names_file(root) or NAMES
    return {
        name: (int(red), int(green), int(blue))
        for name, (red, green, blue) in zip(names, voc_colors(len(names)), strict=True)
    }


def _label_map(file: Path) -> dict[str, Color]:
    """Return the colour by class name from lines of `name:red,green,blue:parts:actions`."""
    found: dict[str, Color] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        try:
            red, green, blue = (int(value) for value in rest.split(":")[0].split(","))
        except ValueError:
            raise AyolomError(f"{file}: line {number}: '{line}' is no 'name:red,green,blue::'; mend the line") from None
        found[name] = (red, green, blue)
    return found


def read_mask(file: Path, positions: Mapping[Color, int], count: int) -> tuple[np.ndarray, list[object]] | None:
    """Return a mask as positions in the class names, 255 for what teaches nothing, and what stands for no class.

    Args:
        file: A PNG of colours, of a palette, or of grey values that are the positions.
        positions: Position by colour.
        count: Number of classes.

    Returns:
        (H, W) uint8, and the unknown colours or values in it; None when the file cannot be read.
    """
    stored = read_palette_png(file)
    if stored is None:
        return None
    values, palette = stored
    if values.ndim == 2 and palette is None:
        return classes_of_values(values, count)
    return classes_of_colors(values, palette, positions)
