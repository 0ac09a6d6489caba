"""Boxes of several tiles made one list, against hand-worked cases and what sahi makes of them."""

from __future__ import annotations

import pytest
import torch

from ayolom.tiling import Tile, cut_off, merge_boxes

SHAPE = (300, 400)


def merged(*rows: tuple[float, ...], **options: object) -> list[list[float]]:
    """Merge rows of x1, y1, x2, y2, confidence, class, and whether the box is cut."""
    table = torch.tensor(rows, dtype=torch.float32).view(-1, 7)
    found = merge_boxes(table[:, :6], table[:, 6].bool(), **options)
    return [[round(value, 3) for value in row] for row in found.tolist()]


@pytest.mark.parametrize(
    ("box", "cut"),
    [
        ((120, 120, 180, 180), False),
        ((100, 120, 180, 180), True),
        ((120, 100, 180, 180), True),
        ((120, 120, 200, 180), True),
        ((120, 120, 180, 200), True),
        ((100.9, 120, 180, 180), True),  # within a hundredth of the tile
        ((101.1, 120, 180, 180), False),
    ],
    ids=["inside", "left", "top", "right", "bottom", "nearly left", "not left"],
)
def test_boxes_at_the_edge_of_a_tile_are_cut(box: tuple[float, ...], cut: bool) -> None:
    assert cut_off(torch.tensor([box]), Tile(100, 100, 200, 200), SHAPE).tolist() == [cut]


@pytest.mark.parametrize(
    "tile", [Tile(0, 0, 400, 300), Tile(0, 0, 100, 100), Tile(300, 200, 400, 300)], ids=["whole", "first", "last"]
)
def test_the_edge_of_the_picture_cuts_nothing(tile: Tile) -> None:
    at_corner = {0: (0, 0, 50, 50), 300: (350, 250, 400, 300)}[tile.left]
    assert cut_off(torch.tensor([at_corner]).float(), tile, SHAPE).tolist() == [False]


def test_nothing_in_nothing_out() -> None:
    assert merge_boxes(torch.zeros(0, 6), torch.zeros(0, dtype=torch.bool)).shape == (0, 6)


@pytest.mark.parametrize("cut", [0, 1], ids=["whole", "cut"])
def test_one_box_stays_as_it_is(cut: int) -> None:
    assert merged((1, 2, 30, 40, 0.5, 3, cut)) == [[1, 2, 30, 40, 0.5, 3]]


def test_of_equal_whole_boxes_the_surer_stays() -> None:
    assert merged((0, 0, 10, 10, 0.6, 0, 0), (0, 0, 10, 11, 0.8, 0, 0)) == [[0, 0, 10, 11, 0.8, 0]]


def test_a_whole_box_inside_another_is_an_object_of_its_own() -> None:
    """Where sahi, comparing by the share of the smaller one, makes one of the two."""
    rows = (0, 0, 100, 100, 0.9, 0, 0), (20, 20, 40, 40, 0.8, 0, 0)
    assert merged(*rows) == [[0, 0, 100, 100, 0.9, 0], [20, 20, 40, 40, 0.8, 0]]


def test_a_piece_goes_into_its_whole_which_becomes_as_sure() -> None:
    assert merged((0, 0, 100, 20, 0.5, 0, 0), (60, 0, 100, 20, 0.8, 0, 1)) == [[0, 0, 100, 20, 0.8, 0]]


def test_a_piece_more_than_twice_as_sure_stays() -> None:
    rows = (60, 0, 100, 20, 0.8, 0, 1), (0, 0, 100, 20, 0.39, 0, 0)
    assert merged(*rows) == [[60, 0, 100, 20, 0.8, 0], [0, 0, 100, 20, 0.39, 0]]


def test_a_piece_that_reaches_out_of_a_whole_box_by_more_than_half_is_no_piece_of_it() -> None:
    rows = (60, 0, 100, 20, 0.8, 0, 1), (0, 0, 79, 20, 0.7, 0, 0)
    assert len(merged(*rows)) == 2
    assert len(merged(rows[0], (0, 0, 81, 20, 0.7, 0, 0))) == 1


def test_pieces_without_a_whole_are_joined() -> None:
    rows = (0, 0, 60, 20, 0.5, 1, 1), (25, 2, 90, 22, 0.7, 1, 1), (300, 0, 320, 20, 0.6, 1, 1)
    assert merged(*rows) == [[0, 0, 90, 22, 0.7, 1], [300, 0, 320, 20, 0.6, 1]]


def test_classes_are_kept_apart_unless_told_otherwise() -> None:
    rows = (0, 0, 10, 10, 0.9, 0, 0), (0, 0, 10, 10, 0.8, 1, 0), (0, 0, 8, 10, 0.7, 2, 1)
    assert [row[5] for row in merged(*rows)] == [0, 1, 2]
    assert merged(*rows, agnostic=True) == [[0, 0, 10, 10, 0.9, 0]]


def test_the_surest_are_kept() -> None:
    rows = [(20 * i, 0, 20 * i + 10, 10, 0.1 + 0.05 * i, 0, i % 2) for i in range(12)]
    assert merged(*rows, limit=3) == merged(*rows)[:3]
    assert [row[4] for row in merged(*rows, limit=3)] == [0.65, 0.6, 0.55]


def random_boxes(seed: int, count: int = 120) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    corner, size = torch.rand(count, 2, generator=generator) * 300, 10 + torch.rand(count, 2, generator=generator) * 90
    sure, classes = torch.rand(count, 1, generator=generator), torch.randint(0, 3, (count, 1), generator=generator)
    return torch.cat((corner, corner + size, sure, classes), 1)


@pytest.mark.parametrize("seed", range(5))
def test_order_does_not_matter_and_nothing_is_invented(seed: int) -> None:
    boxes, cut = random_boxes(seed), torch.arange(120) % 3 == 0
    found = merge_boxes(boxes, cut)
    turned = torch.randperm(120, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(merge_boxes(boxes[turned], cut[turned]), found)
    assert (found[:-1, 4] >= found[1:, 4]).all()
    for kind in range(3):
        own, there = found[found[:, 5] == kind], boxes[boxes[:, 5] == kind]
        assert own[:, :2].min() >= there[:, :2].min()
        assert own[:, 2:4].max() <= there[:, 2:4].max()
        assert own[:, 4].max() == there[:, 4].max()
        assert 0 < len(own) <= len(there)


@pytest.mark.parametrize("seed", range(3))
def test_whole_boxes_as_sahi_suppresses_them(seed: int) -> None:
    combine = pytest.importorskip("sahi.postprocess.combine", reason="sahi is not installed")
    boxes = random_boxes(seed)
    kept = combine.batched_nms(boxes.numpy(), "IOU", 0.5)
    torch.testing.assert_close(merge_boxes(boxes, torch.zeros(120, dtype=torch.bool)), boxes[kept])


@pytest.mark.parametrize("seed", range(3))
def test_pieces_as_sahi_groups_them(seed: int) -> None:
    combine = pytest.importorskip("sahi.postprocess.combine", reason="sahi is not installed")
    boxes = random_boxes(seed)
    groups = combine.batched_greedy_nmm(boxes.numpy(), "IOS", 0.5)
    expected = []
    for first, others in groups.items():
        group = boxes[[first, *others]]
        expected.append(torch.cat((group[:, :2].amin(0), group[:, 2:4].amax(0), boxes[first, 4:])))
    expected.sort(key=lambda row: -float(row[4]))
    torch.testing.assert_close(merge_boxes(boxes, torch.ones(120, dtype=torch.bool)), torch.stack(expected))
