from __future__ import annotations

import numpy as np
import pytest

from ayolom.draw import _legend, draw_caption, draw_legend, palette

COLORS = palette(24, muted=True)
ENTRIES = [(f"front_right_part {number}", COLORS[number]) for number in range(22)]


@pytest.fixture
def written(monkeypatch) -> list[str]:
    """The lines of text that are written."""
    lines, write = [], _legend._write
    monkeypatch.setattr(_legend, "_write", lambda *a: (lines.append(a[2]), write(*a))[1])
    return lines


def shown(image: np.ndarray) -> list[int]:
    """Return which colours of the palette occur in at least nine pixels."""
    return [number for number, color in enumerate(COLORS) if (image == color).all(2).sum() >= 9]


def bounds(before: np.ndarray, after: np.ndarray) -> tuple[int, int, int, int]:
    """Return x1, y1, x2, y2 of the pixels that differ."""
    rows, columns = np.nonzero((before != after).any(2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_a_legend_lists_exactly_its_entries(grey, written):
    entries = [("hood", COLORS[3]), ("wheel", COLORS[11]), ("door", COLORS[20])]
    drawn = draw_legend(grey.copy(), entries)
    assert shown(drawn) == [3, 11, 20]
    assert written == ["hood", "wheel", "door"]


def test_22_entries_fit_at_640_pixels(grey, written):
    drawn = draw_legend(grey.copy(), ENTRIES)
    assert shown(drawn) == list(range(22))
    assert written == [name for name, _ in ENTRIES]


@pytest.mark.parametrize("shape", [(120, 160), (100, 400), (240, 90)])
def test_what_does_not_fit_is_counted(shape, written):
    drawn = draw_legend(np.full((*shape, 3), 128, np.uint8), ENTRIES)
    kept = len(shown(drawn))
    assert 0 < kept < 22
    assert shown(drawn) == list(range(kept)), "the first entries are kept"
    assert written[-1] == f"+{22 - kept} more"


@pytest.mark.parametrize("shape", [(120, 160), (240, 320), (480, 640), (2000, 1000), (3000, 4000)])
@pytest.mark.parametrize("count", [1, 7, 22])
def test_a_legend_hides_at_most_a_third(shape, count):
    image = np.full((*shape, 3), 128, np.uint8)
    drawn = draw_legend(image.copy(), ENTRIES[:count])
    x1, y1, x2, y2 = bounds(image, drawn)
    assert (x2 - x1) * (y2 - y1) <= shape[0] * shape[1] / 3


def test_a_legend_scales_with_the_image():
    heights = []
    for shape in ((480, 640), (3000, 4000)):
        image = np.full((*shape, 3), 128, np.uint8)
        _, top, _, bottom = bounds(image, draw_legend(image.copy(), ENTRIES[:3]))
        heights.append(bottom - top)
    assert 5.5 < heights[1] / heights[0] < 7


@pytest.mark.parametrize(
    ("corner", "rows", "columns"),
    [
        ("top left", slice(0, 240), slice(0, 320)),
        ("top right", slice(0, 240), slice(320, 640)),
        ("bottom left", slice(240, 480), slice(0, 320)),
        ("bottom right", slice(240, 480), slice(320, 640)),
    ],
)
def test_the_corner_is_the_given_one_or_the_emptiest(corner, rows, columns):
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    image[rows, columns] = 90
    named = draw_legend(image.copy(), ENTRIES[:4], corner=corner)
    assert np.array_equal(draw_legend(image.copy(), ENTRIES[:4]), named)
    outside = np.ones((480, 640), bool)
    outside[rows, columns] = False
    assert np.array_equal(named[outside], image[outside])


def test_on_a_plain_image_bottom_left_unless_something_lies_there(grey):
    assert np.array_equal(
        draw_legend(grey.copy(), ENTRIES[:4]), draw_legend(grey.copy(), ENTRIES[:4], corner="bottom left")
    )
    moved = draw_legend(grey.copy(), ENTRIES[:4], avoid=np.array([[0, 300, 200, 480]]))
    assert np.array_equal(moved[300:, :200], grey[300:, :200])


@pytest.mark.parametrize("shape", [(480, 640), (8, 8), (1, 1), (0, 0)])
def test_nothing_to_explain_or_no_room(shape):
    image = np.full((*shape, 3), 128, np.uint8)
    assert np.array_equal(draw_legend(image.copy(), []), image)
    assert draw_legend(image.copy(), ENTRIES).shape == image.shape
    assert np.array_equal(draw_caption(image.copy(), []), image)
    assert draw_caption(image.copy(), ["12 ms"]).shape == image.shape


def test_a_legend_is_laid_out_once_and_stays_the_same(grey, written):
    first = draw_legend(grey.copy(), ENTRIES[:5], corner="top left")
    assert np.array_equal(draw_legend(grey.copy(), ENTRIES[:5], corner="top left"), first)
    assert len(written) == 5
    x1, y1, x2, y2 = bounds(grey, first)
    elsewhere = draw_legend(grey.copy(), ENTRIES[:5], corner="bottom right")
    x3, y3, x4, y4 = bounds(grey, elsewhere)
    assert np.array_equal(elsewhere[y3:y4, x3:x4], first[y1:y2, x1:x2])
    assert len(written) == 5
    draw_legend(grey.copy(), ENTRIES[3:6])
    assert len(written) == 6, "lines are kept as well"
    draw_legend(np.zeros((960, 1280, 3), np.uint8), ENTRIES[:5])
    assert len(written) == 6 + 5


def test_what_lies_under_a_legend_shines_through():
    bright, dark = (draw_legend(np.full((480, 640, 3), value, np.uint8), ENTRIES[:5]) for value in (255, 0))
    x1, y1, x2, y2 = bounds(np.full_like(dark, 0), dark)
    between = bright[y1:y2, x1:x2].astype(int) - dark[y1:y2, x1:x2]
    assert between.max() == 255, "the corners are round"
    assert between.min() == 0, "letters and colours are opaque"
    assert 70 <= np.median(between) <= 73, "the plate covers 0.72 of 255"


def test_a_caption_stands_in_the_top_left_corner(grey, written):
    drawn = draw_caption(grey.copy(), ["12.5 ms/frame", "80 frames"])
    x1, y1, x2, y2 = bounds(grey, drawn)
    assert (x1, y1) == (0, 0)
    assert x2 < 200
    assert y2 < 60
    assert written == ["12.5 ms/frame", "80 frames"]


def test_a_caption_is_cut_to_the_image(written):
    draw_caption(np.full((60, 100, 3), 128, np.uint8), ["a line that is far too long", *"bcdefghij"])
    assert written[0].endswith("...")
    assert len(written) < 6
