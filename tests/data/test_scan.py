"""Scanning a split: partial labels, broken files, the cache, and untouched user files."""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from ayolom.data import scan as scan_module
from ayolom.data.scan import report, scan
from ayolom.data.schema import load_schema
from ayolom.tasks import make_task

BOX = "0 0.5 0.5 0.2 0.2\n"
MASK = np.ones((40, 60), np.uint8)


@pytest.fixture
def run(folder):
    """Scan the training images of `folder`."""

    def make(cache_dirs=(), tasks=None, names=None):
        schema = load_schema(folder.yaml(*([tasks] if tasks else [])))
        files = sorted(str(f) for f in (folder.root / "images" / "train").iterdir())
        files = files if names is None else [f for f in files if Path(f).stem in names]
        return scan(files, [make_task(spec) for spec in schema.tasks.values()], schema.root, cache_dirs, "train")

    return make


def labelled(found):
    return {Path(record.image_file).stem: sorted(record.labels) for record in found.records}


def fingerprint(root):
    return {
        str(f): (hashlib.sha256(f.read_bytes()).hexdigest(), f.stat().st_mtime_ns)
        for f in sorted(root.rglob("*"))
        if f.is_file() and f.parent.name == "train"
    }


def test_no_file_is_not_labelled_and_an_empty_file_is_nothing_there(folder, run):
    for name in ("both", "boxes", "mask", "neither", "empty"):
        folder.image(name)
    folder.boxes("both", BOX)
    folder.boxes("boxes", BOX)
    folder.boxes("empty", "")
    folder.mask("both", MASK)
    folder.mask("mask", MASK * 0)
    found = run()
    assert labelled(found) == {
        "both": ["damage", "parts"], "boxes": ["damage"], "empty": ["damage"], "mask": ["parts"],
    }  # fmt: skip
    assert asdict(found.counts["damage"]) == {"labelled": 3, "unlabelled": 2, "empty": 1, "broken": 0}
    assert asdict(found.counts["parts"]) == {"labelled": 2, "unlabelled": 3, "empty": 1, "broken": 0}
    assert (found.images, found.unused, found.unreadable, found.problems) == (5, 1, 0, [])


BAD_LABELS = [
    pytest.param("damage", "0 nan 0.5 0.2 0.2", r"bad\.txt, line 1: holds NaN", id="nan"),
    pytest.param("damage", "7 0.5 0.5 0.2 0.2", r"bad\.txt, line 1: class 7", id="class beyond"),
    pytest.param("damage", "0 1.5 0.5 0.2 0.2", r"bad\.txt, line 1: coordinates", id="box outside"),
    pytest.param("damage", "0 0.5 0.5", r"bad\.txt, line 1: has 3 values", id="three values"),
    pytest.param("damage", b"\xff\xfe\x00", r"bad\.txt.*", id="no text"),
    pytest.param("parts", np.zeros((41, 60)), r"bad\.png: the mask is 60x41", id="mask of another size"),
    pytest.param("parts", np.full((40, 60), 3), r"bad\.png: the mask holds ids 3", id="id beyond"),
]


@pytest.mark.parametrize(("task", "label", "message"), BAD_LABELS)
def test_a_broken_label_costs_only_its_own_task(folder, run, task, label, message):
    for name in ("bad", "good"):
        folder.image(name)
        folder.boxes(name, BOX)
        folder.mask(name, MASK)
    if isinstance(label, np.ndarray):
        folder.mask("bad", label)
    else:
        folder.boxes("bad", "").write_bytes(label if isinstance(label, bytes) else label.encode())
    found = run()
    other = "parts" if task == "damage" else "damage"
    assert labelled(found) == {"bad": [other], "good": ["damage", "parts"]}
    assert asdict(found.counts[task]) == {"labelled": 1, "unlabelled": 0, "empty": 0, "broken": 1}
    assert len(found.problems) == 1
    assert re.search(message, found.problems[0])


def test_polygon_tasks_refuse_boxes(folder, run):
    folder.image("a")
    folder.boxes("a", BOX, folder="outlines")
    tasks = "\n  parts: {kind: semantic, polygons: outlines, names: [background, door]}\n"
    found = run(tasks=tasks)
    assert found.counts["parts"].broken == 1
    assert "a.txt, line 1: is a box (5 values)" in found.problems[0]


def test_unreadable_images_are_left_out_and_listed(folder, run):
    good = folder.image("good")
    folder.image("zero").write_bytes(b"")
    folder.image("cut").write_bytes(good.read_bytes()[:-30])
    for name in ("good", "zero", "cut"):
        folder.boxes(name, BOX)
    found = run()
    assert labelled(found) == {"good": ["damage"]}
    assert (found.unreadable, len(found.problems)) == (2, 2)


def test_user_files_stay_as_they_are(folder, run):
    picture = np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)
    folder.image("a", picture, suffix=".jpg")
    for name, tail in (("garbage", b"\0" * 7), ("no-end", None)):
        file = folder.image(name, picture, suffix=".jpg")
        file.write_bytes(file.read_bytes() + tail if tail else file.read_bytes()[:-2])
        folder.boxes(name, BOX)
    (folder.root / "images" / "train" / "a.npy").write_bytes(b"mine")
    folder.boxes("a", "7 7 7")
    before = fingerprint(folder.root)
    found = run(names={"a", "garbage", "no-end"}, cache_dirs=[folder.root / ".ayolom"])
    assert labelled(found) == {"garbage": ["damage"]}
    assert fingerprint(folder.root) == before


