"""Labels for images that have none: what is written, what is left alone, and what comes of doing it again."""

from __future__ import annotations

import numpy as np
import pytest

from ayolom.data.entries import images_of, tasks_of
from ayolom.data.scan import cache_places, scan
from ayolom.data.schema import load_schema
from ayolom.errors import AyolomError
from ayolom.files import file_sha256
from ayolom.labelling import LabelOptions, label, read_head, read_rows, runs, undo

pytestmark = pytest.mark.usefixtures("standin")


def counts(yaml):
    """Return what training would find: labelled images by task."""
    schema = load_schema(yaml)
    tasks = tasks_of(schema)
    found = scan([file for _, file in images_of(schema)], tasks, schema.root, cache_places(schema.root)[:1])
    return {name: count.labelled for name, count in found.counts.items()}


def test_missing_labels_are_written_in_the_ids_of_the_data_set(cars, tools) -> None:
    cars.image("a", tools.picture(tools.half(0, 1), boxes=2))
    outcome = label("best.pt", data=cars.yaml)
    assert outcome.written == {"damage": 1, "parts": 1}
    assert cars.mask("a")[0, [0, 29]].tolist() == [0, 2], "hood is 1 for the model and 2 for the data"
    assert [row.split()[0] for row in cars.boxes("a").splitlines()] == ["1", "0"]
    assert cars.boxes("a").splitlines()[0] == f"1 {7 / 30:.6f} {9 / 20:.6f} {10 / 30:.6f} {10 / 20:.6f}"


def test_existing_labels_are_untouched_and_broken_ones_named(cars, tools) -> None:
    cars.image("whole")
    cars.image("broken")
    cars.image("half")
    for name, content in (("whole", b"0 0.5 0.5 0.1 0.1\n"), ("broken", b"nonsense\n"), ("half", b"")):
        cars.put(f"labels/train/{name}.txt", content)
    cars.put("masks/train/broken.png", b"no picture")
    before = tools.snapshot(cars.root)
    outcome = label("best.pt", data=cars.yaml)
    after = tools.snapshot(cars.root)
    assert {name: after[name] for name in before} == before
    assert outcome.written == {"parts": 2}
    assert len(outcome.problems) == 2
    assert all("broken" in problem and "left alone" in problem for problem in outcome.problems)


def test_training_sees_the_new_labels_through_its_cache(cars) -> None:
    cars.image("a")
    cars.image("b")
    cars.put("labels/train/a.txt", b"")
    assert counts(cars.yaml) == {"damage": 1, "parts": 0}
    outcome = label("best.pt", data=cars.yaml)
    assert counts(cars.yaml) == {"damage": 2, "parts": 2}
    undo(outcome.made)
    assert counts(cars.yaml) == {"damage": 1, "parts": 0}


@pytest.mark.parametrize(
    ("image", "empty", "expected"),
    [
        ({"left": 0, "right": 0, "sure": 0.9, "boxes": 0}, False, {}),
        ({"left": 0, "right": 0, "sure": 0.9, "boxes": 0}, True, {"damage": 1, "parts": 1}),
        ({"left": 1, "right": 2, "sure": 0.4, "boxes": 3, "box_sure": 0.4}, False, {}),
        ({"left": 1, "right": 2, "sure": 0.4, "boxes": 3, "box_sure": 0.4}, True, {"damage": 1}),
    ],
    ids=["nothing found", "nothing found, empty=True", "nothing sure", "nothing sure, empty=True"],
)
def test_nothing_found_and_nothing_sure(image, empty, expected, cars, tools) -> None:
    more = {key: image[key] for key in ("sure", "boxes", "box_sure") if key in image}
    cars.image("a", tools.picture(tools.half(image["left"], image["right"]), **more))
    before = tools.snapshot(cars.root)
    outcome = label("best.pt", data=cars.yaml, options=LabelOptions(empty=empty))
    assert outcome.written == expected
    if not expected:
        assert tools.snapshot(cars.root) == before
        assert outcome.made is None
    elif "damage" in expected:
        assert cars.boxes("a") == ""


def test_thresholds_by_task(cars, tools) -> None:
    cars.image("a", tools.picture(tools.half(1, 2), sure=0.5, box_sure=0.5))
    assert label("best.pt", data=cars.yaml, options=LabelOptions(conf={"damage": 0.5})).written == {"damage": 1}
    assert label("best.pt", data=cars.yaml, options=LabelOptions(conf={"parts": 0.5})).written == {"parts": 1}
    with pytest.raises(AyolomError, match=r"conf: task 'part'.*Did you mean 'parts'"):
        label("best.pt", data=cars.yaml, options=LabelOptions(conf={"part": 0.5}))


