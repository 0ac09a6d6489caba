"""Outlines: filling them gives the pixels back, with both filling rules."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from ayolom.data.convert._geometry import fill_polygon, polygon_area
from ayolom.data.export import region_objects, region_polygon
from ayolom.data.export._outline import rings, signed_area


def drawn(*rows: str) -> np.ndarray:
    return np.array([[cell == "#" for cell in row] for row in rows])


SHAPES = {
    "one pixel": drawn("#"),
    "rectangle": drawn("###", "###"),
    "hole": drawn("####", "#..#", "####"),
    "two holes side by side": drawn("#####", "#.#.#", "#####"),
    "hole at the left of another, one row lower": drawn("######", "###..#", "#.####", "######"),
    "corners that touch inside": drawn("###.", "#.##", "####"),
    "hole that touches the outside by a corner": drawn("###", "#.#", "##."),
    "ring whose ends touch by a corner": drawn("####", "#..#", "#.#.", "###."),
    "comb": drawn("#.#.#", "#.#.#", "#####"),
}


@pytest.mark.parametrize("region", SHAPES.values(), ids=SHAPES)
def test_an_outline_encloses_the_pixels_exactly(region):
    polygon = region_polygon(region)
    assert polygon_area(polygon) == region.sum()
    np.testing.assert_array_equal(fill_polygon(polygon, region.shape), region)
    witness = coco_mask.decode(coco_mask.frPyObjects([polygon.ravel().tolist()], *region.shape))[..., 0]
    np.testing.assert_array_equal(witness, region)


@pytest.mark.parametrize("seed", range(8))
def test_random_regions_come_back(seed):
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random((60, 80)), (0, 0), 1 + seed / 3)
    plane = (noise > 0.5).astype(np.uint8)
    back, area = np.zeros_like(plane), 0.0
    for item in region_objects(plane, {1: "blob"}):
        filled = fill_polygon(item.polygons[0], plane.shape)
        assert not back[filled].any()
        back[filled], area = 1, area + polygon_area(item.polygons[0])
    np.testing.assert_array_equal(back, plane)
    assert area == pytest.approx(plane.sum())


def test_rings_are_the_outline_and_the_holes():
    outer, hole = rings(SHAPES["hole"])
    assert signed_area(outer) == 12
    assert signed_area(hole) == -2
    assert len(outer) == len(hole) == 4


def test_a_simplified_outline_is_shorter_and_keeps_its_area():
    plane = np.zeros((200, 300), np.uint8)
    cv2.ellipse(plane, (150, 100), (120, 70), 20, 0, 360, 1, -1)
    cv2.circle(plane, (150, 100), 30, 0, -1)
    exact, simple = (region_objects(plane, {1: "wheel"}, simplify)[0].polygons[0] for simplify in (0, 1))
    assert len(simple) < len(exact) / 3
    assert polygon_area(simple) == pytest.approx(plane.sum(), rel=0.01)
    assert (fill_polygon(simple, plane.shape) != plane.astype(bool)).sum() < 0.02 * plane.sum()


def test_thin_walls_are_kept_where_simplifying_would_break_them():
    plane = np.zeros((40, 40), np.uint8)
    cv2.circle(plane, (20, 20), 15, 1, 1)
    for item in region_objects(plane, {1: "ring"}, 8):
        assert polygon_area(item.polygons[0]) == pytest.approx(
            fill_polygon(item.polygons[0], plane.shape).sum(), rel=0.3
        )
    assert sum(polygon_area(item.polygons[0]) for item in region_objects(plane, {1: "ring"}, 8)) == pytest.approx(
        plane.sum(), rel=0.01
    )


def test_only_named_values_become_objects():
    plane = np.array([[0, 1, 1, 255], [0, 2, 0, 1]], np.uint8)
    items = region_objects(plane, {1: "door", 2: "hood"})
    assert [(item.label, item.box) for item in items] == [
        ("door", (1.0, 0.0, 3.0, 1.0)),
        ("door", (3.0, 1.0, 4.0, 2.0)),
        ("hood", (1.0, 1.0, 2.0, 2.0)),
    ]
