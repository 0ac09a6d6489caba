"""Checked pictures become a data set that the other commands take."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from ayolom.cli import main
from ayolom.data.schema import load_schema
from ayolom.errors import AyolomError


@pytest.fixture
def saved(client, photo, tmp_path):
    """Two pictures: one checked with a box more and one box less, one that nobody checked."""
    folder = tmp_path / "datasets" / "corrections"
    asked = client(corrections=folder)
    address = asked.done(("a.jpg", photo(1)), ("b.jpg", photo(2)))
    asked.http.patch(f"{address}/damages/D1", json={"kind": "scratch"})
    asked.http.post(f"{address}/damages", json={"picture": 0, "box_xyxy_px": [80, 30, 160, 90], "kind": "dent"})
    return asked, address, folder


def check(asked, address, number, checked=True):
    return asked.http.put(f"{address}/pictures/{number}/checked", json={"checked": checked}).json()


def test_nothing_is_saved_that_nobody_checked(saved):
    asked, address, folder = saved
    answer = asked.http.post(f"{address}/labels")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_checked")
    assert not folder.exists()


def test_a_checked_picture_becomes_a_label(saved, photo, capsys):
    asked, address, folder = saved
    check(asked, address, 0)
    assert asked.http.post(f"{address}/labels").json() == {
        "pictures": 1, "boxes": 2, "unchecked": 1, "data": "corrections.yaml"
    }  # fmt: skip
    (image,) = (folder / "images" / "train").iterdir()
    sent = cv2.imdecode(np.frombuffer(photo(1), np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(cv2.imread(str(image)), sent)
    label = (folder / "labels" / "train" / f"{image.stem}.txt").read_text().split("\n")
    assert label == ["1 0.200000 0.350000 0.200000 0.300000", "0 0.750000 0.500000 0.500000 0.500000", ""]
    record = json.loads((folder / "provenance" / f"{image.stem}.json").read_text())
    assert record["model"]["name"] == "rule.pt"
    assert [(one["review"], one["drawn_by"]) for one in record["boxes"]] == [
        ("corrected", "model"),
        ("added", "person"),
    ]
    assert "a.jpg" not in json.dumps(record)
    schema = load_schema(folder / "corrections.yaml")
    assert schema.tasks["damage"].names == {0: "dent", 1: "scratch"}
    out = folder.parent / "check"
    assert main(["yolo", "data", "check", f"data={folder / 'corrections.yaml'}", f"out={out}", "strict=True"]) == 0, (
        capsys.readouterr()
    )


def test_what_nobody_touched_is_confirmed_by_the_check(saved):
    asked, address, _ = saved
    asked.http.post(f"{address}/damages", json={"picture": 1, "box_xyxy_px": [5, 5, 30, 20], "kind": "dent"})
    result = check(asked, address, 1)
    assert [one["review"] for one in result["damages"]] == ["corrected", "added", "added"]
    assert [one["checked"] for one in result["pictures"]] == [False, True]
    assert not check(asked, address, 1, checked=False)["pictures"][1]["checked"]


def test_a_picture_without_damage_teaches_that_there_is_none(saved):
    asked, address, folder = saved
    asked.http.delete(f"{address}/damages/D1")
    check(asked, address, 1)
    assert asked.http.post(f"{address}/labels").json()["boxes"] == 0
    (label,) = (folder / "labels" / "train").iterdir()
    assert label.read_text() == ""


def test_saving_again_replaces_the_boxes(saved):
    asked, address, folder = saved
    check(asked, address, 0)
    asked.http.post(f"{address}/labels")
    asked.http.delete(f"{address}/damages/D2")
    asked.http.post(f"{address}/labels")
    (label,) = (folder / "labels" / "train").iterdir()
    assert label.read_text().count("\n") == 1
    assert not list(folder.rglob("*.tmp"))


def test_a_frame_of_a_video_becomes_an_image(client, video, tmp_path):
    pytest.importorskip("lap")
    asked = client(corrections=tmp_path / "set")
    address = asked.done(("walk.mp4", video))
    assert check(asked, address, 0)["pictures"][0]["frame_index"] is not None
    assert asked.http.post(f"{address}/labels").json()["pictures"] == 1
    (image,) = (tmp_path / "set" / "images" / "train").iterdir()
    assert cv2.imread(str(image)).shape == (120, 160, 3)
    assert not list(asked.service.jobs.folder.rglob("*.mp4"))


def test_a_video_without_damage_can_be_looked_through(client, video, monkeypatch):
    pytest.importorskip("lap")
    asked = client()
    network = type(asked.service.engine._network)
    answer = network._answer

    def nothing(*given):
        return replace(one := answer(*given), damages=type(one.damages)())

    monkeypatch.setattr(network, "_answer", nothing)
    address = asked.done(("walk.mp4", video))
    shown = asked.result(address)
    assert shown["damages"] == []
    assert [one["frame_index"] for one in shown["pictures"]] == [0]
    added = asked.http.post(f"{address}/damages", json={"picture": 0, "box_xyxy_px": [5, 5, 30, 20], "kind": "dent"})
    assert added.json()["damages"][0]["part"] == "hood"


def test_a_data_set_of_other_classes_is_not_touched(service, tmp_path):
    file = tmp_path / "set" / "corrections.yaml"
    file.parent.mkdir()
    file.write_text("train: images/train\ntasks: {damage: {kind: detect, labels: labels, names: [rust]}}\n")
    with pytest.raises(AyolomError, match=r"holds damages of other classes \(rust\) than this model \(dent, scratch\)"):
        service(corrections=tmp_path / "set")


def test_a_folder_that_cannot_be_written_is_told(saved, monkeypatch):
    asked, address, _ = saved
    check(asked, address, 0)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ayolom.serve._labels.write_atomic", full)
    answer = asked.http.post(f"{address}/labels")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_saved")
    assert "No space left" in answer.json()["detail"]
