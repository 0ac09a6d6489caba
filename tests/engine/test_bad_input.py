"""What a user may get wrong: one message with the file and what to do, and good files beside it are used."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
import yaml
from torch.utils.data import DataLoader
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils import LOGGER, checks

from ayolom import YOLO, AyolomError
from ayolom.compat import INSTALLS, REQUIREMENTS
from ayolom.data.build import build_dataset
from ayolom.data.schema import load_schema
from ayolom.data.workers import plain_errors
from ayolom.engine.validator import MultiTaskValidator
from ayolom.tasks import make_task

TINY = {"imgsz": 64, "batch": 4, "plots": False, "workers": 0, "threads": 1, "exist_ok": True, "verbose": False}
TRAIN = {**TINY, "epochs": 1, "name": "run"}
LOOK = {"imgsz": 64, "threads": 1, "verbose": False}
NETWORK = """
end2end: True
reg_max: 1
backbone:
  - [-1, 1, Conv, [8, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
tasks:
  damage:
    kind: detect
    head: [[B2, B3, B4], Detect, []]
  parts:
    kind: semantic
    neck:
      - [-1, 1, nn.Upsample, [None, 4, nearest]]
      - [[-1, B2], 1, AdaptiveConcat, []]
    head: [[N1], SegmentationHead, [8, 8]]
"""
Change = Callable[[dict], None]


class Foreign(DetectionModel):
    """A network of a class that the base does not know."""


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {self.marker}",)


@pytest.fixture
def log() -> Iterator[list[str]]:
    """What is logged while the test runs, without colours."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    LOGGER.addHandler(handler)
    yield lines
    LOGGER.removeHandler(handler)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model YAML of both tasks that trains in a second."""
    file = tmp_path_factory.mktemp("network") / "tiny.yaml"
    file.write_text(NETWORK)
    return str(file)


@pytest.fixture(scope="module")
def best(network: str, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of that network, trained for an epoch."""
    project = tmp_path_factory.mktemp("tiny")
    YOLO(network).train(data=str(small_data), project=str(project), **TRAIN)
    return project / "run" / "weights" / "best.pt"


@pytest.fixture
def cars(small_data: Path, tmp_path: Path) -> SimpleNamespace:
    """A copy of the data to break: `root`, `yaml(change)`, `images`, `labels` and `masks` to train on, `val`."""
    root = tmp_path / "cars"
    shutil.copytree(small_data.parent / "cars", root, ignore=shutil.ignore_patterns(".ayolom"))
    content = {**yaml.safe_load(small_data.read_text(encoding="utf-8")), "path": str(root)}

    def write(change: Change | None = None) -> str:
        changed = yaml.safe_load(yaml.safe_dump(content))
        if change:
            change(changed)
        file = tmp_path / "cars.yaml"
        file.write_text(yaml.safe_dump(changed, sort_keys=False), encoding="utf-8")
        return str(file)

    listed = {name: sorted((root / name / "train").iterdir()) for name in ("images", "labels", "masks")}
    return SimpleNamespace(root=root, yaml=write, val=sorted((root / "images" / "val").iterdir()), **listed)


def cut(file: Path, share: float = 0.5) -> Path:
    """Keep only the first part of a file."""
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    return file


def hashes(folder: Path) -> dict[str, str]:
    """Return what is in the user's files."""
    files = [file for file in folder.rglob("*") if file.is_file() and ".ayolom" not in file.parts]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


# Images ---------------------------------------------------------------------------------------------------------------
def test_broken_images_are_named_left_out_and_left_as_they_are(
    cars: SimpleNamespace, network: str, tmp_path: Path, log: list[str]
) -> None:
    cars.images[0].write_bytes(b"")
    cars.images[2].write_bytes(b"no image" * 100)
    broken = [cars.images[0], cut(cars.images[1]), cars.images[2], cut(cars.val[0], 0.9)]
    before = hashes(cars.root)
    model = YOLO(network)
    model.train(data=cars.yaml(), project=str(tmp_path), cache="disk", **TRAIN)
    text = "\n".join(log)
    assert "Using 9 train, 3 val images" in text
    reasons = ("is an empty file; copy", "the JPEG is damaged", "is no image that can be read", "the JPEG is damaged")
    for file, reason in zip(broken, reasons, strict=True):
        assert f"{file}: {reason}" in text
    log.clear()
    model.val(data=cars.yaml(), project=str(tmp_path), name="val", **TINY)
    assert any(str(broken[3]) in line for line in log)
    assert set(model.metrics.task_fitness) == {"damage", "parts"}
    assert hashes(cars.root) == before


@pytest.mark.parametrize("batch", [1, 8])
def test_prediction_goes_on_after_broken_images(batch: int, cars: SimpleNamespace, best: Path, log: list[str]) -> None:
    cars.val[0].write_bytes(b"")
    cut(cars.val[2])
    before = hashes(cars.root)
    found = YOLO(best).predict(cars.root / "images" / "val", batch=batch, **LOOK)
    assert [Path(result.path).name for result in found] == [cars.val[1].name, cars.val[3].name]
    text = "\n".join(log)
    assert f"{cars.val[0]}: is an empty file; copy the image again" in text
    assert f"{cars.val[2]}: the JPEG is damaged or cut short" in text
    assert hashes(cars.root) == before


def test_prediction_on_a_list_leaves_out_what_cannot_be_read(cars: SimpleNamespace, best: Path, log: list[str]) -> None:
    cars.val[0].write_bytes(b"")
    found = YOLO(best).predict([cars.val[0], cars.val[1], cars.root / "no.jpg"], **LOOK)
    assert [Path(result.path).name for result in found] == [cars.val[1].name]
    assert sum("is an empty file" in line or "no.jpg: cannot be read" in line for line in log) == 2


def test_prediction_says_why_there_is_nothing_to_see(cars: SimpleNamespace, best: Path, tmp_path: Path) -> None:
    model = YOLO(best)
    cars.val[0].write_bytes(b"")
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.txt").write_text(f"{cars.val[1]}\nmissing.jpg\n")
    heic = tmp_path / "phone.heic"
    heic.write_bytes(b"no photo" * 100)
    for source, match in (
        (cars.val[0], r"nothing in it can be read\. .*is an empty file; copy the image again"),
        ([cars.val[0]], r"none of the 1 files of the list can be read\. .*is an empty file"),
        (tmp_path / "nowhere", r"nowhere: no such file or folder; check the path"),
        (tmp_path / "empty", r"empty: holds no image \(.*jpg.*\) and no video \(.*mp4.*\)"),
        (str(tmp_path / "empty" / "*.jpg"), "holds no image"),
        (tmp_path / "list.txt", r"missing\.jpg does not exist; correct the list"),
        (heic, "pip install pi-heif"),
        ("rtsp://127.0.0.1:9/camera", "this camera or stream cannot be opened; check its number or address"),
    ):
        with pytest.raises(AyolomError, match=match):
            model.predict(source, **LOOK)


# Videos ---------------------------------------------------------------------------------------------------------------
def clip(file: Path, frames: int = 20) -> Path:
    """Write a video whose index is not needed to read it."""
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 64))
    random = np.random.default_rng(0)
    for _ in range(frames):
        writer.write(random.integers(0, 255, (64, 64, 3), np.uint8))
    writer.release()
    return file


