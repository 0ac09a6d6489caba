"""Splits of data sets made on the spot, and of the real one, through the command line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ayolom import cli
from ayolom.data.entries import images_of
from ayolom.data.schema import load_schema
from ayolom.data.split import split_dataset
from ayolom.errors import AyolomError
from tests.data.pictures import scene_with_corners


def picture(seed: int) -> np.ndarray:
    """Return a picture that looks like no other."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3)).astype(np.uint8)
    return cv2.resize(coarse, (120, 80), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def cars(folder):
    """Return a data set of 40 images: boxes on even ones, masks on every third, none on some; two splits."""
    for i in range(40):
        split = "train" if i % 5 else "val"
        folder.image(f"case{i // 2:02d}_{i}", picture(i), split)
        if i % 2 == 0:
            folder.boxes(f"case{i // 2:02d}_{i}", f"{i % 4 // 2} 0.5 0.5 0.2 0.2\n" if i % 8 else "", split)
        if i % 3 == 0:
            folder.mask(f"case{i // 2:02d}_{i}", np.full((80, 120), 1 + i % 2), split)
    return folder


def lists(root, names=("train", "val", "test")):
    return {name: (root / f"{name}.txt").read_text().splitlines() for name in names}


def test_the_command_writes_lists_and_a_yaml_that_training_reads(cars):
    file = cars.yaml()
    before = {path: path.read_bytes() for path in cars.root.rglob("*") if path.is_file()}
    assert cli.main(["yolo", "data", "split", f"data={file}", "ratios=0.5,0.25,0.25", r"group=regex:^(case\d+)"]) == 0
    listed = lists(cars.root)
    assert sum(map(len, listed.values())) == len(set().union(*listed.values())) == 40
    assert all(lines == sorted(lines) for lines in listed.values())
    assert all(line.startswith("images/") for line in listed["test"])
    cases = [{line.split("/")[-1][:6] for line in lines} for lines in listed.values()]
    assert sum(map(len, cases)) == 20
    schema = load_schema(cars.root / "data-split.yaml")
    assert schema.tasks == load_schema(file).tasks
    assert {split: len(schema.sources(split)) for split in schema.splits} == {"train": 1, "val": 1, "test": 1}
    assert len(images_of(schema)) == 40
    assert {path: path.read_bytes() for path in before} == before


def test_labelled_or_not_is_stratified_too(cars):
    split = split_dataset(load_schema(cars.yaml()), (0.5, 0.5))
    for task, name in (
        ("damage", " labelled"),
        ("parts", " labelled"),
        ("damage", " nothing there"),
        ("damage", "dent"),
    ):
        member = split.table[:, split.columns.index((task, name))]
        train, val = (int((member & (split.splits == s)).sum()) for s in (0, 1))
        assert abs(train - val) <= 2, (task, name)


def test_near_duplicates_stay_together(folder):
    for i in range(20):
        folder.image(f"{i}", picture(i), suffix=".jpg")
        folder.image(f"{i}-copy", cv2.resize(picture(i)[:, ::-1], (90, 60)), "val")
        for name, split in ((f"{i}", "train"), (f"{i}-copy", "val")):
            folder.boxes(name, "0 0.5 0.5 0.2 0.2\n", split)
    schema = load_schema(folder.yaml())
    split = split_dataset(schema, (0.6, 0.4))
    assert split.groups.max() == 19
    assert all(len(set(split.splits[split.groups == group])) == 1 for group in range(20))
    assert split_dataset(schema, (0.6, 0.4), near=0).groups.max() == 39


def test_other_crops_of_one_scene_stay_together(folder):
    for i in range(8):
        folder.image(f"{i}", scene_with_corners(i))
        folder.image(f"{i}-cut", scene_with_corners(i)[40:, 60:], "val")
        for name, split in ((f"{i}", "train"), (f"{i}-cut", "val")):
            folder.boxes(name, "0 0.5 0.5 0.2 0.2\n", split)
    schema = load_schema(folder.yaml())
    split = split_dataset(schema, (0.5, 0.5))
    assert split.groups.max() == 7
    assert all(len(set(split.splits[split.groups == group])) == 1 for group in range(8))
    apart = split_dataset(schema, (0.5, 0.5), crops=10)
    assert apart.groups.max() == 15
    assert "crops=16 does" in " ".join(apart.notes)


def test_the_same_seed_gives_the_same_lists(cars, tmp_path):
    line = ["yolo", "data", "split", f"data={cars.yaml()}"]
    for out, seed in (("one", 0), ("two", 0), ("three", 1)):
        assert cli.main([*line, f"out={tmp_path / out}", f"seed={seed}"]) == 0
    assert lists(tmp_path / "one") == lists(tmp_path / "two") != lists(tmp_path / "three")
    schema = load_schema(tmp_path / "one" / "data-split.yaml")  # in another folder than the data
    assert all((schema.root / file).is_file() for _, file in images_of(schema))
    assert schema.root.resolve() == cars.root.resolve()


def test_files_that_are_there_stay(cars, capsys):
    (cars.root / "val.txt").write_text("mine\n")
    line = ["yolo", "data", "split", f"data={cars.yaml()}"]
    assert cli.main(line) == 1
    assert "val.txt: is there already" in capsys.readouterr().err
    assert (cars.root / "val.txt").read_text() == "mine\n"
    assert not (cars.root / "train.txt").exists()
    assert cli.main([*line, "dry_run=True"]) == 0
    assert not (cars.root / "train.txt").exists()
    assert cli.main([*line, "overwrite=True"]) == 0
    assert (cars.root / "val.txt").read_text() != "mine\n"


def test_an_image_that_cannot_be_read_is_named_and_left_out(cars):
    bad = cars.image("bad")
    bad.write_bytes(bad.read_bytes()[:60])
    split = split_dataset(load_schema(cars.yaml()), (0.5, 0.5))
    assert len(split.files) == 40
    assert any("bad.png" in problem for problem in split.problems)


def test_an_interrupted_write_leaves_nothing(cars, monkeypatch):
    replace = Path.replace

    def interrupted(self, target):
        if target.suffix == ".yaml":
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    file = cars.yaml()
    before = set(cars.root.rglob("*"))
    assert cli.main(["yolo", "data", "split", f"data={file}"]) == 130
    assert set(cars.root.rglob("*")) == before


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ratios": (0.7, 0.7)}, "add up to 1"),
        ({"ratios": (1.0,)}, "add up to 1"),
        ({"ratios": (0.5, 0.5), "group": "regex:^(case)"}, "all 40 images fall into 1 groups, too few for 2 splits"),
        ({"ratios": (0.5, 0.5), "group": "regex:(nothing)"}, "fits none of the 40 images"),
        ({"ratios": (0.5, 0.5), "group": "hash", "near": 0}, "leave one of them out"),
    ],
    ids=["too much", "one split", "one group", "a pattern that fits nothing", "hash and no hash"],
)
def test_what_makes_no_sense_is_refused(cars, given, message):
    with pytest.raises(AyolomError, match=message):
        split_dataset(load_schema(cars.yaml()), **given)


def test_without_the_package_the_remedy_is_told(cars, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "iterstrat.ml_stratifiers", None)
    with pytest.raises(AyolomError, match=r'pip install "ayolom\[data\]"'):
        split_dataset(load_schema(cars.yaml()), (0.5, 0.5))


@pytest.mark.shared_data
def test_the_groups_of_a_real_manifest_are_not_parted(shared_data, tmp_path):
    import csv

    file = tmp_path / "lensor.yaml"
    file.write_text(
        f"path: {shared_data / 'doha'}\ntrain: images/train\nval: images/test\n"
        "tasks: {damage: {kind: detect, names: [damage]}}\n"
    )
    manifest = shared_data / "doha" / "manifest.csv"
    assert cli.main(["yolo", "data", "split", f"data={file}", f"group=csv:{manifest}", f"out={tmp_path}"]) == 0
    listed = lists(tmp_path)
    with manifest.open(newline="") as rows:
        group = {row["image"]: row["group"] for row in csv.DictReader(rows)}
    held = [{group[line] for line in lines} for lines in listed.values()]
    assert sum(map(len, held)) == len(set.union(*held))
    assert [len(lines) for lines in listed.values()] == pytest.approx([55, 16, 8], abs=1)