# The cache ------------------------------------------------------------------------------------------------------------
@pytest.fixture
def three(folder):
    """Three images: boxes and mask, outlines only, broken."""
    for name in ("a", "b", "c"):
        folder.image(name)
    folder.boxes("a", BOX)
    folder.boxes("b", "1 0.1 0.1 0.5 0.1 0.3 0.8\n0 0 0 1 0 1 1 0 1\n")
    folder.boxes("c", "")
    folder.mask("a", MASK)
    folder.mask("c", MASK[:9])
    return folder


def same(one, other):
    assert (one.counts, one.problems, one.images, one.unreadable, one.unused) == (
        other.counts, other.problems, other.images, other.unreadable, other.unused,
    )  # fmt: skip
    for a, b in zip(one.records, other.records, strict=True):
        assert (a.image_file, a.shape) == (b.image_file, b.shape)
        assert list(a.labels) == list(b.labels)
        for task in a.labels:
            assert set(a.labels[task]) == set(b.labels[task])
            for name, values in a.labels[task].items():
                np.testing.assert_array_equal(values, b.labels[task][name])
                assert values.dtype == b.labels[task][name].dtype


def forbid_reading(monkeypatch):
    monkeypatch.setattr(scan_module, "image_shape", lambda file: pytest.fail(f"reads {file}"))


def test_a_second_scan_reads_no_image(three, run, monkeypatch):
    places = [three.root / ".ayolom"]
    first = run(places)
    assert len(list(places[0].iterdir())) == 1
    forbid_reading(monkeypatch)
    same(run(places), first)


def test_the_cache_is_data(three, run):
    run([three.root / ".ayolom"])
    (file,) = (three.root / ".ayolom").iterdir()
    assert file.name.startswith("train-")
    with np.load(file, allow_pickle=False) as arrays:
        assert not any(arrays[name].dtype.hasobject for name in arrays.files)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda f: f.boxes("a", BOX * 2 + "1 0.2 0.2 0.1 0.1"), id="label changed"),
        pytest.param(lambda f: f.mask("b", MASK), id="label added"),
        pytest.param(lambda f: (f.root / "labels" / "train" / "a.txt").unlink(), id="label removed"),
        pytest.param(lambda f: f.image("a", shape=(80, 60)), id="image changed"),
        pytest.param(lambda f: f.image("d"), id="image added"),
    ],
)
def test_a_change_is_noticed(three, run, change):
    places = [three.root / ".ayolom"]
    run(places)
    change(three)
    same(run(places), run())


def test_another_task_description_is_another_scan(three, run):
    places = [three.root / ".ayolom"]
    run(places)
    tasks = "\n  damage: {kind: detect, labels: labels, names: [dent, scratch, crack]}\n"
    assert list(run(places, tasks=tasks).counts) == ["damage"]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda f: f.write_bytes(b""), id="empty"),
        pytest.param(lambda f: f.write_bytes(b"hello"), id="text"),
        pytest.param(lambda f: f.write_bytes(f.read_bytes()[:-50]), id="cut short"),
        pytest.param(lambda f: f.write_bytes(f.read_bytes().replace(b"problems", b"prob1ems")), id="changed"),
        pytest.param(lambda f: np.savez(f.open("wb"), head=np.zeros(3, np.uint8)), id="another npz"),
    ],
)
def test_a_spoilt_cache_is_rebuilt(three, run, spoil, monkeypatch):
    places = [three.root / ".ayolom"]
    first = run(places)
    (file,) = places[0].iterdir()
    spoil(file)
    same(run(places), first)
    forbid_reading(monkeypatch)
    same(run(places), first)


def test_without_a_writable_place_the_next_is_used(three, run, tmp_path, monkeypatch):
    (three.root / ".ayolom").write_text("a file where the folder would be")
    places = [three.root / ".ayolom", tmp_path / "user"]
    first = run(places)
    assert len(list((tmp_path / "user").iterdir())) == 1
    forbid_reading(monkeypatch)
    same(run(places), first)


def test_without_any_writable_place_the_scan_goes_on(three, run):
    (three.root / ".ayolom").write_text("x")
    assert len(run([three.root / ".ayolom"]).records) == 3


# The report -----------------------------------------------------------------------------------------------------------
def test_the_report_lists_counts_and_the_first_broken_files(folder, run):
    for i in range(12):
        folder.image(f"i{i:02}")
        folder.boxes(f"i{i:02}", "bad" if i < 11 else BOX)
    text = report(run(), "train")
    lines = text.splitlines()
    assert lines[0] == "train: 1 of 12 images in use, 11 without a usable label"
    assert lines[2].split() == ["damage", "1", "0", "0", "11"]
    assert lines[3].split() == ["parts", "0", "12", "0", "0"]
    assert len(lines) == 4 + 10 + 1
    assert "i00.txt, line 1" in lines[4]
    assert lines[-1] == "  ... and 1 more"
    assert "i10.txt" in report(run(), "train", most=None)


def test_large_masks_do_not_go_into_the_cache(folder, run):
    folder.image("a", shape=(400, 600))
    folder.mask("a", cv2.resize(MASK, (600, 400)))
    run([folder.root / ".ayolom"])
    (file,) = (folder.root / ".ayolom").iterdir()
    assert file.stat().st_size < 10_000
