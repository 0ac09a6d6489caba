"""PNG files as arrays of numbers: a mask's pixels are class ids, which no decoder may turn into colours."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL.PngImagePlugin import PngImageFile

from ayolom.errors import AyolomError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = 33  # bytes of signature and header chunk; byte 24 is the bit depth, byte 25 the colour type
FRAME = 12  # bytes of a chunk round its content: length, type, checksum
GREY = 0


def read_png(file: str | Path, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Read a grey or palette PNG, or a colour one whose channels are equal.

    Args:
        file: A PNG file.
        shape: (H, W) that it must have; one of another size is not even decoded. None for any.

    Returns:
        (H, W) uint8 or uint16: the numbers in the file, 1 to 16 bits each.

    Raises:
        AyolomError: It cannot be read, is no PNG, of another size, damaged, cut short, or a colour picture.
    """
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise AyolomError(f"{file}: cannot be read ({error.strerror}); check the file's permissions") from None
    if len(data) < HEADER or data[:8] != SIGNATURE:
        what = "is not a PNG picture" if data else "is an empty file"
        raise AyolomError(f"{file}: {what}; a mask is a PNG whose pixels are class ids (other formats recolour)")
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if shape is not None and (height, width) != tuple(shape):
        raise AyolomError(
            f"{file}: the mask is {width}x{height} pixels (width x height) and its image {shape[1]}x{shape[0]}; "
            "export the mask at the size of the image"
        )
    plain = _decode_plain(data)
    return _decode_any(data, file) if plain is None else plain


def _decode_plain(data: bytes) -> np.ndarray | None:
    """Return the pixels of an undamaged 8-bit grey PNG, the usual mask; None for all others.

    OpenCV takes half of Pillow's time. It fills up what is damaged or cut short and says nothing, so the checksums of
    the file are compared first.
    """
    if data[24:26] != bytes((8, GREY)) or not _is_whole(data):
        return None
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return pixels if pixels is not None and pixels.ndim == 2 and pixels.dtype == np.uint8 else None


def _is_whole(data: bytes) -> bool:
    """Return whether all chunks of a PNG up to the last are there and have the checksums that they name."""
    start = len(SIGNATURE)
    while start + FRAME <= len(data):
        end = start + FRAME + int.from_bytes(data[start : start + 4], "big")
        if end > len(data) or zlib.crc32(data[start + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            return False
        if data[start + 4 : start + 8] == b"IEND":
            return True
        start = end
    return False


def _decode_any(data: bytes, file: str | Path) -> np.ndarray:
    """Return the numbers (H, W) uint8 or uint16 of any PNG that has one a pixel."""
    try:
        with PngImageFile(BytesIO(data)) as image:  # not Image.open, which tries every format there is
            mask = np.array(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise AyolomError(f"{file}: the picture is damaged or cut short ({error}); export it again") from None
    mask = _grey(mask, file) if mask.ndim == 3 else mask
    depth, colour = data[24], data[25]
    if colour == GREY and depth in (2, 4):  # the decoder spreads 2 and 4 bits over 0 .. 255
        mask = mask // np.uint8(255 // (2**depth - 1))
    return mask.astype(np.uint8) if mask.dtype == bool else mask


def _grey(mask: np.ndarray, file: str | Path) -> np.ndarray:
    """Return the value (H, W) that all colour channels of (H, W, 2 to 4) share; the last of 2 or 4 is opacity."""
    grey = np.ascontiguousarray(mask[..., 0])
    if mask.shape[2] > 2 and not (np.array_equal(grey, mask[..., 1]) and np.array_equal(grey, mask[..., 2])):
        raise AyolomError(f"{file}: is a colour picture; save class ids as a grey or palette PNG")
    return grey
