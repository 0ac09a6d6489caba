"""Damages joined to parts: hand-worked areas, masks against boxes, drawn vehicles."""

from __future__ import annotations

import numpy as np
import pytest

from ayolom.errors import AyolomError
from ayolom.inspect import Damages, PartMap, Picture, find_damages, inspect_pictures, load_rules


def only(found):
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("box", "state", "part", "shares"),
    [
        pytest.param((10, 10, 30, 30), "PAIRED", "hood", [1.0], id="inside-one"),
        pytest.param((40, 0, 60, 10), "PAIRED", "front_left_door", [0.5, 0.5], id="just-half-is-enough"),
        pytest.param((20, 0, 60, 10), "PAIRED", "hood", [0.75, 0.25], id="three-quarters"),
        pytest.param((10, 85, 30, 95), "UNPAIRED", None, [], id="beside-the-vehicle"),
        pytest.param((0, 79, 10, 100), "UNPAIRED", None, [1.0], id="hardly-on-it"),
        pytest.param((-50, -50, 20, 20), "PAIRED", "hood", [1.0], id="partly-outside"),
    ],
)
def test_states(make_picture, names, rules, box, state, part, shares) -> None:
    found = only(find_damages(make_picture([box]), names, rules))
    assert (found.state, found.part, [one.share for one in found.candidates]) == (state, part, shares)


def test_several_parts_without_a_half_are_ambiguous(make_picture, names, rules) -> None:
    class_map = np.zeros((100, 100), np.uint8)
    for i, rows in enumerate((slice(0, 40), slice(40, 70), slice(70, 100)), 1):
        class_map[rows] = i
    found = only(find_damages(make_picture([(0, 0, 100, 100)], class_map=class_map), names, rules))
    assert found.state == "AMBIGUOUS"
    assert found.part is None
    assert found.extent_share is None
    assert [(one.part, one.share) for one in found.candidates] == [
        ("hood", 0.4),
        ("front_left_door", 0.3),
        ("front_right_door", 0.3),
    ]
    assert found.severity == "severe"  # each candidate is wholly covered


def test_a_part_that_is_hardly_touched_is_listed_but_not_damaged(make_picture, names, rules) -> None:
    class_map = np.zeros((100, 100), np.uint8)
    for i, rows in enumerate((slice(0, 47), slice(47, 90), slice(90, 100)), 1):
        class_map[rows] = i
    picture = make_picture([(0, 0, 100, 100)], class_map=class_map)
    found = only(find_damages(picture, names, rules))
    assert [(one.share, one.is_possible) for one in found.candidates] == [(0.47, True), (0.43, True), (0.1, False)]
    damaged = {part.part: part.severity for part in inspect_pictures([picture], names).parts}
    assert damaged == {"hood": "severe", "front_left_door": "severe", "front_right_door": None}
    wide = load_rules({"pairing": {"possible_share": 0.05}})
    assert all(one.is_possible for one in only(find_damages(picture, names, wide)).candidates)


def test_extent_is_the_damaged_share_of_the_visible_part(make_picture, names, rules) -> None:
    found = only(find_damages(make_picture([(0, 0, 20, 20)]), names, rules))
    assert found.extent_share == pytest.approx(400 / 4000)
    assert (found.area_px, found.candidates[0].part_area_px, found.region) == (400, 4000, "box")
    assert found.spot_on_part == (0.2, 0.125)


def test_a_mask_takes_the_place_of_its_box(make_picture, names, rules) -> None:
    masks = np.zeros((1, 100, 100), bool)
    masks[0, 10:20, 52:62] = True  # on the door, while the box lies mostly on the hood
    found = only(find_damages(make_picture([(10, 10, 62, 20)], masks=masks), names, rules))
    assert (found.part, found.area_px, found.region) == ("front_left_door", 100, "mask")


def test_without_a_class_map_nothing_is_paired(make_picture, names, rules) -> None:
    found = only(find_damages(make_picture([(0, 0, 20, 20)], class_map=None), names, rules))
    assert (found.state, found.candidates, found.spot_on_part) == ("UNPAIRED", (), None)


def test_a_damage_outside_the_picture_is_left_out(make_picture, names, rules) -> None:
    found = find_damages(make_picture([(200, 200, 220, 220), (0, 0, 9, 9)]), names, rules)
    assert [one.id for one in found] == ["a.jpg#2"]


