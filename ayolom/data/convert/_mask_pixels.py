"""The pixels of masks as positions in a list of class names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.data.convert import _cityscapes
from ayolom.data.convert._colors import IGNORE
from ayolom.data.convert._mask_files import CITY_MASK
from ayolom.data.convert._sizes import header_shape
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from pathlib import Path

    from ayolom.data.convert._mask_coding import Coding
    from ayolom.data.convert._values import Report


def ids_of(file: Path) -> np.ndarray | None:
    """Return the ids (H, W) uint8 of a grey or palette picture, None when it has none that can be read."""
    from ayolom.tasks import labels  # the training's own reader

    if file.suffix.lower() == ".png":
        try:
            return labels.read_mask(file, header_shape(file), IGNORE)
        except AyolomError:
            return None
    pixels = _decoded(file, cv2.IMREAD_UNCHANGED)
    return pixels if pixels is not None and pixels.ndim == 2 and pixels.dtype == np.uint8 else None


def _decoded(file: Path, flags: int) -> np.ndarray | None:
    """Return a picture as OpenCV reads it, None when it cannot."""
    try:
        data = np.frombuffer(file.read_bytes(), np.uint8)
        return cv2.imdecode(data, flags) if data.size else None
    except (OSError, cv2.error):
        return None


def read_mask(file: Path, coding: Coding, report: Report, image: str) -> np.ndarray | None:
    """Return a mask as (H, W) uint8 positions in the coding's names, 255 for what teaches nothing."""
    match = CITY_MASK.search(file.stem)
    city = (match[1] or match[2]) if match else None
    if city == "color" or (coding.colors and city is None):
        picture = _decoded(file, cv2.IMREAD_COLOR)
        return None if picture is None else _by_color(picture[..., ::-1], coding, report, f"{file}: colour", image)
    ids = ids_of(file)
    if ids is None:
        return None
    values = coding.values or _city_values(city, len(coding.names))
    values = {**values, IGNORE: 1 if coding.binary else IGNORE}
    lookup = np.full(256, IGNORE, np.uint8)
    lookup[list(values)] = list(values.values())
    present = np.flatnonzero(np.bincount(ids.ravel(), minlength=256)).tolist()
    for value in present:
        if value not in values:
            report.add("mask value without a class (teaches nothing)", f"{file}: value {value}", image)
    return cv2.LUT(ids, lookup)


def _city_values(kind: str | None, classes: int) -> dict[int, int]:
    """Return position by value of Cityscapes' masks of ids, or of train ids."""
    if kind == "labelIds":
        return {**dict.fromkeys(_cityscapes.VOID_IDS, IGNORE), **_cityscapes.LABEL_IDS}
    return {value: value for value in range(classes)}


def _by_color(pixels: np.ndarray, coding: Coding, report: Report, where: str, image: str) -> np.ndarray:
    """Return positions by colour; pixels (H, W, 3) uint8."""
    packed = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    label = np.full(packed.shape, IGNORE, np.uint8)
    present, counts = np.unique(packed, return_counts=True)
    unknown: list[tuple[int, str]] = []
    for value, count in zip(present.tolist(), counts.tolist(), strict=True):
        colour = (value >> 16, (value >> 8) & 255, value & 255)
        position = coding.colors.get(colour)
        if position is None:
            unknown.append((count, "#{:02x}{:02x}{:02x}".format(*colour)))
        else:
            label[packed == value] = position
    for count, shown in sorted(unknown, reverse=True)[:10]:
        report.add("mask colour without a class (teaches nothing)", f"{where} {shown} ({count} pixels)", image)
    if len(unknown) > 10:
        report.add("more mask colours without a class", f"{where} and {len(unknown) - 10} more", image)
    return label
