"""`yolo data label` through the command line, with a network that has learned nothing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import yaml

from ayolom.cli import main

THRESHOLDS = "conf={damage: 0, parts: 0}"


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A checkpoint, and the description of its tasks for a dataset YAML."""
    from ayolom import YOLO

    model = YOLO("aYOLOM26n.yaml")
    file = tmp_path_factory.mktemp("weights") / "best.pt"
    model.save(file)
    tasks = {name: {"kind": task.kind, "names": dict(task.spec.names)} for name, task in model.model.tasks.items()}
    return file, tasks


@pytest.fixture
def data(tmp_path, network):
    root = tmp_path / "cars"
    (root / "images" / "train").mkdir(parents=True)
    rng = np.random.default_rng(1)
    for name in "ab":
        image = rng.integers(0, 255, (40, 60, 3), np.uint8)
        (root / "images" / "train" / f"{name}.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
    file = root / "data.yaml"
    file.write_text(yaml.safe_dump({"train": "images/train", "tasks": network[1]}), encoding="utf-8")
    return file


def label(*words: str) -> int:
    return main(["yolo", "data", "label", *words])


def made(root) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.suffix in {".txt", ".jsonl"}} | {
        path.relative_to(root).as_posix() for path in root.glob("masks/**/*.png")
    }


def test_label_list_and_undo(data, network, capsys, caplog) -> None:
    root, model = data.parent, f"model={network[0]}"
    assert label(model, f"data={data}", THRESHOLDS, "imgsz=64", "name=first", "empty=True", "dry_run=True") == 0
    assert made(root) == set()
    assert label(model, f"data={data}", THRESHOLDS, "imgsz=64", "name=first", "empty=True", "batch=2") == 0
    labels = {f"labels/train/{name}.txt" for name in "ab"} | {f"masks/train/{name}.png" for name in "ab"}
    assert made(root) == labels | {"pseudo-labels/first.jsonl"}
    assert label(model, f"data={data}", THRESHOLDS, "imgsz=64") == 0
    assert "nothing was written" in caplog.text
    assert label("list=True", f"data={data}") == 0
    assert "2 as made, 0 changed, 0 gone" in caplog.text
    assert label("undo=first", f"data={data}") == 0
    assert made(root) == set()


def test_a_folder_of_photos(data, network, tmp_path) -> None:
    photos, out = data.parent / "images", tmp_path / "set"
    words = (f"model={network[0]}", f"source={photos}", f"out={out}", "conf=0", "imgsz=64", "tasks=parts", "empty=True")
    assert label(*words) == 0
    (record,) = (out / "pseudo-labels").glob("*.jsonl")
    assert sorted(file.name for file in (out / "masks" / "train" / "train").iterdir()) == ["a.png", "b.png"]
    assert label(f"undo={record}") == 0
    assert not out.exists()


ERRORS = {
    "no model": (("data={data}",), "model= is missing"),
    "model not there": (("model=none.pt", "data={data}"), "no such checkpoint"),
    "model without weights": (("model={data}", "data={data}"), "no trained model"),
    "no data": (("model={model}",), "either data="),
    "unknown task": (("model={model}", "data={data}", "tasks=part"), "Did you mean 'parts'"),
    "threshold above 1": (("model={model}", "data={data}", "conf=60"), "conf=60: must be a number from 0 to 1"),
    "threshold no number": (("model={model}", "data={data}", "conf={{parts: high}}"), "must be a number from 0 to 1"),
    "threshold of no task": (("model={model}", "data={data}", "conf={{part: 0.5}}"), "Did you mean 'parts'"),
    "size": (("model={model}", "data={data}", "imgsz=big"), "must be a number of pixels"),
    "split": (("model={model}", "data={data}", "splits=val"), "has no split 'val'"),
    "run": (("undo=lost", "data={data}"), "no run of labelling 'lost'"),
    "run's name": (("model={model}", "data={data}", "name=../x"), "letters, digits"),
}


@pytest.mark.parametrize(("words", "message"), ERRORS.values(), ids=ERRORS)
def test_mistakes_are_told(words, message, data, network, capsys) -> None:
    assert label(*(word.format(data=data, model=network[0]) for word in words)) == 1
    assert message in capsys.readouterr().err
    assert made(data.parent) == set()


def test_help_has_examples(capsys) -> None:
    assert label("--help") == 0
    assert "yolo data label undo=" in capsys.readouterr().out
