"""The drawn sample set: exact truth, left and right, the same files for the same seed, nothing half written."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from ayolom.data.synthetic import DAMAGE_NAMES, PART_NAMES, generate, render_scene
from ayolom.data.synthetic import scene as scenes
from ayolom.data.synthetic import write as writer
from ayolom.data.synthetic.video import write_video
from ayolom.errors import AyolomError

PART = {name: number for number, name in PART_NAMES.items()}
SMALL = (120, 160)
VIEW = (240, 320)
PANELS = {"bumper", "hood", "trunk", "door", "fender", "panel"}
ALLOWED = {
    "dent": PANELS,
    "scratch": PANELS,
    "crack": {"bumper"},
    "glass_shatter": {"glass", "door"},
    "lamp_broken": {"light"},
    "tire_flat": {"wheel"},
}


def files_of(root):
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def parts_seen(azimuth, **options):
    """Part names with at least 12 pixels, and the part mask, of an undamaged vehicle."""
    mask = render_scene(3, azimuth, size=VIEW, damaged=False, **options).parts
    return {PART_NAMES[i] for i in range(len(PART_NAMES)) if np.count_nonzero(mask == i) >= 12}, mask


def middle(mask, name):
    """Mean column of a part."""
    return np.nonzero(mask == PART[name])[1].mean()


def test_names_agree_with_the_dataset():
    assert list(DAMAGE_NAMES.values()) == ["dent", "scratch", "crack", "glass_shatter", "lamp_broken", "tire_flat"]
    assert len(PART_NAMES) == 23
    assert PART_NAMES[0] == "background"
    assert PART_NAMES[22] == "wheel"
    assert {name.replace("left", "right") for name in PART if "left" in name} == {n for n in PART if "right" in n}


@pytest.fixture(scope="module")
def small_set(tmp_path_factory):
    root = tmp_path_factory.mktemp("drawn") / "set"
    generate(root, seed=4, train=6, val=2, size=SMALL, video=False)
    return root


def test_the_layout_is_one_image_one_label_one_mask(small_set):
    for split, count in (("train", 6), ("val", 2)):
        names = {file.stem for file in (small_set / "images" / split).iterdir()}
        assert len(names) == count
        assert {file.name for file in (small_set / "labels" / split).iterdir()} == {f"{name}.txt" for name in names}
        for name in names:
            image = cv2.imread(str(small_set / "images" / split / f"{name}.jpg"), cv2.IMREAD_UNCHANGED)
            mask = cv2.imread(str(small_set / "masks" / split / f"{name}.png"), cv2.IMREAD_UNCHANGED)
            assert image.shape == (*SMALL, 3)
            assert mask.shape == SMALL
            assert mask.dtype == np.uint8
            assert mask.max() <= 22
    assert "stand-in" in (small_set / "README.txt").read_text(encoding="utf-8")
    assert not list(small_set.parent.glob(".*"))


def test_the_same_seed_makes_the_same_bytes(small_set, tmp_path):
    scenes.make_vehicle.cache_clear()
    generate(tmp_path / "again", seed=4, train=6, val=2, size=SMALL, video=False)
    assert files_of(tmp_path / "again") == files_of(small_set)


def test_another_seed_makes_other_vehicles(small_set, tmp_path):
    generate(tmp_path / "other", seed=5, train=1, val=0, size=SMALL, video=False)
    first = "masks/train/0000.png"
    assert files_of(tmp_path / "other")[first] != files_of(small_set)[first]


def test_damage_numbers_in_the_atlas_leave_the_shape_alone():
    assert np.mean(render_scene(8, 70, size=VIEW).parts == render_scene(8, 70, size=VIEW, damaged=False).parts) > 0.99


@pytest.fixture(scope="module")
def damaged_views():
    return [render_scene(seed, 40 + 97 * seed, elevation=10, size=VIEW) for seed in range(10)]


def test_a_box_is_the_bounds_of_its_mask(damaged_views):
    found = [seen for view in damaged_views for seen in view.damages]
    assert len(found) > 15
    for seen in found:
        rows, columns = np.argwhere(seen.mask).T
        assert seen.xyxy == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert len(rows) >= 20


def test_a_damage_lies_on_the_part_it_names(damaged_views):
    for view in damaged_views:
        for seen in view.damages:
            assert seen.part > 0
            assert (view.parts[seen.mask] == seen.part).all()
            assert PART_NAMES[seen.part].rsplit("_", 1)[-1] in ALLOWED[DAMAGE_NAMES[seen.kind]]


def test_a_damage_shows_in_the_picture(damaged_views):
    for seed, view in enumerate(damaged_views[:4]):
        whole = render_scene(seed, 40 + 97 * seed, elevation=10, size=VIEW, damaged=False)
        changed = np.abs(view.image.astype(int) - whole.image).sum(2) > 24
        for seen in view.damages:
            if DAMAGE_NAMES[seen.kind] != "dent":  # a dent may lie in the shade
                assert changed[seen.mask].mean() > 0.2, DAMAGE_NAMES[seen.kind]


def test_label_rows_give_the_boxes_back(damaged_views):
    for view in damaged_views:
        rows = [line.split() for line in writer.label_text(view).splitlines()]
        assert len(rows) == len(view.damages)
        for row, seen in zip(rows, view.damages, strict=True):
            x, y, w, h = np.array(row[1:], float) * (VIEW[1], VIEW[0], VIEW[1], VIEW[0])
            assert int(row[0]) == seen.kind
            np.testing.assert_allclose((x - w / 2, y - h / 2, x + w / 2, y + h / 2), seen.xyxy, atol=1e-3)


@pytest.mark.parametrize("azimuth", [60, 90, 120], ids=lambda a: f"left{a}")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_left_side_shows_left_parts_with_the_nose_to_the_left(azimuth, seed):
    mask = render_scene(seed, azimuth, size=VIEW, damaged=False).parts
    for part in ("front_{}_door", "back_{}_door", "{}_fender", "{}_quarter_panel"):
        assert np.count_nonzero(mask == PART[part.format("left")]) > 100
        assert np.count_nonzero(mask == PART[part.format("right")]) == 0
    assert middle(mask, "left_fender") < middle(mask, "front_left_door") < middle(mask, "back_left_door")
    assert middle(mask, "back_left_door") < middle(mask, "left_quarter_panel")


def test_from_the_front_the_left_lamp_is_on_the_right_of_the_picture():
    names, mask = parts_seen(0)
    assert {"front_bumper", "hood", "front_glass", "left_mirror", "right_mirror"} <= names
    assert not names & {"back_bumper", "trunk", "back_glass", "back_left_light", "back_right_light"}
    assert middle(mask, "front_left_light") > VIEW[1] / 2 > middle(mask, "front_right_light")


def test_from_behind_the_left_lamp_is_on_the_left_of_the_picture():
    names, mask = parts_seen(180)
    assert {"back_bumper", "trunk", "back_glass"} <= names
    assert not names & {"front_bumper", "hood", "front_glass", "front_left_light", "front_right_light"}
    assert middle(mask, "back_left_light") < VIEW[1] / 2 < middle(mask, "back_right_light")


@pytest.mark.parametrize("azimuth", [0, 35, 90, 150])
def test_the_vehicle_is_its_own_mirror_image(azimuth):
    swap = np.array([PART[n.replace("left", "*").replace("right", "left").replace("*", "right")] for n in PART])
    _, mask = parts_seen(azimuth)
    _, other = parts_seen(-azimuth)
    assert (swap[other[:, ::-1]] == mask).mean() > 0.985


def test_the_wheels_stand_on_the_ground():
    vehicle = scenes.make_vehicle(3, damaged=False)
    camera = scenes.aim(vehicle.body, 90, 2, 8, 0.8, VIEW)
    lowest = np.nonzero((parts_seen(90, elevation=2, distance=8)[1] == PART["wheel"]).any(1))[0].max()
    y = vehicle.body.width / 2
    ground, _ = camera.project(np.array([[vehicle.body.length / 2 - axle, y, 0.0] for axle in vehicle.body.axles]))
    assert abs(ground[:, 1].mean() - lowest) < 2.5


@pytest.fixture(scope="module")
def default_labels(tmp_path_factory):
    """Labels and masks of the default set at a third of its size (fewer damages pass the limit), pictures left out."""
    root = tmp_path_factory.mktemp("default") / "set"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "make_place", lambda *_: scenes.Place(None, None, None))
        patch.setattr(writer, "through_lens", lambda picture, _: picture)
        patch.setattr(scenes, "_ground_light", lambda _: None)
        patch.setattr(scenes, "draw_backdrop", lambda *a: np.zeros((*a[2].size, 3), np.float32))
        patch.setattr(scenes, "_light_up", lambda _, maps, *__: np.zeros((*maps.shape[1:], 3), np.float32))
        generate(root, size=(160, 214), video=False)
    return root


def test_the_default_set_covers_every_class(default_labels):
    for split, least in (("train", 8), ("val", 2)):
        boxes, views = np.zeros(len(DAMAGE_NAMES), int), np.zeros(len(PART_NAMES), int)
        empty = 0
        for file in sorted((default_labels / "labels" / split).iterdir()):
            rows = file.read_text(encoding="utf-8").splitlines()
            empty += not rows
            np.add.at(boxes, [int(row.split()[0]) for row in rows], 1)
            mask = cv2.imread(str(default_labels / "masks" / split / f"{file.stem}.png"), cv2.IMREAD_UNCHANGED)
            views[np.unique(mask)] += 1
        assert (boxes >= least).all(), boxes
        assert (views >= 3).all(), views
        assert empty > 0
        assert any(not file.stat().st_size for file in (default_labels / "labels" / split).iterdir())


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError], ids=["interrupted", "disk"])
def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch, stop):
    whole = writer._write_sample

    def fails_later(folder, split, number, *rest):
        if number == 1:
            raise stop
        whole(folder, split, number, *rest)

    monkeypatch.setattr(writer, "_write_sample", fails_later)
    with pytest.raises(stop):
        generate(tmp_path / "set", train=3, val=0, size=SMALL, video=False)
    assert not list(tmp_path.iterdir())


def test_of_two_runs_at_once_the_first_to_finish_stays(tmp_path, monkeypatch):
    whole = writer._write_sample

    def overtaken(folder, *rest):
        whole(folder, *rest)
        (tmp_path / "set").mkdir()
        (tmp_path / "set" / "first.txt").write_text("first", encoding="utf-8")

    monkeypatch.setattr(writer, "_write_sample", overtaken)
    generate(tmp_path / "set", train=1, val=0, size=SMALL, video=False)
    assert list(files_of(tmp_path)) == ["set/first.txt"]


def test_an_existing_folder_is_not_overwritten(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(AyolomError, match="is not an empty folder"):
        generate(tmp_path, train=1, val=0, size=SMALL, video=False)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(tmp_path):
    generate(tmp_path / "set", train=0, val=0, size=SMALL, video=False)
    (tmp_path / "empty").mkdir()
    generate(tmp_path / "empty", train=1, val=0, size=SMALL, video=False)
    assert (tmp_path / "empty" / "images" / "train" / "0000.jpg").is_file()


def test_a_picture_that_is_too_small_is_refused(tmp_path):
    with pytest.raises(AyolomError, match=r"at least 64 pixels a side \(got 32 x 640\)"):
        generate(tmp_path / "set", size=(32, 640))


def test_the_video_has_its_frames_and_shows_the_turn(tmp_path):
    file = tmp_path / "turn.mp4"
    write_video(file, seed=0, size=SMALL, frames=8)
    video = cv2.VideoCapture(str(file))
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(12)
    frames = []
    while (read := video.read())[0]:
        frames.append(read[1])
    video.release()
    assert len(frames) == 8
    assert {frame.shape for frame in frames} == {(*SMALL, 3)}
    assert all(np.abs(a.astype(int) - b).mean() > 2 for a, b in pairwise(frames))