@pytest.mark.parametrize("stride", [1, 3])
def test_truncated_video_gives_the_frames_that_are_there(
    stride: int, best: Path, tmp_path: Path, log: list[str]
) -> None:
    whole, short = clip(tmp_path / "whole.avi"), cut(clip(tmp_path / "short.avi"))
    model = YOLO(best)
    settings = {**LOOK, "vid_stride": stride, "stream": True}
    assert len(list(model.predict(whole, **settings))) == 20 // stride
    assert not any("cut short" in line for line in log)
    frames = len(list(model.predict(short, **settings)))
    assert 0 < frames < 20 // stride
    assert f"{short}: {frames} of {20 // stride} frames can be read" in "\n".join(log)


def test_video_that_cannot_be_opened_does_not_stop_the_others(
    cars: SimpleNamespace, best: Path, tmp_path: Path, log: list[str]
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    shutil.copy(cars.val[0], folder)
    clip(folder / "good.avi", 5)
    for name in ("a.mp4", "z.mp4"):  # one before and one after the good one; the index of such a file stands at its end
        cut(Path(shutil.copy(cars.root / "walkaround.mp4", folder / name)))
    found = list(YOLO(best).predict(folder, stream=True, save=True, project=str(tmp_path), name="out", **LOOK))
    assert len(found) == 1 + 5
    assert sum("is no video that can be read" in line for line in log) == 2
    assert len(list((tmp_path / "out").iterdir())) == 2
    with pytest.raises(AyolomError, match=r"a\.mp4: is no video that can be read, or is cut short; copy or record it"):
        list(YOLO(best).predict(folder / "a.mp4", stream=True, **LOOK))


# Labels ---------------------------------------------------------------------------------------------------------------
def test_broken_labels_are_named_and_cost_only_their_task(
    cars: SimpleNamespace, network: str, tmp_path: Path, log: list[str]
) -> None:
    cars.labels[0].write_text("0 0.5 0.5 1.4 0.3\n")
    cars.labels[1].write_text("0 nan 0.5 0.4 0.3\n")
    cars.labels[2].write_text("0 0.5 0.5 0.4 0.3\n1 0.1 0.1 0.3 0.1 0.3 0.4\n")  # a box and a polygon: both are boxes
    cars.labels[3].write_text("77 0.5 0.5 0.1 0.1\n")
    cars.labels[4].write_text("0 0.5 0.5\n")
    cv2.imwrite(str(cars.masks[5]), np.zeros((10, 12), np.uint8))
    cv2.imwrite(str(cars.masks[6]), np.full((96, 128), 99, np.uint8))
    cut(cars.masks[7])
    before = hashes(cars.root)
    YOLO(network).train(data=cars.yaml(), project=str(tmp_path), **TRAIN)
    report = (tmp_path / "run" / "labels_train.txt").read_text()
    for file, what in (
        (cars.labels[0], "line 1: coordinates are fractions .* (got 1.4); divide pixels"),
        (cars.labels[1], "line 1: holds NaN or infinity; remove the row"),
        (cars.labels[3], "line 1: class 77 does not exist, the task has 6"),
        (cars.labels[4], "line 1: has 3 values; a box has 5"),
        (cars.masks[5], "the mask is 12x10 pixels (width x height) and its image 128x96; export the mask"),
        (cars.masks[6], "the mask holds ids 99 beyond the classes (0 to 22"),
        (cars.masks[7], "damaged or cut short"),
    ):
        line = next(line for line in report.splitlines() if str(file) in line)
        assert all(part in line for part in what.split(" .* "))
        assert line.strip() in "\n".join(log)
    rows = {row.split()[0]: [int(n) for n in row.split()[1:]] for row in report.splitlines()[2:4]}
    assert (rows["damage"][0], rows["damage"][3]) == (8, 4)
    assert (rows["parts"][0], rows["parts"][3]) == (9, 3)
    assert "12 of 12 images in use" in report
    assert hashes(cars.root) == before


def test_box_among_polygons_of_a_mask_task(cars: SimpleNamespace, network: str, tmp_path: Path, log: list[str]) -> None:
    folder = cars.root / "outlines" / "train"
    folder.mkdir(parents=True)
    shutil.copytree(folder, cars.root / "outlines" / "val")
    for image in cars.images:
        (folder / f"{image.stem}.txt").write_text("3 0.1 0.1 0.9 0.1 0.9 0.9\n")
    mixed = folder / f"{cars.images[0].stem}.txt"
    mixed.write_text("3 0.1 0.1 0.9 0.1 0.9 0.9\n3 0.5 0.5 0.2 0.2\n")

    def polygons(content: dict) -> None:
        names = content["tasks"]["parts"]["names"]
        content["tasks"]["parts"] = {"kind": "semantic", "polygons": "outlines", "names": names}

    YOLO(network).train(data=cars.yaml(polygons), project=str(tmp_path), **TRAIN)
    assert f"{mixed}, line 2: is a box (5 values) where polygons are wanted" in "\n".join(log)


# Tasks and classes ----------------------------------------------------------------------------------------------------
def test_task_that_the_model_lacks_is_not_used(
    cars: SimpleNamespace, network: str, tmp_path: Path, log: list[str]
) -> None:
    def more(content: dict) -> None:
        content["tasks"]["rust"] = {"kind": "detect", "labels": "labels-rust", "names": ["rust"]}

    model = YOLO(network)
    model.train(data=cars.yaml(more), project=str(tmp_path), **TRAIN)
    assert list(model.model.tasks) == ["damage", "parts"]
    assert any("tasks rust of the data are not in the model; their labels are not used" in line for line in log)


def test_model_yaml_with_a_task_that_the_data_lacks(cars: SimpleNamespace, network: str, tmp_path: Path) -> None:
    data = cars.yaml(lambda content: content["tasks"].pop("parts"))
    with pytest.raises(AyolomError, match=r"tiny\.yaml: the data has no task 'parts'\. Describe .*, or remove"):
        YOLO(network).train(data=data, project=str(tmp_path), **TRAIN)


@pytest.mark.parametrize("absent", ["damage", "parts"])
def test_checkpoint_with_a_task_that_the_data_lacks_keeps_it_as_it_is(
    absent: str, cars: SimpleNamespace, best: Path, tmp_path: Path, log: list[str]
) -> None:
    data = cars.yaml(lambda content: content["tasks"].pop(absent))
    model = YOLO(best)
    before = {key: value.clone() for key, value in model.model.state_dict().items()}
    model.train(data=data, project=str(tmp_path), **TRAIN)
    assert any(f"the data has no task '{absent}'; it keeps its classes and is not trained" in line for line in log)
    after, changed = model.model.state_dict(), set()
    for layer in model.model.model:
        keys = [key for key in before if key.startswith(f"model.{layer.i}.")]
        if not all(torch.equal(before[key], after[key]) for key in keys):
            changed.add(layer.block.partition(".")[0])
    assert changed == {"backbone", "damage", "parts"} - {absent}
    assert model.model.tasks["parts"].spec.nc == 23
    metrics = model.val(data=data, project=str(tmp_path), **TINY)
    assert list(metrics.task_fitness) == [name for name in ("damage", "parts") if name != absent]


def test_other_number_of_classes(cars: SimpleNamespace, best: Path, tmp_path: Path, log: list[str]) -> None:
    data = cars.yaml(lambda content: content["tasks"]["damage"].update(single_cls=True))
    with pytest.raises(AyolomError, match=r"cars\.yaml: task 'damage' has 1 classes and the model .* for 6; val"):
        YOLO(best).val(data=data, project=str(tmp_path), **TINY)
    model = YOLO(best)
    model.train(data=data, project=str(tmp_path), **TRAIN)
    assert model.names == {0: "damage"}
    assert any("'damage': the weights are for 6 classes and the data has 1; the layers" in line for line in log)
    assert not any("'parts': the weights are for" in line for line in log)


def test_other_names_of_as_many_classes(cars: SimpleNamespace, best: Path, tmp_path: Path, log: list[str]) -> None:
    data = cars.yaml(lambda content: content["tasks"]["damage"]["names"].update({1: "graffiti"}))
    YOLO(best).val(data=data, project=str(tmp_path), **TINY)
    assert any("class 1 is 'graffiti' in the data and 'scratch' in the weights" in line for line in log)


def test_no_task_in_common(cars: SimpleNamespace, best: Path, tmp_path: Path) -> None:
    def other(content: dict) -> None:
        content["tasks"] = {"rust": {"kind": "detect", "names": ["rust"]}}

    with pytest.raises(AyolomError, match="has the tasks rust and the model damage, parts, none in common"):
        YOLO(best).val(data=cars.yaml(other), project=str(tmp_path), **TINY)
    with pytest.raises(AyolomError, match="are none of the data's"):
        YOLO(best).train(data=cars.yaml(other), project=str(tmp_path), **TRAIN)


def test_data_of_several_tasks_for_a_model_of_one(small_data: Path) -> None:
    model = YOLO("yolo26n.yaml")
    for run in (model.train, model.val):
        with pytest.raises(AyolomError, match=r"cars\.yaml: describes several tasks and yolo26n\.yaml is a model"):
            run(data=str(small_data))


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"conf": {"damge": 0.3}}, r"conf: the model has no task 'damge'\. Did you mean 'damage'\? It has"),
        ({"conf": "{damage:0.3}"}, r"conf: the model has no task 'damage:0\.3'"),
        ({"iou": {"damage": "high"}}, "iou: damage: .*invalid type str"),
        ({"conf": {"damage": 3}}, "conf: damage: .*between 0.0 and 1.0"),
        ({"fitness_weights": {"part": 1}}, "fitness_weights: the model has no task 'part'. Did you mean 'parts'"),
        ({"fitness_weights": {"parts": -1}}, "fitness_weights: parts: must be a number, 0 or more"),
        ({"only_tasks": ["dmage"]}, r"only_tasks=dmage: the model has no such task\. Did you mean 'damage'"),
        ({"cnof": 0.3}, "cnof: no such setting. Did you mean 'conf'"),
    ],
)
def test_setting_by_task_that_cannot_be(given: dict, match: str, best: Path, cars: SimpleNamespace) -> None:
    with pytest.raises(AyolomError, match=match):
        YOLO(best).predict(cars.val[0], **LOOK, **given)


