"""A row for each format, and the search for settings."""

from __future__ import annotations

import csv
import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from ayolom import YOLO, AyolomError
from ayolom.cli import main
from ayolom.engine import tuner
from ayolom.engine.tuner import MultiTaskTuner


@pytest.fixture
def best(trained: SimpleNamespace, tmp_path: Path) -> Path:
    return Path(shutil.copy(trained.folder / "weights" / "best.pt", tmp_path / "best.pt"))


@pytest.mark.slow
@pytest.mark.skipif(find_spec("onnxruntime") is None, reason='needs pip install "ayolom[export]"')
def test_benchmark_has_both_metrics_of_each_format(best: Path, small_data: Path, tmp_path: Path) -> None:
    words = [f"model={best}", f"data={small_data}", "imgsz=96", "workers=0", f"project={tmp_path}", "name=b"]
    assert main(["yolo", "benchmark", "format=onnx", *words]) == 0
    native, exported = csv.DictReader((tmp_path / "b" / "benchmark.csv").open())
    assert list(native) == ["format", "MB", "ms", "damage mAP50-95", "parts mIoU", "problem"]
    assert [native["format"], exported["format"]] == ["PyTorch", "ONNX"]
    for column in ("damage mAP50-95", "parts mIoU"):
        assert float(native[column]) == pytest.approx(float(exported[column]), abs=1e-3)
    assert [file.name for file in tmp_path.glob("*.onnx")] == []


def test_benchmark_tells_what_is_in_the_way(best: Path, small_data: Path, tmp_path: Path) -> None:
    settings = {"data": str(small_data), "imgsz": 96, "workers": 0, "project": str(tmp_path)}
    native, missing = YOLO(best).benchmark(format="engine", **settings)
    assert native["problem"] == ""
    assert "TensorRT" in missing["format"]
    assert "MB" in missing or "GPU" in missing["problem"]
    with pytest.raises(AyolomError, match="data="):
        YOLO("aYOLOM26n.yaml").benchmark()


def args(tmp_path: Path, **more: object) -> dict:
    space = {"lr0": (1e-4, 1e-2), "mosaic": (0.0, 1.0)}
    return {"data": "d.yaml", "task": "multitask", "project": str(tmp_path), "name": "t", "space": space, **more}


def test_tune_keeps_the_best_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuner, "plot_tune_results", lambda _: None)
    scores = iter([0.2, 0.5, None, 0.3])
    seen: list[dict] = []

    def train(settings: dict, folder: Path, _: dict) -> dict[str, float]:
        seen.append(settings)
        score = next(scores)
        if score is None:
            raise RuntimeError("out of memory")
        (folder / "weights").mkdir(parents=True)
        return {"fitness": score, "metrics/damage/mAP50": score}

    assert MultiTaskTuner(args(tmp_path), train)(3)["iteration"] == 2
    best = MultiTaskTuner(args(tmp_path, resume=True), train)(4)
    assert best["fitness"] == 0.5
    assert yaml.safe_load((tmp_path / "t" / "best_hyperparameters.yaml").read_text()) == seen[1]
    assert [folder.name for folder in (tmp_path / "t").glob("training*")] == ["training2"]
    records = [json.loads(line) for line in (tmp_path / "t" / "tune_results.ndjson").read_text().splitlines()]
    assert [record["fitness"] for record in records] == [0.2, 0.5, 0.0, 0.3]
    assert all(1e-4 <= record["hyperparameters"]["lr0"] <= 1e-2 for record in records)


@pytest.mark.parametrize(
    ("space", "message"),
    [({"lr": (0, 1)}, "Did you mean"), ({"lr0": 1}, "must be"), ({"lr0": (1, 0)}, "must be")],
    ids=["unknown", "number", "upside down"],
)
def test_tune_refuses_a_bad_space(space: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(AyolomError, match=message):
        MultiTaskTuner(args(tmp_path, space=space), lambda *_: {})


def test_tune_without_any_success_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuner, "plot_tune_results", lambda _: None)

    def train(*_: object) -> dict[str, float]:
        raise RuntimeError("no")

    with pytest.raises(AyolomError, match="no training came to an end"):
        MultiTaskTuner(args(tmp_path), train)(1)


@pytest.mark.slow
def test_tune_trains(best: Path, small_data: Path, tmp_path: Path) -> None:
    words = [f"data={small_data}", "iterations=1", "epochs=1", "imgsz=64", "batch=4", "workers=0", "plots=False"]
    assert main(["yolo", "tune", f"model={best}", "space={lr0: [0.001, 0.01]}", f"project={tmp_path}", *words]) == 0
    assert (tmp_path / "tune" / "best_hyperparameters.yaml").is_file()