def test_the_same_again_changes_nothing_and_after_an_undo_gives_the_same_bytes(cars, tools) -> None:
    for number in range(5):
        cars.image(f"{number}", tools.picture(tools.half(number % 3, 1)))
    start = tools.snapshot(cars.root)
    first = label("best.pt", data=cars.yaml, options=LabelOptions(name="one"))
    labelled = tools.snapshot(cars.root)
    assert label("best.pt", data=cars.yaml).made is None
    assert tools.snapshot(cars.root) == labelled
    removed, changed = undo(first.made)
    assert (removed, changed) == (10, [])
    assert tools.snapshot(cars.root) == start
    assert not (cars.root / "labels").exists(), "folders that the run made go too"
    label("best.pt", data=cars.yaml, options=LabelOptions(name="one", batch=3))
    again = tools.snapshot(cars.root)
    assert {k: v for k, v in again.items() if "pseudo" not in k} == {
        k: v for k, v in labelled.items() if "pseudo" not in k
    }


def test_record_tells_where_each_file_comes_from(cars) -> None:
    cars.image("a")
    record = label("best.pt", data=cars.yaml, options=LabelOptions(conf={"parts": 0.5}, imgsz=64, tile=32)).made
    head, rows = read_head(record), list(read_rows(record))
    assert head["model_sha256"] == "0" * 64
    assert head["tasks"] == {
        "damage": {"conf": 0.6, "classes": ["dent", "scratch"]},
        "parts": {"conf": 0.5, "classes": ["background", "hood", "door"]},
    }
    assert head["settings"] == {"empty": False, "batch": 1, "imgsz": 64, "tile": 32}
    assert [(row["file"], row["task"], row["image"]) for row in rows] == [
        ("labels/train/a.txt", "damage", "images/train/a.png"),
        ("masks/train/a.png", "parts", "images/train/a.png"),
    ]
    assert all(row["sha256"] == file_sha256(cars.root / row["file"]) for row in rows)
    assert [row["confidence"] for row in rows] == [0.9, 0.9]


def test_undo_keeps_what_was_corrected(cars) -> None:
    for name in "abc":
        cars.image(name)
    record = label("best.pt", data=cars.yaml, options=LabelOptions(tasks=("damage",))).made
    corrected = cars.put("labels/train/b.txt", b"0 0.1 0.1 0.1 0.1\n")
    (cars.root / "labels" / "train" / "c.txt").unlink()
    (run,) = runs(cars.yaml)
    assert (run.unchanged["damage"], run.changed["damage"], run.gone["damage"]) == (1, 1, 1)
    assert undo(record.stem, data=cars.yaml) == (1, [str(corrected)])
    assert [file.name for file in (cars.root / "labels" / "train").iterdir()] == ["b.txt"]
    assert not record.exists()


def test_images_that_cannot_be_used_are_named(cars, tools) -> None:
    cars.image("good")
    cars.put("images/train/bad.jpg", b"\xff\xd8\xff broken")
    cars.image("twice")
    cars.image("twice", suffix=".bmp")
    outcome = label("best.pt", data=cars.yaml)
    assert outcome.written == {"damage": 1, "parts": 1}
    assert sum("shares its label file" in problem for problem in outcome.problems) == 2
    assert sum("bad.jpg" in problem for problem in outcome.problems) == 1


def test_dry_run_writes_nothing(cars, tools) -> None:
    cars.image("a")
    before = tools.snapshot(cars.root)
    label("best.pt", data=cars.yaml, dry_run=True)
    assert tools.snapshot(cars.root) == before


def test_sizes_and_lacking_tasks_may_differ(cars, tools) -> None:
    for number, shape in enumerate([(20, 30), (30, 20), (20, 30), (16, 16), (30, 20)]):
        cars.image(f"{number}", tools.picture(np.ones(shape, np.uint8)))
    cars.put("labels/train/2.txt", b"")
    outcome = label("best.pt", data=cars.yaml, options=LabelOptions(batch=4))
    assert outcome.written == {"damage": 4, "parts": 5}
    assert counts(cars.yaml) == {"damage": 5, "parts": 5}


