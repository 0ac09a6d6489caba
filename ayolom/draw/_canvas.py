"""What all drawings share: the check of the image, sizes that follow it, plates and text that end at its borders."""

from __future__ import annotations

import cv2
import numpy as np

from ayolom.errors import AyolomError

Ink = tuple[int, ...]  # a value for each channel


def canvas(image: np.ndarray) -> np.ndarray:
    """Return the image itself, or a copy where OpenCV cannot draw on its memory (read-only, mirrored, cut).

    Args:
        image: (H, W, 3) uint8 BGR.

    Raises:
        AyolomError: The image has another shape or type.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise AyolomError(
            f"image: drawings need uint8 BGR of shape (H, W, 3) (got {image.dtype} {image.shape}); convert it first"
        )
    return image if image.flags.c_contiguous and image.flags.writeable else image.copy()


def text_size(image: np.ndarray) -> int:
    """Return the size of letters in pixels: 12 for 640x480, 20 for 1280x720, 73 for 4000x3000."""
    return max(10, round(0.021 * _side(image)))


def stroke(image: np.ndarray) -> int:
    """Return the width of box lines in pixels: 2 for 640x480, 3 for 1280x720, 10 for 4000x3000."""
    return max(2, round(0.003 * _side(image)))


def fill(
    image: np.ndarray, corners: tuple[int, int, int, int], color: Ink, alpha: float = 1.0, radius: int = 0
) -> None:
    """Lay a plate on the image, in place.

    Args:
        image: (H, W, C) uint8.
        corners: x1, y1, x2, y2 in pixels, the last column and row not included; may reach beyond the image.
        color: A value for each channel.
        alpha: Opacity in [0, 1].
        radius: Radius of the corners in pixels.
    """
    x1, y1, x2, y2 = corners
    if alpha == 1 and not radius:
        image[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)] = color
        return
    blend(image, rounded((max(0, y2 - y1), max(0, x2 - x1)), radius), (x1, y1), color, alpha)


def blend(image: np.ndarray, mask: np.ndarray, origin: tuple[int, int], color: Ink, alpha: float = 1.0) -> None:
    """Lay a colour on the image where a mask says, in place; what lies beyond the image is left out.

    Args:
        image: (H, W, C) uint8.
        mask: (h, w) uint8 coverage, 255 is full.
        origin: x, y of the mask's first pixel in the image.
        color: A value for each channel.
        alpha: Opacity in [0, 1] of full coverage.
    """
    (height, width), (x, y) = image.shape[:2], origin
    left, top = max(0, -x), max(0, -y)
    mask = mask[top : max(top, height - y), left : max(left, width - x)]
    if not mask.size:
        return
    part = image[y + top : y + top + mask.shape[0], x + left : x + left + mask.shape[1]]
    share = mask * np.float32(alpha / 255)
    part[:] = cv2.blendLinear(part, np.full_like(part, color), 1 - share, share)


def rounded(shape: tuple[int, int], radius: int) -> np.ndarray:
    """Return (h, w) uint8, 255 but for the four corners, which are taken off smoothly."""
    mask = np.full(shape, 255, np.uint8)
    radius = min(radius, shape[0] // 2, shape[1] // 2)
    if radius < 1:
        return mask
    disk = np.zeros((2 * radius, 2 * radius), np.uint8)
    cv2.circle(disk, (2 * radius * 8 - 8, 2 * radius * 8 - 8), radius * 16, 255, -1, cv2.LINE_AA, 4)
    mask[:radius, :radius] = disk[:radius, :radius]
    mask[:radius, -radius:] = disk[:radius, radius:]
    mask[-radius:, :radius] = disk[radius:, :radius]
    mask[-radius:, -radius:] = disk[radius:, radius:]
    return mask


def _side(image: np.ndarray) -> float:
    """Return the side of a square with the area of the image, in pixels."""
    return float(np.sqrt(image.shape[0] * image.shape[1]))
