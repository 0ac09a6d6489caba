"""A short walk round one vehicle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.data.synthetic.scene import aim, draw, make_place, make_vehicle
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from pathlib import Path

FRAMES, RATE = 72, 12  # one turn, frames a second
MIN_KINDS = 4


def write_video(file: Path, *, seed: int, size: tuple[int, int], frames: int = FRAMES) -> None:
    """Write one turn round a damaged vehicle as an MP4 at `RATE` frames a second; size is (H, W).

    Raises:
        AyolomError: The video cannot be written.
    """
    number = 2 * (100_000 * seed + 50_000)
    vehicle = make_vehicle(number)
    while len({damage.kind for damage in vehicle.damages}) < MIN_KINDS:
        number += 2
        vehicle = make_vehicle(number)
    place = make_place(number, vehicle.body, backdrop="asphalt", light="day")
    rng = np.random.default_rng([seed, 7])
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), RATE, (size[1], size[0]))
    try:
        if not writer.isOpened():
            raise AyolomError(f"{file}: OpenCV cannot write MP4 videos here; leave the video out")
        for frame in range(frames):
            turn = frame / frames
            sway = 2 * np.sin(6 * np.pi * turn)
            camera = aim(vehicle.body, 360 * turn + 30, 11 + sway, 7.0, 0.86, size, steady=True)
            picture = draw(vehicle, place, camera).image
            grain = rng.integers(-3, 4, picture.shape, dtype=np.int16)
            writer.write(np.clip(picture + grain, 0, 255).astype(np.uint8))
    finally:
        writer.release()
