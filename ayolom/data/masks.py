"""Several masks carried as one 2-D array, so that transforms made for one mask move them all at once.

Byte 0 of a value is mask 0, byte k is mask k XOR 255. The fill value 255 of the base's transforms therefore unpacks to
255, "ignored", in every mask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Sequence

IGNORE = 255
MAX_PLANES = 6  # what the 53 exact bits of a double hold


def pack(planes: Sequence[np.ndarray]) -> np.ndarray:
    """Pack masks into one array.

    Args:
        planes: 1 to 6 masks (H, W) uint8.

    Returns:
        (H, W): the mask itself for one, uint16 for two, float64 (whole numbers) for three to six.

    Raises:
        AyolomError: More than six masks.
    """
    check_planes(len(planes))
    if len(planes) == 1:
        return planes[0]
    if len(planes) == 2:
        return planes[0].astype(np.uint16) | ((planes[1] ^ IGNORE).astype(np.uint16) << 8)
    packed = planes[0].astype(np.uint64)
    for k, plane in enumerate(planes[1:], start=1):
        packed |= (plane ^ IGNORE).astype(np.uint64) << np.uint64(8 * k)
    return packed.astype(np.float64)


def unpack(packed: np.ndarray, count: int) -> np.ndarray:
    """Return the masks (T, H, W) uint8 that `pack` packed; `count` is T."""
    if count == 1:
        return packed[None]
    whole = packed.astype("<u2" if count == 2 else "<u8", order="C")
    planes = np.ascontiguousarray(np.moveaxis(whole.view(np.uint8).reshape(*packed.shape, -1)[..., :count], -1, 0))
    planes[1:] ^= IGNORE
    return planes


def look_up(packed: np.ndarray, tables: Sequence[np.ndarray | None]) -> np.ndarray:
    """Replace class ids in packed masks.

    Args:
        packed: (H, W) as `pack` returns it.
        tables: For each mask a table (256,) uint8 from old to new id, or None to leave the mask as it is.

    Returns:
        (H, W) packed masks; a new array where anything is replaced.
    """
    if all(table is None for table in tables):
        return packed
    planes = list(unpack(packed, len(tables)))
    return pack([p if t is None else cv2.LUT(np.ascontiguousarray(p), t) for p, t in zip(planes, tables, strict=True)])


def check_planes(count: int) -> None:
    """Raise when there are more masks than one array can carry."""
    if count > MAX_PLANES:
        raise AyolomError(
            f"tasks: an image can be labelled for at most {MAX_PLANES} tasks with a mask (got {count}); leave some out"
        )