def test_of_doubles_the_surer_is_kept(make_picture, names, rules) -> None:
    boxes = [(10, 10, 30, 30), (11, 10, 31, 30), (11, 10, 31, 30)]
    picture = make_picture(boxes, ["dent", "dent", "crack"])
    picture.damages.confidences[:] = 0.5, 0.9, 0.3
    assert [one.id for one in find_damages(picture, names, rules)] == ["a.jpg#2", "a.jpg#3"]
    all_kept = load_rules({"pairing": {"duplicate_iou": 1}})
    assert len(find_damages(picture, names, all_kept)) == 3


def test_thresholds_come_from_the_rules(make_picture, names) -> None:
    strict = load_rules({"pairing": {"paired_share": 0.9}})
    assert only(find_damages(make_picture([(20, 0, 60, 10)]), names, strict)).state == "AMBIGUOUS"


def test_equal_input_gives_equal_output(make_picture, names, rules) -> None:
    picture = make_picture([(20, 0, 60, 10), (0, 0, 20, 20)])
    assert find_damages(picture, names, rules) == find_damages(picture, names, rules)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"kinds": ["dent"], "boxes": np.zeros((2, 4))}, r"1 kinds need boxes \(1, 4\)", id="count"),
        pytest.param({"kinds": ["dent"], "boxes": [[0, 0, np.nan, 1]]}, "finite", id="nan"),
        pytest.param(
            {"kinds": ["dent"], "boxes": [[0, 0, 1, 1]], "masks": np.zeros((2, 3, 3))}, r"\(1, H, W\)", id="mask"
        ),
    ],
)
def test_wrong_shapes_are_refused(given, message) -> None:
    with pytest.raises(AyolomError, match=message):
        Damages(**given)


def test_a_class_map_of_another_size_is_refused() -> None:
    with pytest.raises(AyolomError, match=r"a: class_map: must have the picture's size \(4, 4\)"):
        Picture("a", np.zeros((4, 4, 3), np.uint8), Damages(), np.zeros((5, 4), np.uint8))


def test_detections_of_supervision(make_picture, names, rules) -> None:
    sv = pytest.importorskip("supervision")
    boxes = np.array([[0.0, 0, 20, 20]])
    detections = sv.Detections(boxes, class_id=np.array([1]), confidence=np.array([0.75]))
    damages = Damages.from_supervision(detections, {1: "crack"})
    assert (damages.kinds, damages.confidences.tolist()) == (("crack",), [0.75])
    with pytest.raises(AyolomError, match="no class names"):
        Damages.from_supervision(detections)
    assert len(Damages.from_supervision(sv.Detections.empty(), {})) == 0


@pytest.mark.parametrize(
    ("neighbour", "place"),
    [pytest.param(2, "front left", id="beside-a-sided-part"), pytest.param(5, "back", id="side-not-known")],
)
def test_a_wheel_is_placed_by_the_parts_around_it(names, rules, neighbour, place) -> None:
    class_map = np.zeros((60, 60), np.uint8)
    class_map[10:40, 10:50] = neighbour
    class_map[30:50, 20:40] = 4
    wheel = next(piece for piece in PartMap(class_map, names, rules).pieces.values() if piece.part == "wheel")
    assert (wheel.place, wheel.area) == (place, 400)


def test_two_wheels_are_two_pieces(rules) -> None:
    names = {1: "left_fender", 2: "left_quarter_panel", 3: "wheel"}
    class_map = np.zeros((50, 100), np.uint8)
    class_map[10:30, :50], class_map[10:30, 50:] = 1, 2
    class_map[25:45, 10:30] = class_map[25:45, 70:90] = 3
    parts = PartMap(class_map, names, rules)
    wheels = sorted((piece.place, piece.area) for piece in parts.pieces.values() if piece.part == "wheel")
    assert wheels == [("back left", 400), ("front left", 400)]
    assert sum(piece.area for piece in parts.pieces.values()) == parts.area == np.count_nonzero(class_map)


@pytest.mark.slow
def test_true_boxes_and_parts_of_drawn_vehicles_are_joined_rightly(drawn, rules) -> None:
    from ayolom.data.synthetic import PART_NAMES

    right = total = 0
    for seed in range(40, 50):
        for azimuth in (20, 110, 200, 290):
            picture, scene = drawn(seed, azimuth)
            for seen, found in zip(scene.damages, find_damages(picture, PART_NAMES, rules), strict=True):
                total += 1
                right += found.state == "PAIRED" and found.part == PART_NAMES[seen.part]
    assert total > 80
    assert right / total >= 0.98
