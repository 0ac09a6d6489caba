"""The export to FiftyOne, against a stand-in for the package that keeps what it is given.

The real one needs a MongoDB server, which the machines of the tests do not have.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest

from ayolom.data.view import write_fiftyone
from ayolom.errors import AyolomError


class Sample(dict):
    pass


class Dataset:
    made: list[Dataset] = []

    def __init__(self):
        self.samples, self.deleted, self.mask_targets = [], False, {}
        Dataset.made.append(self)

    def add_samples(self, samples, num_samples):
        self.samples = list(samples)

    def export(self, export_dir, dataset_type, export_media, rel_dir):
        assert export_media is False
        assert rel_dir == export_dir
        Path(export_dir, "samples.json").write_text(str(len(self.samples)))

    def delete(self):
        self.deleted = True


@pytest.fixture
def fiftyone(monkeypatch):
    module = ModuleType("fiftyone")
    module.__spec__ = ModuleSpec("fiftyone", None)
    for name in ("Detection", "Detections", "Segmentation", "ImageMetadata"):
        setattr(module, name, SimpleNamespace)
    module.Sample, module.Dataset = Sample, Dataset
    module.types = SimpleNamespace(FiftyOneDataset="form")
    monkeypatch.setitem(sys.modules, "fiftyone", module)
    monkeypatch.setenv("FIFTYONE_DO_NOT_TRACK", "true")
    Dataset.made.clear()
    return module


def test_both_tasks_labels_and_predictions(fiftyone, view, tmp_path):
    write_fiftyone(view(), tmp_path / "exports" / "cars")
    dataset = Dataset.made[0]
    assert [sample["tags"] for sample in dataset.samples] == [["train"]] * 4 + [["val"]]
    a, b, c, d, v = dataset.samples
    boxes = [(one.label[:4], one.bounding_box) for one in a["damage_labels"].detections]
    assert boxes == [("dent", [0, 0, 0.5, 1]), ("<img", [0.5, 0, 0.5, 1])]
    assert not hasattr(a["damage_labels"].detections[0], "confidence")
    assert a["damage_predictions"].detections[0].confidence == pytest.approx(0.8)
    assert a["damage_score"] == pytest.approx(2 / 3)
    assert c["damage_labels"].detections == []
    assert "damage_labels" not in d
    assert "damage_labels" not in v
    assert "parts_labels" not in b
    assert dataset.mask_targets["parts_labels"] == {1: "left_door", 2: "right_door"}
    assert dataset.deleted


def test_masks_lie_where_the_importer_looks_for_them(fiftyone, view, tmp_path):
    write_fiftyone(view(), tmp_path / "cars")
    file = tmp_path / "cars" / "fields" / "parts_labels" / "6.png"
    mask = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    assert np.unique(mask).tolist() == [0, 2]
    assert Dataset.made[0].samples[-1]["parts_labels"].mask_path.endswith("fields/parts_labels/6.png")
    assert (tmp_path / "cars" / "samples.json").is_file()
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "set") == ["cars"]


def test_nothing_is_left_of_an_export_that_fails(fiftyone, view, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Dataset, "export", fail)
    with pytest.raises(KeyboardInterrupt):
        write_fiftyone(view(model=False), tmp_path / "cars")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["set"]
    assert Dataset.made[0].deleted


def test_a_database_that_does_not_start_is_said_so(fiftyone, view, tmp_path, monkeypatch):
    def fail(_):
        raise RuntimeError("no mongod")

    monkeypatch.setattr(Dataset, "__init__", fail)
    with pytest.raises(AyolomError, match="database cannot be started"):
        write_fiftyone(view(model=False), tmp_path / "cars")


def test_an_export_that_is_there_is_kept(fiftyone, view, tmp_path):
    (tmp_path / "cars").mkdir()
    with pytest.raises(AyolomError, match="is there already"):
        write_fiftyone(view(model=False), tmp_path / "cars")


def test_without_the_package_the_message_says_what_to_install(view, tmp_path, monkeypatch):
    monkeypatch.setattr("ayolom.data.view._fiftyone.find_spec", lambda _: None)
    with pytest.raises(AyolomError, match=r"ayolom\[fiftyone\]"):
        write_fiftyone(view(model=False), tmp_path / "cars")
