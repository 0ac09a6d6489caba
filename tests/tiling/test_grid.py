"""Where tiles lie, against numbers worked by hand, properties, and the geometry of sahi."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ayolom.tiling import Tile, tiles_of

SHAPES = np.random.default_rng(5).integers(1, 400, (40, 2)).tolist()


@pytest.mark.parametrize(
    ("shape", "overlap", "lefts", "tops"),
    [
        ((100, 100), 0.2, [0], [0]),
        ((60, 40), 0.2, [0], [0]),
        ((100, 101), 0.2, [0, 1], [0]),
        ((100, 180), 0.2, [0, 80], [0]),  # exactly two tiles that share 20 pixels
        ((100, 181), 0.2, [0, 40, 81], [0]),  # one pixel more takes a third; all three move together
        ((260, 100), 0.2, [0], [0, 80, 160]),
        ((200, 300), 0.0, [0, 100, 200], [0, 100]),
        ((100, 250), 0.5, [0, 50, 100, 150], [0]),
    ],
    ids=["one", "smaller than a tile", "a pixel wider", "two", "three", "upright", "no overlap", "half"],
)
def test_places_worked_by_hand(shape: tuple[int, int], overlap: float, lefts: list[int], tops: list[int]) -> None:
    height, width = min(shape[0], 100), min(shape[1], 100)
    expected = [Tile(left, top, left + width, top + height) for top in tops for left in lefts]
    assert tiles_of(shape, 100, overlap) == expected


@pytest.mark.parametrize("overlap", [0.0, 0.2, 0.55, 0.9])
def test_every_pixel_is_covered_and_no_tile_reaches_out(overlap: float) -> None:
    for shape in SHAPES:
        covered = np.zeros(shape, int)
        tiles = tiles_of(tuple(shape), 64, overlap)
        for tile in tiles:
            assert 0 <= tile.left < tile.right <= shape[1]
            assert 0 <= tile.top < tile.bottom <= shape[0]
            assert tile.shape == (min(64, shape[0]), min(64, shape[1]))
            covered[tile.top : tile.bottom, tile.left : tile.right] += 1
        assert covered.min() >= 1
        assert len(set(tiles)) == len(tiles)
        for row in (sorted({tile.left for tile in tiles}), sorted({tile.top for tile in tiles})):
            assert all(64 - (b - a) >= int(64 * overlap) - 1 for a, b in pairwise(row))


@pytest.mark.parametrize("overlap", [0.0, 0.2, 0.5])
def test_as_many_tiles_as_sahi_takes(overlap: float) -> None:
    slicing = pytest.importorskip("sahi.slicing", reason="sahi is not installed")
    for height, width in SHAPES:
        theirs = slicing.get_slice_bboxes(height, width, 64, 64, False, overlap, overlap)
        assert len(tiles_of((height, width), 64, overlap)) == len(theirs)