# YAML files -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"train": "images/none"}, r"cars\.yaml: train: .*images/none does not exist; correct `train:` or `path:`"),
        ({"path": "/nowhere"}, r"cars\.yaml: path: /nowhere was not found"),
        ({"nmaes": 1}, r"cars\.yaml: 'nmaes' is not a key here"),
        ({"names": ["dent"]}, r"'names' is not a key here; names belong to a task"),
        ({"download": "import os"}, r"'download' is not a key here; a dataset file never runs code"),
        ({"generate": "os.system"}, r"generate: no built-in generator 'os\.system'"),
        ({"train": "labels"}, r"labels: holds no images; put files of these kinds there"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_data_yaml(change: dict, match: str, cars: SimpleNamespace, network: str, tmp_path: Path) -> None:
    with pytest.raises(AyolomError, match=match):
        YOLO(network).train(data=cars.yaml(lambda content: content.update(change)), project=str(tmp_path), **TRAIN)


def test_folders_of_labels_and_splits_that_are_missing(
    cars: SimpleNamespace, network: str, best: Path, tmp_path: Path
) -> None:
    unlabelled = cars.yaml(lambda content: content["tasks"]["damage"].update(labels="none"))
    with pytest.raises(AyolomError, match=r"no usable label of damage among 12 images\. .*none/train/.*\.txt"):
        YOLO(network).train(data=unlabelled, project=str(tmp_path), **TRAIN)
    with pytest.raises(AyolomError, match=r"cars\.yaml: has no split 'test' \(it has train, val\)"):
        YOLO(best).val(data=cars.yaml(), split="test", project=str(tmp_path), **TINY)
    test = cars.yaml(lambda content: content.update(test="images/none"))
    with pytest.raises(AyolomError, match=r"cars\.yaml: test: .*images/none does not exist"):
        YOLO(best).val(data=test, split="test", project=str(tmp_path), **TINY)
    YOLO(best).val(data=test, project=str(tmp_path), **TINY)  # that folder is not needed here


@pytest.mark.parametrize("place", ["activation", "module", "argument", "tag", "head"])
def test_model_yaml_runs_no_code(place: str, tmp_path: Path) -> None:
    code = f"__import__('os').system('touch {tmp_path / 'ran'}')"
    content = yaml.safe_load(NETWORK)
    if place == "activation":
        content["activation"] = code
    elif place == "module":
        content["backbone"].append([-1, 1, code, []])
    elif place == "argument":
        content["backbone"].append([-1, 1, "Conv", [code, 3, 1]])
    elif place == "head":
        content["tasks"]["damage"]["head"][2] = [code]
    text = yaml.safe_dump(content)
    if place == "tag":
        text += f"scales: !!python/object/apply:os.system ['touch {tmp_path / 'ran'}']\n"
    file = tmp_path / "model.yaml"
    file.write_text(text)
    with pytest.raises(AyolomError, match=r"model\.yaml"):
        YOLO(file)
    assert not (tmp_path / "ran").exists()


def test_model_yaml_with_an_unknown_key_or_none_at_all(tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    file.write_text(NETWORK.replace("reg_max", "reg_mx"))
    with pytest.raises(AyolomError, match=r"model\.yaml: 'reg_mx' is not a key here\. Did you mean 'reg_max'"):
        YOLO(file)
    with pytest.raises(AyolomError, match=r"model=aYOLM26n\.yaml: no such file\. Did you mean 'aYOLOM26\.yaml'"):
        YOLO("aYOLM26n.yaml")


# Checkpoints ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("content", ["half", "nothing", "text"])
def test_damaged_checkpoint(content: str, best: Path, network: str, tmp_path: Path) -> None:
    file = tmp_path / "best.pt"
    whole = best.read_bytes()
    file.write_bytes({"half": whole[: len(whole) // 2], "nothing": b"", "text": b"hello world"}[content])
    match = r"best\.pt: is empty, cut short or damaged"
    with pytest.raises(AyolomError, match=match):
        YOLO(file)
    with pytest.raises(AyolomError, match=match):
        YOLO(network).load(file)
    with pytest.raises(AyolomError, match=match):
        YOLO(network).train(resume=str(file))


@pytest.mark.parametrize("name", ["none.pt", "folder/none.pt"])
def test_missing_checkpoint_is_not_asked_for_on_the_network(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import socket

    def refuse(*_: object) -> None:
        raise AssertionError("asked the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AyolomError, match=r"none\.pt: no such checkpoint; check the path"):
        YOLO(name)


def test_code_in_a_checkpoint_runs_only_when_trusted(cars: SimpleNamespace, network: str, tmp_path: Path) -> None:
    marker, file = tmp_path / "ran", tmp_path / "theirs.pt"
    torch.save({"model": Payload(marker)}, file)
    refused = r"theirs\.pt: holds code or types beyond the base's own, .*; pass trust=True only for a file you made"
    single = YOLO("yolo26n.yaml")
    data = cars.yaml()
    for run in (
        lambda: YOLO(file),
        lambda: YOLO(network).load(file),
        lambda: YOLO(network).train(data=data, pretrained=str(file), project=str(tmp_path), **TRAIN),
        lambda: single.load(file),
        lambda: single.train(data="coco8.yaml", pretrained=str(file)),
    ):
        with pytest.raises(AyolomError, match=refused):
            run()
    assert not marker.exists()
    with pytest.raises(AyolomError, match=r"theirs\.pt: holds no network"):
        YOLO(file, trust=True)
    assert marker.exists()  # the payload works: the guard is what held it back


def test_trusted_network_of_a_foreign_class_is_used(
    cars: SimpleNamespace, network: str, tmp_path: Path, log: list[str]
) -> None:
    file = tmp_path / "mine.pt"
    torch.save({"model": Foreign("yolo26n.yaml", nc=3, verbose=False)}, file)
    with pytest.raises(AyolomError, match=r"mine\.pt: holds code"):
        YOLO(file)
    assert type(YOLO(file, trust=True).model) is Foreign
    for trust in ({"trust": True}, {}):
        log.clear()
        model = YOLO(network, trust=not trust)
        model.train(data=cars.yaml(), pretrained=str(file), project=str(tmp_path), **TRAIN, **trust)
        assert any(line.startswith("Transferred") for line in log)


# The process ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def installs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that the base would install packages with, where it was imported with leave to do so, and online."""
    import ultralytics.utils

    commands: list[list[str]] = []
    for name in (INSTALLS, REQUIREMENTS):  # set and removed, so that what the code sets is undone
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for module in (ultralytics.utils, checks):
        monkeypatch.setattr(module, "AUTOINSTALL", True)
        monkeypatch.setattr(module, "ONLINE", True)
    monkeypatch.setattr(subprocess, "check_output", lambda command, **_: commands.append(command) or "")
    return commands


def test_nothing_is_installed_unasked(installs: list[list[str]], network: str, best: Path, tmp_path: Path) -> None:
    checks.check_requirements("a-package-that-is-not-here")
    assert any("install" in command for command in installs)  # what the base does when it is left alone
    installs.clear()
    YOLO(network)
    checks.check_requirements("a-package-that-is-not-here")
    picture = tmp_path / "a.png"
    picture.write_bytes(b"no picture" * 20)
    with pytest.raises(AyolomError, match=r"a\.png: is no image"):
        YOLO(best).predict([picture], **LOOK)  # for this the base installs a package that decodes pictures of phones
    assert installs == []


def test_user_may_allow_installs(installs: list[list[str]], network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(INSTALLS, "True")
    YOLO(network)
    checks.check_requirements("a-package-that-is-not-here")
    assert any("install" in command for command in installs)


ONLINE = """
import json, os, socket
attempts = []

def report(*address, **_):
    attempts.append(str(address))
    raise OSError("no network in this test")

socket.getaddrinfo = lambda *_: []  # the base believes that it is online
import ultralytics.utils
assert ultralytics.utils.ONLINE and ultralytics.utils.AUTOINSTALL and not ultralytics.utils.TESTS_RUNNING
socket.getaddrinfo = report
socket.create_connection = report
local = socket.socket.connect
socket.socket.connect = lambda self, to: local(self, to) if self.family == socket.AF_UNIX else report(to)

from ayolom import YOLO
model = YOLO("tiny.yaml")
settings = dict(imgsz=64, plots=True, workers=0, threads=1, project=os.getcwd(), exist_ok=True)
model.train(data="ascii.yaml", epochs=1, batch=4, **settings)
model.val(data="korean.yaml", **settings)
list(model.predict("cars/images/val", save=True, stream=True, imgsz=64, project=os.getcwd()))
print(json.dumps(attempts))
"""


@pytest.mark.slow
def test_machine_that_is_online_asks_nothing_either(
    cars: SimpleNamespace, network: str, root: Path, tmp_path: Path
) -> None:
    """Analytics, update notices and fonts, which the base leaves out by itself where it is offline or under test."""
    shutil.copy(network, tmp_path / "tiny.yaml")
    shutil.copy(cars.yaml(), tmp_path / "ascii.yaml")
    korean = cars.yaml(lambda content: content["tasks"]["damage"]["names"].update({0: "찌그러짐"}))
    shutil.copy(korean, tmp_path / "korean.yaml")
    hidden = {"YOLO_OFFLINE", "YOLO_AUTOINSTALL", "NO_ALBUMENTATIONS_UPDATE", "PYTEST_CURRENT_TEST", "PYTEST_VERSION"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    environment |= {"PYTHONPATH": str(root), "YOLO_CONFIG_DIR": str(tmp_path / "config"), "OMP_NUM_THREADS": "1"}
    program = tmp_path / "yolo"  # the base reports what runs under this name
    program.write_text(ONLINE)
    done = subprocess.run(
        [sys.executable, program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.strip().splitlines()[-1]) == []


def test_error_of_a_loading_process_has_its_own_message(cars: SimpleNamespace, best: Path, tmp_path: Path) -> None:
    schema = load_schema(cars.yaml())
    tasks = [make_task(spec) for spec in schema.tasks.values()]
    args = SimpleNamespace(imgsz=64, cache=False, fraction=1.0, rect=False)
    dataset = build_dataset(schema, tasks, "val", args=args, batch=2, stride=32, augment=False)
    loader = DataLoader(dataset, 2, num_workers=1, collate_fn=dataset.collate_fn)
    cars.val[2].unlink()
    with pytest.raises(AyolomError, match=r"^Caught AyolomError in DataLoader worker process 0\.\nOriginal Traceback"):
        list(loader)  # as PyTorch has it
    with pytest.raises(AyolomError) as caught, plain_errors():
        list(loader)
    assert str(caught.value).startswith(f"{cars.val[2]}: is no image that can be read")
    assert "Traceback" not in str(caught.value)
    assert "Original Traceback" in str(caught.value.__cause__)
    validator = MultiTaskValidator(loader, tmp_path / "val", {**TINY, "data": cars.yaml()})
    with pytest.raises(AyolomError, match=rf"^{cars.val[2]}: is no image that can be read"):
        validator(model=YOLO(best).model)


def test_error_of_a_loading_process_in_training(small_data: Path, network: str, tmp_path: Path) -> None:
    model = YOLO(network)

    def fail(_: object) -> None:
        raise AyolomError(
            "Caught AyolomError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n"
            '  File "x.py", line 1\nayolom.errors.AyolomError: a.jpg: cannot be read\n'
        )

    model.add_callback("on_train_start", fail)
    with pytest.raises(AyolomError, match=r"^a\.jpg: cannot be read$"):
        model.train(data=str(small_data), project=str(tmp_path), **TRAIN)
