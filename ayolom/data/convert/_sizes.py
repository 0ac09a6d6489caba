"""How large an image is, as its file or its annotation says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from pathlib import Path

UNKNOWN_SHAPE = (0, 0)  # of an image that cannot be read; the import says so
LARGEST_SIDE = 65535  # of a JPEG; sizes beyond it are mistakes or attacks


def decoded_shape(file: Path) -> tuple[int, int] | None:
    """Return (H, W) of an image as training sees it (turned upright), None when it is missing or cannot be used."""
    from ayolom.data.images import image_shape

    try:
        return image_shape(file)
    except AyolomError:
        return None


def header_shape(file: Path) -> tuple[int, int]:
    """Return (H, W) of an image as training sees it, by its header where that is enough; (0, 0) when unreadable.

    The import checks later that the file can be decoded.
    """
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile

    from ayolom.data.images import ORIENTATION, UPRIGHT

    # Not Image.open: where it cannot identify a file, the base's patch of it installs a plugin
    for reader in (JpegImageFile, PngImageFile):
        try:
            with reader(file) as image:
                if image.getexif().get(ORIENTATION, 1) in UPRIGHT:
                    return image.size[1], image.size[0]
                break
        except (OSError, SyntaxError, ValueError, TypeError, KeyError):
            continue
    return decoded_shape(file) or UNKNOWN_SHAPE


def usable_shape(height: object, width: object) -> tuple[int, int] | None:
    """Return (H, W) from two values of an annotation, None when they are no size of an image."""
    try:
        shape = (int(float(str(height))), int(float(str(width))))
    except (ValueError, OverflowError):
        return None
    return shape if min(shape) > 0 and max(shape) <= LARGEST_SIDE else None
