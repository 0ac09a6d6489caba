"""One look at an image file: read once, decoded as small as serves."""

from __future__ import annotations

from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from ayolom.data.duplicates import perceptual_hashes, thumbnail
from ayolom.data.images import JPEG_SIGNATURE, MIN_SIDE, ORIENTATION, UPRIGHT, image_shape, read_image

if TYPE_CHECKING:
    from ayolom.data.check._values import Limits

SMALL = 48  # pixels that a reduced JPEG has at least on a side; thumbnails have 32
UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError)


class Look(NamedTuple):
    """What an image file holds.

    Attributes:
        shape: (H, W) in pixels, EXIF rotation applied.
        digest: 16 bytes, equal for equal files.
        hashes: Perceptual hash and that of the mirror image.
        thumbnail: (32, 32) uint8 grey.
    """

    shape: tuple[int, int]
    digest: bytes
    hashes: tuple[int, int]
    thumbnail: np.ndarray


def look(file: str) -> Look:
    """Read an image file.

    JPEGs are read to their end, and decoded at an eighth of their size where that leaves 48 pixels.

    Raises:
        AyolomError: It cannot be read, is damaged, cut short or too small: just what training would refuse.
    """
    data = _bytes(file)
    quick = _small_jpeg(data) if data.startswith(JPEG_SIGNATURE) else None
    if quick is None:
        shape, grey = image_shape(file), read_image(file, 0)
    else:
        shape, grey = quick
    small = thumbnail(np.ascontiguousarray(grey.reshape(grey.shape[:2])))
    return Look(shape, blake2b(data, digest_size=16).digest(), perceptual_hashes(small), small)


def grey_findings(small: np.ndarray, limits: Limits) -> list[tuple[str, str, float]]:
    """Return (kind, detail, weight) of what stands out in the grey levels of a thumbnail (32, 32)."""
    mean, spread = float(small.mean()), float(small.std())
    if spread < limits.flat:
        return [("image-flat", f"grey levels spread by {spread:.1f} round {mean:.0f} of 255", -spread)]
    if mean < limits.dark:
        return [("image-dark", f"mean grey level {mean:.0f} of 255", -mean)]
    return []


def _bytes(file: str) -> bytes:
    """Return what is in a file, b"" when it cannot be read; then `image_shape` says why."""
    try:
        return Path(file).read_bytes()
    except OSError:
        return b""


def _small_jpeg(data: bytes) -> tuple[tuple[int, int], np.ndarray] | None:
    """Return (H, W) of a JPEG and a small grey copy; None when it is damaged, turned or too small."""
    try:
        with JpegImageFile(BytesIO(data)) as image:
            width, height = image.size
            turned = "exif" in image.info and image.getexif().get(ORIENTATION, 1) not in UPRIGHT
            if min(width, height) < MIN_SIDE or turned:
                return None
            image.draft("L", (SMALL, SMALL))
            return (height, width), np.asarray(image.convert("L") if image.mode != "L" else image)
    except UNREADABLE:
        return None
