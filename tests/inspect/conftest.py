"""A small vocabulary of parts, rules, and drawn views of one vehicle."""

from __future__ import annotations

import numpy as np
import pytest

from ayolom.inspect import Damages, Picture, load_rules

NAMES = {0: "background", 1: "hood", 2: "front_left_door", 3: "front_right_door", 4: "wheel", 5: "back_bumper"}


@pytest.fixture(scope="session")
def rules():
    return load_rules()


@pytest.fixture
def names() -> dict[int, str]:
    return dict(NAMES)


@pytest.fixture
def halves() -> np.ndarray:
    """Hood left of column 50, left door right of it, background below row 80."""
    class_map = np.zeros((100, 100), np.uint8)
    class_map[:80, :50], class_map[:80, 50:] = 1, 2
    return class_map


@pytest.fixture
def make_picture(halves):
    """A picture of the halves with some boxes."""

    def make(boxes, kinds=None, *, name="a.jpg", image=None, class_map=halves, masks=None, frame=None, rate=None):
        kinds = ["dent"] * len(boxes) if kinds is None else kinds
        image = np.full((100, 100, 3), 120, np.uint8) if image is None else image
        return Picture(name, image, Damages(kinds, boxes, None, masks), class_map, frame, rate)

    return make


@pytest.fixture(scope="session")
def drawn():
    """Return a function that draws a view of a vehicle with its true damages and parts."""
    from ayolom.data.synthetic import DAMAGE_NAMES, render_scene

    def draw(seed: int, azimuth: float, **given):
        scene = render_scene(seed, azimuth, **given)
        boxes = np.array([seen.xyxy for seen in scene.damages]).reshape(-1, 4)
        damages = Damages([DAMAGE_NAMES[seen.kind] for seen in scene.damages], boxes)
        return Picture(f"{seed}-{azimuth:03.0f}.jpg", scene.image, damages, scene.parts), scene

    return draw
