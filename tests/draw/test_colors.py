from __future__ import annotations

import cv2
import numpy as np
import pytest

from ayolom.draw import box_color, palette, region_color
from ayolom.draw._colors import text_color


def lab(colors: list[tuple[int, int, int]]) -> np.ndarray:
    """CIE Lab by OpenCV, an independent measure: the colours were chosen in OKLab."""
    return cv2.cvtColor(np.array([colors], np.float32) / 255, cv2.COLOR_BGR2Lab)[0]


@pytest.mark.parametrize("muted", [False, True], ids=["boxes", "regions"])
def test_colours_do_not_depend_on_how_many_are_asked_for(muted):
    assert palette(60, muted=muted)[:7] == palette(7, muted=muted)
    assert palette(0, muted=muted) == []


@pytest.mark.parametrize("muted", [False, True], ids=["boxes", "regions"])
def test_all_256_colours_are_valid_and_differ(muted):
    colors = palette(256, muted=muted)
    assert len(set(colors)) == 256
    assert all(0 <= value <= 255 and isinstance(value, int) for color in colors for value in color)


@pytest.mark.parametrize("muted", [False, True], ids=["boxes", "regions"])
def test_the_first_24_are_told_apart_and_neighbours_most_of_all(muted):
    values = lab(palette(24, muted=muted))
    distance = np.linalg.norm(values[:, None] - values[None], axis=2)
    steps = np.abs(np.subtract.outer(range(24), range(24)))
    assert distance[steps > 0].min() > 15  # 2.3 is just noticeable
    assert distance[(steps > 0) & (steps <= 4)].min() > 25, "left and right twins stand at most four ids apart"


def test_regions_are_muted_and_boxes_strong():
    chroma = [np.hypot(*lab(palette(24, muted=muted))[:, 1:].T) for muted in (False, True)]
    assert np.median(chroma[0]) > 1.6 * np.median(chroma[1])
    assert not {box_color(i) for i in range(24)} & {region_color(i) for i in range(24)}


@pytest.mark.parametrize(
    ("background", "expected"),
    [((0, 0, 0), (255, 255, 255)), ((255, 255, 255), (0, 0, 0)), ((0, 215, 240), (0, 0, 0))],
    ids=["black", "white", "yellow"],
)
def test_text_contrasts_with_its_plate(background, expected):
    assert text_color(background) == expected
