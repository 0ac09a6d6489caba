"""Which images of a data set are dark or blurred, by the limits of the inspection's photo check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ayolom.config import cfg_dir
from ayolom.data.images import read_image
from ayolom.data.photo import brightness, sharpness, small_grey
from ayolom.yaml_io import load_yaml

if TYPE_CHECKING:
    from pathlib import Path


class Conditions:
    """Measures whole images as `yolo inspect` does where it knows no parts.

    Attributes:
        limits: Block `photos` of the shipped `inspection.yaml`.
    """

    def __init__(self) -> None:
        """Read the limits."""
        self.limits = load_yaml(cfg_dir() / "inspection.yaml")["photos"]

    def of(self, file: str | Path) -> frozenset[str]:
        """Return which of "dark" and "blurred" an image is.

        Args:
            file: The image, which is read at its full size: at the network's it would be less sharp.

        Raises:
            AyolomError: It cannot be read any more.
        """
        grey = small_grey(read_image(file), int(self.limits["long_side_px"]))
        tests = (
            ("dark", brightness(grey) < self.limits["least_brightness"]),
            ("blurred", sharpness(grey) < self.limits["least_sharpness"]),
        )
        return frozenset(name for name, holds in tests if holds)
