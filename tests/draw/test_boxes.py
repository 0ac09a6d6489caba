from __future__ import annotations

import numpy as np
import pytest

from ayolom.draw import box_color, draw_boxes
from ayolom.draw._placement import place_labels

NAMES = {0: "dent", 1: "scratch", 2: "glass shatter"}


def changed(before: np.ndarray, after: np.ndarray) -> tuple[int, int, int, int]:
    """Return the bounds x1, y1, x2, y2 of the pixels that differ."""
    rows, columns = np.nonzero((before != after).any(2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def one(image: np.ndarray, box: tuple[float, ...], **options) -> np.ndarray:
    return draw_boxes(image.copy(), np.array([box]), np.array([0]), np.array([0.87]), NAMES, **options)


def white(image: np.ndarray) -> int:
    """Return how many pixels are nearly white: the ink of a label of class 0."""
    return int((image > 200).all(2).sum())


def test_a_box_is_drawn_on_its_border_in_the_colour_of_its_class(grey):
    drawn = one(grey, (100, 50, 300, 200), show_labels=False)
    for x, y in ((100, 120), (300, 120), (200, 50), (200, 200)):
        assert tuple(drawn[y, x]) == box_color(0)
    assert (drawn[60:190, 110:290] == 128).all()
    assert (drawn[210:] == 128).all()


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 40, 30),
        (610, 0, 640, 30),
        (0, 460, 20, 480),
        (620, 450, 640, 480),
        (-90, -90, 900, 900),
        (0, 0, 640, 480),
    ],
    ids=["top left", "top right", "bottom left", "bottom right", "larger than the image", "the whole image"],
)
def test_labels_are_complete_wherever_the_box_lies(grey, box):
    middle = one(grey, (300, 200, 400, 300))
    assert white(middle) > 30
    assert white(one(grey, box)) == white(middle)


def test_labels_stay_inside_the_image_and_apart():
    rng = np.random.default_rng(3)
    corners = rng.uniform(-50, 650, (12, 2))
    boxes = np.hstack((corners, corners + rng.uniform(5, 200, (12, 2))))
    sizes = np.column_stack((rng.integers(40, 120, 12), np.full(12, 18)))
    placed = place_labels(boxes, sizes, (480, 640))
    assert (placed[:, :2] >= 0).all()
    assert (placed[:, 2:] <= (640, 480)).all()
    assert np.array_equal(placed[:, 2:] - placed[:, :2], sizes)
    canvas = np.zeros((480, 640), int)
    for x1, y1, x2, y2 in placed:
        canvas[y1:y2, x1:x2] += 1
    assert canvas.max() == 1, "no pixel belongs to two labels"


def test_labels_of_equal_boxes_do_not_cover_one_another(grey):
    boxes = np.tile([[200.0, 200.0, 300.0, 260.0]], (3, 1))
    drawn = draw_boxes(grey.copy(), boxes, np.zeros(3), np.full(3, 0.87), NAMES)
    assert white(drawn) == 3 * white(one(grey, (200, 200, 300, 260)))


def test_the_confident_box_has_its_label_at_the_first_place(grey):
    boxes = np.tile([[200.0, 200.0, 300.0, 260.0]], (2, 1))
    drawn = draw_boxes(grey.copy(), boxes, np.array([0, 1]), np.array([0.2, 0.9]), NAMES)
    assert tuple(drawn[190, 202]) == box_color(1)


@pytest.mark.parametrize(
    ("options", "more"),
    [({"show_conf": False}, -1), ({"ids": np.array([12])}, 1)],
    ids=["without confidence", "with track"],
)
def test_labels_say_what_is_asked_for(grey, options, more):
    usual, other = (changed(grey, one(grey, (300, 200, 310, 210), **o)) for o in ({}, options))
    assert np.sign((other[2] - other[0]) - (usual[2] - usual[0])) == more


def test_without_labels_no_text(grey):
    assert white(one(grey, (300, 200, 400, 300), show_labels=False)) == 0


def test_scores_may_be_missing_and_unknown_classes_are_numbers(grey):
    box = np.array([[300, 200, 310, 210]])
    named = draw_boxes(grey.copy(), box, np.array([5]), None, {5: "5"})
    assert np.array_equal(draw_boxes(grey.copy(), box, np.array([5]), None, {}), named)


def test_text_and_lines_scale_with_the_image():
    heights, widths = [], []
    for height, width in ((480, 640), (3000, 4000)):
        image = np.full((height, width, 3), 128, np.uint8)
        box = (width * 0.5, height * 0.5, width * 0.6, height * 0.6)
        bare, full = one(image, box, show_labels=False), one(image, box)
        _, top, _, bottom = changed(bare, full)
        heights.append(bottom - top)
        column = bare[round(height * 0.55)]
        widths.append(int((column == box_color(0)).all(1).sum()) // 2)
    assert 10 <= heights[0] <= 24
    assert 5.5 < heights[1] / heights[0] < 7  # 3464 to 554 pixels, the roots of the areas, is 6.25
    assert 2 <= widths[0] <= 3, "OpenCV draws lines of even width one pixel wider"
    assert 10 <= widths[1] <= 11


def test_the_width_of_lines_can_be_given(grey):
    drawn = one(grey, (100, 50, 300, 200), line_width=9, show_labels=False)
    assert (drawn[120, 96:105] == box_color(0)).all()


@pytest.mark.parametrize("shape", [(16, 16), (5, 300), (1, 1), (480, 30)])
def test_tiny_images(shape):
    image = np.full((*shape, 3), 128, np.uint8)
    drawn = draw_boxes(image, np.array([[0, 0, 9, 9]]), np.array([2]), np.array([0.5]), NAMES)
    assert drawn.shape == (*shape, 3)


def test_a_very_long_name_is_cut_to_the_image(grey):
    drawn = draw_boxes(grey.copy(), np.array([[300, 200, 310, 210]]), np.array([0]), None, {0: "dent " * 200})
    x1, _, x2, _ = changed(grey, drawn)
    assert x2 - x1 > 500
    assert white(drawn) > 100


@pytest.mark.parametrize("boxes", [np.zeros((0, 4)), np.zeros(0), np.array([[np.nan, 0, 5, 5]])])
def test_nothing_to_draw(grey, boxes):
    classes = np.zeros(len(boxes), int)
    assert np.array_equal(draw_boxes(grey.copy(), boxes, classes, np.zeros(len(boxes)), NAMES), grey)