# A folder of photos ---------------------------------------------------------------------------------------------------
@pytest.fixture
def photos(tmp_path, tools):
    for name in ("a.png", "deep/b.png", "images/c.png"):
        file = tmp_path / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(tools.encoded(tools.picture(tools.half())))
    return tmp_path / "photos"


def test_a_folder_becomes_a_data_set_and_goes_again(photos, tmp_path, tools) -> None:
    before, out = tools.snapshot(photos), tmp_path / "made" / "set"
    record = label("best.pt", source=photos, out=out).made
    assert counts(out / "data.yaml") == {"damage": 3, "parts": 3}
    assert (out / "images" / "train" / "deep" / "b.png").resolve() == photos / "deep" / "b.png"
    assert load_schema(out / "data.yaml").tasks["parts"].names == {0: "background", 1: "hood", 2: "door"}
    whole = tools.snapshot(out)
    assert label("best.pt", source=photos, out=out).made is None
    assert tools.snapshot(out) == whole
    (out / ".ayolom").exists() and [file.unlink() for file in (out / ".ayolom").iterdir()]
    (out / ".ayolom").rmdir()
    assert undo(record) == (10, [])
    assert not out.exists()
    assert tools.snapshot(photos) == before


def test_new_photos_are_added_to_the_data_set(photos, tmp_path, tools) -> None:
    out = tmp_path / "set"
    label("best.pt", source=photos, out=out)
    (photos / "d.png").write_bytes(tools.encoded(tools.picture(tools.half())))
    second = label("best.pt", source=photos, out=out)
    assert second.written == {"damage": 1, "parts": 1}
    assert counts(out / "data.yaml") == {"damage": 4, "parts": 4}


def test_corrected_labels_keep_their_images(photos, tmp_path) -> None:
    out = tmp_path / "set"
    record = label("best.pt", source=photos, out=out).made
    (out / "labels" / "train" / "a.txt").write_text("")
    removed, changed = undo(record)
    assert (removed, changed) == (5, [str(out / "labels" / "train" / "a.txt")])
    assert counts(out / "data.yaml") == {"damage": 1, "parts": 0}


def test_a_foreign_folder_is_not_taken(photos, tmp_path, tools) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "data.yaml").write_text("hello")
    before = tools.snapshot(tmp_path)
    with pytest.raises(AyolomError, match="no labelling made it"):
        label("best.pt", source=photos, out=tmp_path / "mine")
    with pytest.raises(AyolomError, match="lies in the folder of the images"):
        label("best.pt", source=photos, out=photos / "set")
    assert tools.snapshot(tmp_path) == before


GIVEN = {
    "neither": ({}, "either data="),
    "both": ({"data": "a", "source": "b"}, "either data="),
    "no out": ({"source": "b"}, "out= is missing"),
    "out with data": ({"data": "a", "out": "b"}, "out= is for source="),
    "project": ({"data": "a", "out": "b", "project": "cvta"}, "Did you mean 'cvat'"),
}


@pytest.mark.parametrize(("given", "message"), GIVEN.values(), ids=GIVEN)
def test_arguments_that_do_not_fit(given, message) -> None:
    with pytest.raises(AyolomError, match=message):
        label("best.pt", **given)


# Projects -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("form", ["labelme", "cvat"])
def test_projects_hold_predictions_and_leave_the_data_alone(form, cars, tmp_path, tools) -> None:
    import json
    import xml.etree.ElementTree as ET

    cars.image("a", tools.picture(tools.half(0, 1)))
    cars.image("nothing", tools.picture(tools.half(0, 0), boxes=0))
    before = tools.snapshot(cars.root)
    outcome = label("best.pt", data=cars.yaml, project=form, out=tmp_path / "project")
    assert tools.snapshot(cars.root) == before
    assert outcome.made == tmp_path / "project"
    files = {path.name for path in outcome.made.rglob("*")}
    assert {"a.png", "nothing.png"} <= files
    if form == "labelme":
        content = json.loads((outcome.made / "train" / "a.json").read_text())
        assert sorted(shape["label"] for shape in content["shapes"]) == ["dent", "hood"]
    else:
        (file,) = outcome.made.rglob("*.xml")
        labels = {shape.get("label") for shape in ET.parse(file).getroot().iter() if shape.tag in {"box", "polygon"}}
        assert labels == {"dent", "hood"}
