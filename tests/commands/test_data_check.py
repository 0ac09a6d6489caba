"""`yolo data check` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from ayolom.cli import main


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set whose one val image is a train image with another label: an error and a warning."""
    image = cv2.resize(np.random.default_rng(0).integers(0, 256, (7, 9, 3), np.uint8), (96, 64))
    for split, label in (("train", "0 0.5 0.5 0.2 0.2\n"), ("val", "0 0.5 0.5 0.4 0.4\n")):
        for folder in ("images", "labels"):
            (tmp_path / folder / split).mkdir(parents=True)
        (tmp_path / "images" / split / f"{split}.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
        (tmp_path / "labels" / split / f"{split}.txt").write_text(label)
    tasks = {"damage": {"kind": "detect", "names": ["dent"]}}
    file = tmp_path / "data.yaml"
    file.write_text(yaml.safe_dump({"train": "images/train", "val": "images/val", "tasks": tasks}))
    return file


def kinds(out: Path) -> set[str]:
    """Return the kinds of findings in the results."""
    return {finding["kind"] for finding in json.loads((out / "check.json").read_text(encoding="utf-8"))["findings"]}


def test_an_error_gives_status_1_and_a_report(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["yolo", "data", "check", f"data={data}", f"out={out}"]) == 1
    assert {"copy-across", "copies-differ"} <= kinds(out)
    assert (out / "check.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_split_alone_is_without_error(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["yolo", "data", "check", f"data={data}", f"out={out}", "splits=train", "report=False"]
    assert main(words) == 0
    assert main([*words[:-2], f"out={out}2", "splits=[train]", "report=False", "strict=True"]) == 0
    assert sorted(file.name for file in out.iterdir()) == ["check.json"]


def test_results_go_to_a_new_folder_of_runs_each_time(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ultralytics.utils

    monkeypatch.setattr(ultralytics.utils, "RUNS_DIR", tmp_path / "runs")
    for _ in range(2):
        main(["yolo", "data", "check", f"data={data}"])
    assert sorted(folder.name for folder in (tmp_path / "runs/data").iterdir()) == ["check", "check-2"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "data= is missing"),
        (["data=nowhere.yaml"], "nowhere.yaml"),
        (["splits=test"], "has no split 'test'"),
        (["near=many"], "near=many: must be a whole number from 0"),
        (["strikt=True"], "Did you mean 'strict'?"),
        (["out={data}"], "is there already"),
    ],
    ids=["no data", "no such file", "no such split", "no number", "misspelt", "out in use"],
)
def test_bad_input_is_explained(data: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = [f"data={data}"] if words and not words[0].startswith("data=") else []
    assert main(["yolo", "data", "check", *given, *(word.replace("{data}", str(data)) for word in words)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_help_tells_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["yolo", "data", "check", "--help"]) == 0
    text = capsys.readouterr().out
    assert "strict" in text
    assert "yolo data check data=mine.yaml" in text


def test_an_interrupted_check_leaves_nothing(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ayolom.data.check import _write

    def interrupt(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(_write, "page", interrupt)
    before = sorted(tmp_path.rglob("*"))
    assert main(["yolo", "data", "check", f"data={data}", f"out={tmp_path / 'out'}"]) == 130
    assert sorted(tmp_path.rglob("*")) == before
