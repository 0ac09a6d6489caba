from __future__ import annotations

import numpy as np
import pytest

from ayolom.draw import _regions, draw_regions, region_color
from ayolom.errors import AyolomError

NAMES = {0: "background", 1: "hood", 2: "wheel"}


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)


@pytest.fixture
def classes() -> np.ndarray:
    classes = np.zeros((40, 60), np.uint8)
    classes[10:30, 10:40] = 1
    classes[12:28, 40:55] = 2
    classes[35:] = 255
    return classes


def test_pixels_outside_regions_stay_as_they_are(picture, classes):
    drawn = draw_regions(picture.copy(), classes, NAMES, skip={0, 255})
    outside = (classes == 0) | (classes == 255)
    assert np.array_equal(drawn[outside], picture[outside])
    assert (drawn[~outside] != picture[~outside]).any(1).mean() > 0.9


def test_blended_values_agree_with_the_formula():
    image = np.full((9, 9, 3), (100, 50, 200), np.uint8)
    drawn = draw_regions(image, np.full((9, 9), 1, np.uint8), NAMES, alpha=0.25)
    # region_color(1) is (104, 200, 240): 100 * 0.75 + 104 * 0.25 = 101, 50 * 0.75 + 200 * 0.25 = 87.5,
    # 200 * 0.75 + 240 * 0.25 = 210
    assert region_color(1) == (104, 200, 240)
    assert drawn[4, 4].tolist() in ([101, 87, 210], [101, 88, 210])


def test_borders_between_regions_have_the_full_colour_and_can_be_left_out(picture, classes):
    drawn = draw_regions(picture.copy(), classes, NAMES, skip={0, 255})
    plain = draw_regions(picture.copy(), classes, NAMES, skip={0, 255}, contours=False)
    assert tuple(drawn[20, 39]) == region_color(1)
    assert tuple(drawn[20, 40]) == region_color(2)
    assert tuple(plain[20, 39]) != region_color(1)
    assert np.array_equal(drawn[18:22, 20:30], plain[18:22, 20:30]), "the inside is the same"


def test_only_named_classes_are_drawn(picture):
    classes = np.full((40, 60), 7, np.uint8)
    assert np.array_equal(draw_regions(picture.copy(), classes, NAMES), picture)


def test_an_image_without_regions_is_returned_untouched(picture):
    drawn = draw_regions(picture.copy(), np.zeros((40, 60), np.uint8), NAMES, skip={0})
    assert np.array_equal(drawn, picture)
    assert draw_regions(np.zeros((0, 0, 3), np.uint8), np.zeros((0, 0), np.uint8), NAMES).shape == (0, 0, 3)


@pytest.mark.parametrize("kind", [bool, np.int32, np.int64])
def test_class_maps_of_other_types(picture, kind):
    classes = np.zeros((40, 60), np.uint8)
    classes[5:20, 5:20] = 1
    expected = draw_regions(picture.copy(), classes, NAMES, skip={0})
    assert np.array_equal(draw_regions(picture.copy(), classes.astype(kind), NAMES, skip={0}), expected)


def test_draws_in_place_where_memory_allows_else_on_a_copy(picture, classes):
    assert draw_regions(picture, classes, NAMES) is picture
    frozen = picture.copy()
    frozen.flags.writeable = False
    assert draw_regions(frozen, classes, NAMES) is not frozen
    mirrored = picture[:, ::-1]
    assert draw_regions(mirrored, classes, NAMES).shape == mirrored.shape


def test_other_shapes_are_refused(picture, classes):
    with pytest.raises(AyolomError, match=r"classes: the class map must have the image's size \(40, 60\)"):
        draw_regions(picture, classes[:-1], NAMES)
    with pytest.raises(AyolomError, match=r"image: drawings need uint8 BGR"):
        draw_regions(picture.astype(np.float32), classes, NAMES)
    with pytest.raises(AyolomError, match=r"image: drawings need uint8 BGR"):
        draw_regions(picture[..., 0], classes, NAMES)


def test_bands_of_rows_leave_no_trace(monkeypatch):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (700, 500, 3), np.uint8)
    classes = np.kron(rng.integers(0, 3, (70, 50)), np.ones((10, 10))).astype(np.uint8)
    drawn = [draw_regions(image.copy(), classes, NAMES, skip={0})]
    for band in (1, 10**9):
        monkeypatch.setattr(_regions, "_BAND", band)
        drawn.append(draw_regions(image.copy(), classes, NAMES, skip={0}))
    assert np.array_equal(drawn[0], drawn[1])
    assert np.array_equal(drawn[0], drawn[2])
