"""Video files of drawn frames, encoded by OpenCV's JPEG library, which is several times as fast as FFmpeg's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
from ultralytics.utils import MACOS, WINDOWS

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

# Colour at half the width and the full height keeps thin coloured lines; with it this quality is above that of the
# base's files (by 0.2 to 1 dB) and the files are a sixth larger.
_JPEG = [
    cv2.IMWRITE_JPEG_QUALITY,
    82,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
]
_SINCE = (4, 13)  # the first OpenCV that lays encoded frames into a file without a warning for each


class JpegVideo:
    """A Motion JPEG file with as much of `cv2.VideoWriter` as the base asks for."""

    def __init__(self, writer: cv2.VideoWriter) -> None:
        """Take a writer of encoded frames."""
        self._writer = writer

    def write(self, image: np.ndarray) -> None:
        """Add a frame, (H, W, 3) uint8 BGR."""
        self._writer.write(cv2.imencode(".jpg", image, _JPEG)[1].reshape(1, -1))

    def release(self) -> None:
        """End the file."""
        self._writer.release()


def jpeg_video(file: Path, fps: float, shape: tuple[int, int]) -> JpegVideo | None:
    """Begin a Motion JPEG file, the format that the base writes on Linux.

    Args:
        file: Target, ends in .avi.
        fps: Frames a second.
        shape: (H, W) of all frames in pixels.

    Returns:
        The file; None where the base writes another format or OpenCV cannot do it, and the base's own is to be used.
    """
    version = tuple(int(number) for number in cv2.__version__.split(".")[:2])
    if MACOS or WINDOWS or version < _SINCE:
        return None
    writer = cv2.VideoWriter(
        str(file),
        cv2.CAP_FFMPEG,
        cv2.VideoWriter.fourcc(*"MJPG"),
        fps,
        shape[::-1],
        [cv2.VIDEOWRITER_PROP_RAW_VIDEO, 1],
    )
    return JpegVideo(writer) if writer.isOpened() else None
