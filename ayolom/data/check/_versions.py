"""Roboflow's names of augmented copies: `{stem}_{ext}.rf.{hash}`, the same stem for every version of one picture."""

from __future__ import annotations

import os
import re

NAME = re.compile(r"^(?P<picture>.+_(?:jpe?g|png|bmp|webp|tiff?|gif|heic|avif))\.rf\.[0-9A-Za-z_-]{8,}$", re.IGNORECASE)


def picture_of(file: str) -> str | None:
    """Return the name of the picture that a Roboflow export made a file of, None for other names.

    >>> picture_of("train/images/car_1_jpg.rf.0123456789abcdef0123456789abcdef.jpg")
    'car_1_jpg'
    >>> picture_of("train/images/car_1.jpg") is None
    True
    """
    match = NAME.match(os.path.splitext(os.path.basename(file))[0])
    return match["picture"] if match else None
