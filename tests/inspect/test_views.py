"""Several views of one vehicle: merging, videos, comparison, the check of photos."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ayolom.inspect import Gatherer, Options, check_photo, compare, describe, inspect_pictures, load_rules
from ayolom.inspect.appearance import distance
from ayolom.inspect.merging import Sighting, merge, same_place
from ayolom.inspect.parts import PartMap

needs_lap = pytest.mark.skipif("not __import__('importlib').util.find_spec('lap')", reason="lap is not installed")


def gathered(pictures, names, rules):
    gatherer = Gatherer(names, rules)
    for picture in pictures:
        gatherer.add(picture)
    return gatherer.result()[0]


def test_the_same_damage_in_two_photos_is_one(make_picture, names, rules) -> None:
    damages = gathered([make_picture([(10, 10, 30, 30)], name=name) for name in ("a", "b")], names, rules)
    assert [(one.id, one.part, len(one.evidence)) for one in damages] == [("D1", "hood", 2)]


@pytest.mark.parametrize(
    ("boxes", "kinds"),
    [
        pytest.param(((10, 10, 30, 30), (60, 10, 80, 30)), ("dent", "dent"), id="other-part"),
        pytest.param(((10, 10, 30, 30), (10, 10, 30, 30)), ("dent", "crack"), id="other-kind"),
        pytest.param(((10, 85, 30, 95), (10, 85, 30, 95)), ("dent", "dent"), id="no-part"),
    ],
)
def test_what_cannot_be_one_stays_two(make_picture, names, rules, boxes, kinds) -> None:
    pictures = [
        make_picture([box], [kind], name=kind + str(i)) for i, (box, kind) in enumerate(zip(boxes, kinds, strict=True))
    ]
    assert len(gathered(pictures, names, rules)) == 2


def test_two_alike_damages_of_one_photo_stay_two_and_find_their_own_again(make_picture, names, rules) -> None:
    boxes = [(2, 5, 12, 15), (30, 60, 40, 70)]
    pictures = [make_picture(boxes, name="a"), make_picture([boxes[1], boxes[0]], name="b")]
    damages = gathered(pictures, names, rules)
    assert len(damages) == 2
    for damage in damages:
        one, other = damage.evidence
        assert one.box_xyxy_px == other.box_xyxy_px


def test_alike_damages_far_apart_on_a_part_are_two(make_picture, names) -> None:
    near = load_rules({"merging": {"spot_weight": 1.0, "most_distance": 0.3}})
    pictures = [make_picture([box], name=name) for name, box in (("a", (2, 5, 12, 15)), ("b", (30, 60, 40, 70)))]
    assert len(gathered(pictures, names, near)) == 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("front left", "front left", True, id="equal"),
        pytest.param("left", "back left", True, id="less-is-known"),
        pytest.param(None, "back", True, id="nothing-is-known"),
        pytest.param("front left", "front right", False, id="left-and-right"),
        pytest.param("front left", "back left", False, id="front-and-back"),
    ],
)
def test_places(one, other, same) -> None:
    assert same_place(one, other) is same
    assert same_place(other, one) is same


def test_left_and_right_wheels_are_told_apart(rules) -> None:
    names = {1: "left_fender", 2: "right_fender", 3: "wheel"}
    batches = []
    for fender in (1, 2):
        from ayolom.inspect import Damages, Picture, find_damages

        class_map = np.zeros((100, 100), np.uint8)
        class_map[20:60], class_map[50:80, 30:60] = fender, 3
        picture = Picture(
            str(fender), np.zeros((100, 100, 3), np.uint8), Damages(["flat"], [[30, 50, 60, 80]]), class_map
        )
        batches.append([Sighting.of_photo(one) for one in find_damages(picture, names, rules)])
    assert len(merge(batches, rules.merging)) == 2


def test_distances_of_appearances() -> None:
    red, blue = np.zeros((2, 40, 40, 3), np.uint8)
    red[..., 2] = blue[..., 0] = 200
    one, other = describe(red, (5, 5, 30, 30)), describe(blue, (5, 5, 30, 30))
    assert sum(one) == pytest.approx(1, abs=1e-3)
    assert distance(one, one) == pytest.approx(0, abs=0.02)
    assert 0.5 < distance(one, other) <= 1
    assert distance(one, ()) == 0.5


@needs_lap
def test_a_damage_is_followed_through_a_video(make_picture, names, rules) -> None:
    frames = []
    for i in range(12):
        size = 10 + (i if i < 6 else 12 - i)  # largest in frame 6
        image = np.random.default_rng(0).integers(0, 255, (100, 100, 3), np.uint8)
        frames.append(
            make_picture([(5 + i, 10, 5 + i + size, 10 + size)], frame=i, rate=4.0, name="v.mp4", image=image)
        )
    (damage,) = gathered(frames, names, rules)
    assert (damage.part, damage.frames_count, damage.first_s, damage.last_s) == ("hood", 12, 0.0, 2.75)
    assert damage.best == "v.mp4@6#1"


@needs_lap
def test_the_best_frame_of_a_damage_is_one_that_says_its_part(make_picture, names, rules, halves) -> None:
    frames = []
    for i in range(12):
        wrong = i == 6  # the largest and surest view, but its parts are mistaken
        plane = np.where(halves == 1, 2, halves) if wrong else halves
        side = 24 if wrong else 18 if i == 4 else 16
        box = (20 - side // 2, 40 - side // 2, 20 + side // 2, 40 + side // 2)
        frames.append(make_picture([box], frame=i, rate=4.0, name="v.mp4", class_map=plane))
    (damage,) = gathered(frames, names, rules)
    assert (damage.part, damage.best) == ("hood", "v.mp4@4#1")
    assert damage.extent_share == pytest.approx(18 * 18 / (80 * 50), abs=1e-4)


@needs_lap
def test_a_damage_that_comes_back_is_counted_once(make_picture, names, rules) -> None:
    shown = [*range(10), *range(60, 70)]
    frames = [
        make_picture([(10, 10, 30, 30)] if i in shown else [], frame=i, rate=10.0, name="v.mp4") for i in range(70)
    ]
    (damage,) = gathered(frames, names, rules)
    assert (damage.frames_count, damage.first_s, damage.last_s) == (19, 0.0, 6.9)  # the tracker confirms a return


@needs_lap
def test_unsure_damages_are_followed_as_well(make_picture, names, rules) -> None:
    frames = []
    for i in range(6):
        picture = make_picture([(10, 10, 30, 30)], frame=i, rate=10.0, name="v.mp4")
        picture.damages.confidences[:] = 0.05
        frames.append(picture)
    (damage,) = gathered(frames, names, rules)
    assert (damage.frames_count, damage.confidence) == (6, 0.05)


@needs_lap
def test_a_flash_of_one_frame_is_left_out(make_picture, names, rules) -> None:
    frames = [make_picture([(10, 10, 30, 30)] if i == 3 else [], frame=i, rate=10.0, name="v.mp4") for i in range(8)]
    assert gathered(frames, names, rules) == []


def test_without_its_package_a_video_says_what_to_install(make_picture, names, rules, monkeypatch) -> None:
    from ayolom.errors import AyolomError
    from ayolom.inspect import tracking

    monkeypatch.setattr(tracking, "find_spec", lambda name: None)
    with pytest.raises(AyolomError, match=r'pip install "ayolom\[track\]"'):
        gathered([make_picture([], frame=0, rate=10.0)], names, rules)


def test_before_and_after(make_picture, names, rules) -> None:
    old = inspect_pictures([make_picture([(10, 10, 30, 30), (60, 10, 80, 30)], ["dent", "dent"])], names)
    new = inspect_pictures([make_picture([(11, 10, 31, 30), (60, 40, 70, 50)], ["dent", "crack"])], names)
    changes = {(one.status, one.part_in_view) for one in compare(old, new, rules).changes}
    assert changes == {("unchanged", True), ("gone", True), ("new", True)}
    assert [one.kind for one in compare(old, new, rules).gone] == ["dent"]
    same = compare(old, old, rules)
    assert {one.status for one in same.changes} == {"unchanged"}
    assert all(one.damage == one.earlier for one in same.changes)


def test_a_part_out_of_view_leaves_the_status_open(make_picture, names, rules) -> None:
    old = inspect_pictures([make_picture([(10, 10, 30, 30)])], names)
    other = np.full((100, 100), 2, np.uint8)
    new = inspect_pictures([make_picture([], class_map=other)], names)
    (change,) = compare(old, new, rules).changes
    assert (change.status, change.part_in_view) == ("gone", False)


def picture_of(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """An image and class map with one fault."""
    rng = np.random.default_rng(3)
    image = cv2.resize(rng.integers(60, 180, (60, 80, 3), np.uint8), (320, 240), interpolation=cv2.INTER_NEAREST)
    class_map = np.zeros((240, 320), np.uint8)
    class_map[40:200, 40:280] = 1
    if kind == "blurred":
        image = cv2.GaussianBlur(image, (0, 0), 12)
    elif kind == "dark":
        image = image // 8
    elif kind == "bright":
        image = (250 - image // 12).astype(np.uint8)
    elif kind == "glare":
        image[60:120, 60:160] = 255
    elif kind == "small":
        class_map[:] = 0
        class_map[100:130, 100:160] = 1
    elif kind == "cut_off":
        class_map[:, :200] = 1
    elif kind == "no_vehicle":
        class_map[:] = 0
    return image, class_map


@pytest.mark.parametrize("kind", ["fine", "blurred", "dark", "bright", "glare", "small", "cut_off", "no_vehicle"])
def test_the_check_of_photos_names_each_fault(names, rules, kind) -> None:
    image, class_map = picture_of(kind)
    codes = {one.code for one in check_photo(image, PartMap(class_map, names, rules), rules.photos).problems}
    assert codes - {"blurred"} == ({kind} - {"fine", "blurred"})
    assert ("blurred" in codes) == (kind == "blurred" or (kind in {"dark", "bright"} and "blurred" in codes))


def test_sides_in_view_and_missing(names) -> None:
    class_map = np.full((100, 100), 2, np.uint8)
    from ayolom.inspect import Damages, Picture

    one = inspect_pictures([Picture("a", np.zeros((100, 100, 3), np.uint8), Damages(), class_map)], names, Options())
    assert (one.sides_seen, one.sides_missing) == (("left",), ("front", "back", "right"))


def test_one_picture_does_not_show_opposite_sides(names, rules) -> None:
    doors = {name: number for number, name in names.items()}
    class_map = np.zeros((100, 100), np.uint8)
    class_map[:, :60], class_map[:, 60:] = doors["front_left_door"], doors["front_right_door"]
    assert PartMap(class_map, names, rules).sides() == ("left",)
    class_map[:, :50], class_map[:, 50:] = doors["front_left_door"], doors["front_right_door"]
    assert PartMap(class_map, names, rules).sides() == (), "equal areas contradict each other"


@pytest.mark.slow
@needs_lap
def test_walks_round_drawn_vehicles_are_counted_rightly(rules) -> None:
    from ayolom.data.synthetic import DAMAGE_NAMES, PART_NAMES
    from ayolom.data.synthetic.scene import aim, draw, make_place, make_vehicle
    from ayolom.inspect import Damages, Picture

    for seed in (202, 205):
        vehicle = make_vehicle(seed)
        place = make_place(seed, vehicle.body, backdrop="asphalt", light="day")
        gatherer, true = Gatherer(PART_NAMES, rules), {}
        for frame in range(72):
            scene = draw(vehicle, place, aim(vehicle.body, 5.0 * frame + 30, 11, 7.0, 0.86, (240, 320), steady=True))
            boxes = np.array([one.xyxy for one in scene.damages]).reshape(-1, 4)
            damages = Damages([DAMAGE_NAMES[one.kind] for one in scene.damages], boxes)
            for one in scene.damages:
                true[one.kind, one.part] = true.get((one.kind, one.part), 0) + 1
            gatherer.add(Picture("walk", scene.image, damages, scene.parts, frame, 12.0))
        found = gatherer.result()[0]
        wheels = {damage.wheel for damage in vehicle.damages if damage.wheel}
        flats = sum(1 for kind, _ in true if DAMAGE_NAMES[kind] == "tire_flat")
        assert len(found) == len([1 for count in true.values() if count > 1]) - flats + len(wheels)
