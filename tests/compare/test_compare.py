"""A comparison through the command line, with networks of a few layers."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from PIL import Image

from ayolom.cli import main
from ayolom.compare import load_comparison
from ayolom.compare._budget import batches, equal_steps
from ayolom.compare._counts import count_images
from ayolom.compare._epochs import read_epochs
from ayolom.compare._plan import plan
from ayolom.data.schema import load_schema


def planned(file: Path, out: Path) -> dict[str, object]:
    comparison = load_comparison(file)
    schema = load_schema(comparison.data)
    return {run.name: run for run in plan(comparison, schema, count_images(schema, comparison.images), out)}


@pytest.mark.parametrize(
    ("union", "own", "batch", "epochs"),
    [
        pytest.param(6, 4, 2, 15, id="3 batches against 2"),
        pytest.param(6, 2, 2, 30, id="3 against 1"),
        pytest.param(5, 4, 2, 15, id="a part of a batch counts"),
        pytest.param(600, 401, 16, 15, id="at least as many: 380 / 26"),
    ],
)
def test_equal_steps(union: int, own: int, batch: int, epochs: int) -> None:
    assert equal_steps(10, batches(union, batch), batches(own, batch)) == epochs


def test_plan(write_comparison, tmp_path: Path) -> None:
    runs = planned(write_comparison("plan.yaml", budget={"epochs": 10, "batch": 2}), tmp_path)
    of_one_seed = ["shared", "plain-flips", "boxes-exposure", "boxes-steps", "map"]
    assert list(runs) == [f"{name}-s{seed}" for seed in (0, 1) for name in of_one_seed]
    assert {name: runs[f"{name}-s0"].epochs for name in of_one_seed} == dict.fromkeys(of_one_seed, 10) | {
        "boxes-steps": 15
    }
    assert runs["map-s0"].budget == "both"  # all images have part masks
    assert runs["boxes-steps-s1"].settings["seed"] == 1
    assert runs["shared-s0"].threads == 1
    assert Path(runs["plain-flips-s0"].data).name == "multi-plain-flips.yaml"


def test_a_larger_batch_for_all_tasks_makes_both_budgets_one(write_comparison, tmp_path: Path) -> None:
    """Six images by three against four by two: two batches an epoch for both, and each gathers as many of them."""
    budget = {"epochs": 10, "batch": 2, "shared_batch": 3}
    runs = planned(write_comparison("larger.yaml", budget=budget, seeds=0), tmp_path)
    assert list(runs) == ["shared-s0", "plain-flips-s0", "boxes-s0", "map-exposure-s0", "map-steps-s0"]
    assert [runs["shared-s0"].settings[key] for key in ("batch", "nbs")] == [3, 96]
    assert runs["boxes-s0"].settings["batch"] == 2
    assert "nbs" not in runs["boxes-s0"].settings  # the base's 64
    assert runs["map-steps-s0"].epochs == 7  # three batches an epoch, where 20 are wanted


def test_dry_run_writes_nothing(write_comparison, tmp_path: Path) -> None:
    file = write_comparison("dry.yaml")
    assert main(["yolo", "compare", f"runs={file}", f"out={tmp_path / 'out'}", "dry_run=True"]) == 0
    assert not (tmp_path / "out").exists()


def test_report_of_nothing_is_an_error(write_comparison, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["yolo", "compare", f"runs={write_comparison()}", f"out={tmp_path}", "report=True"]) == 1
    assert "holds no runs" in capsys.readouterr().err


def results(out: Path) -> dict[str, dict]:
    return {one["name"]: one for one in json.loads((out / "comparison.json").read_text())}


@pytest.mark.slow
def test_the_example_of_the_documentation(workshop: Path, root: Path, tmp_path: Path) -> None:
    """The file in docs/compare.md, with models of a few layers and small pictures in place of its own."""
    (text,) = re.findall(r"```yaml\n(data:.*?)```", (root / "docs" / "compare.md").read_text(), re.DOTALL)
    content = yaml.safe_load(text)
    small = {"multi": "shared.yaml", "base detect": "boxes.yaml", "base semantic": "map.yaml"}
    for row in content["runs"]:
        row["model"] = str(workshop / small[row["kind"]])
    content |= {"data": str(workshop / "cars.yaml"), "seeds": [0]}
    content["budget"] |= {"epochs": 1, "imgsz": 64, "batch": 2}
    content["settings"] |= {"verbose": False, "threads": 1}
    file, out = tmp_path / "compare.yaml", tmp_path / "out"
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    command = ["yolo", "compare", f"runs={file}", f"out={out}"]
    assert main(command) == 0
    done = results(out)
    assert all(one["finished"] and one["done"] == one["epochs"] for one in done.values())
    assert all(one["parameters"] >= one["parameters_fused"] > 0 and one["latency_ms"] > 0 for one in done.values())
    assert all(one["gflops"] > 0 and one["machine"]["torch"] for one in done.values())
    assert {row["run"] for row in csv.DictReader((out / "comparison.csv").open())} == {
        r["name"] for r in content["runs"]
    }
    for plot in ("metrics-exposure.png", "metrics-steps.png", "courses.png"):
        assert min(Image.open(out / plot).size) > 100
    times = {file: file.stat().st_mtime_ns for file in out.glob("runs/*/result.json")}
    assert main(command) == 0  # nothing is trained again
    assert {file: file.stat().st_mtime_ns for file in out.glob("runs/*/result.json")} == times
    content["settings"]["lr0"] = 0.1
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    assert main(command) == 1


@pytest.mark.slow
def test_validation_after_the_last_epoch_alone(write_comparison, tmp_path: Path) -> None:
    """The base fills the rows of the epochs before with zeros, which are no metrics."""
    rows = [
        {"name": "shared", "model": "shared.yaml", "kind": "multi"},
        {"name": "map", "model": "map.yaml", "kind": "base semantic"},
    ]
    settings = {"plots": False, "threads": 1, "val": False}
    file = write_comparison(runs=rows, seeds=0, settings=settings, budget={"epochs": 3, "imgsz": 64, "batch": 6})
    assert main(["yolo", "compare", f"runs={file}", f"out={tmp_path / 'out'}"]) == 0
    for name in ("shared-s0", "map-s0"):
        epochs = read_epochs(tmp_path / "out" / "runs" / name)
        measured = {epoch: sum(key.startswith("metrics/") for key in row) for epoch, row in epochs.items()}
        assert [bool(measured[epoch]) for epoch in (1, 2, 3)] == [False, False, True]
        assert ["mIoU" in row for row in epochs.values()] == [False, False, name == "map-s0"]
        done = results(tmp_path / "out")[name]["results"]["parts"]
        assert done["best"] == done["final"]
        assert done["final"]["epoch"] == 3


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_and_gone_on_with(write_comparison, tmp_path: Path, root: Path) -> None:
    """The run's process ends with its comparison; begun again it goes on, though its checkpoint is cut short."""
    rows = [{"name": "boxes", "model": "boxes.yaml", "kind": "base detect"}]
    budget = {"epochs": 30, "imgsz": 64, "batch": 2, "equal": "exposure"}
    file = write_comparison("killed.yaml", seeds=[0], budget=budget, runs=rows)
    command = [sys.executable, "-m", "ayolom.cli", "compare", f"runs={file}", f"out={tmp_path}"]
    folder = tmp_path / "runs" / "boxes-exposure-s0"
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while lines(folder / "epochs.jsonl") < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(1.5)
    before = lines(folder / "epochs.jsonl")
    assert 3 <= before < 30
    time.sleep(1.5)
    assert lines(folder / "epochs.jsonl") == before
    last = folder / "weights" / "last.pt"
    last.write_bytes(last.read_bytes()[:2000])
    assert subprocess.run(command, cwd=root, check=False, capture_output=True).returncode == 0
    assert results(tmp_path)["boxes-exposure-s0"]["done"] == 30
    numbers = [json.loads(line)["epoch"] for line in (folder / "epochs.jsonl").read_text().splitlines()]
    assert numbers[:before] == list(range(1, before + 1))
    assert numbers[before] in (before, before + 1)  # from the copy of the last whole checkpoint
    assert not (folder / "weights" / "kept.pt").exists()


def lines(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.is_file() else 0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param(
            {"model": "yolo99n.yaml", "kind": "base detect"}, "the base has no such model", id="no such model"
        ),
        pytest.param({"model": "map.yaml", "kind": "base detect"}, "is a model of kind semantic", id="another kind"),
        pytest.param({"model": "shared.yaml", "kind": "base detect"}, "is no model of the base's", id="ours"),
        pytest.param({"model": "yolo99n.yaml", "kind": "multi"}, "yolo99n.yaml", id="no such model of ours"),
    ],
)
def test_models_are_checked_before_the_first_is_trained(
    write_comparison, tmp_path: Path, capsys: pytest.CaptureFixture[str], row: dict, message: str
) -> None:
    file = write_comparison("models.yaml", runs=[{"name": "one", **row}])
    assert main(["yolo", "compare", f"runs={file}", f"out={tmp_path / 'out'}", "dry_run=True"]) == 1
    assert message in capsys.readouterr().err


def test_a_model_of_ours_for_one_task_is_a_single_task_model(workshop: Path, write_comparison, tmp_path: Path) -> None:
    model = yaml.safe_load((workshop / "shared.yaml").read_text())
    del model["tasks"]["parts"]
    (workshop / "alone.yaml").write_text(yaml.safe_dump(model))
    rows = [{"name": "alone", "model": "alone.yaml", "kind": "multi"}]
    runs = planned(write_comparison("alone-runs.yaml", runs=rows, seeds=[0]), tmp_path)
    assert list(runs) == ["alone-exposure-s0", "alone-steps-s0"]
    assert runs["alone-steps-s0"].tasks == {"damage": "detect"}
    assert runs["alone-steps-s0"].epochs == 2


def test_relative_folders_are_found_by_every_process(
    write_comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    budget = {"epochs": 1, "imgsz": 64, "batch": 2, "images": 5}
    file = write_comparison("relative.yaml", budget=budget, seeds=[0])
    from ayolom.compare import run as comparing

    done = []
    monkeypatch.setattr(comparing, "execute", lambda run, out, say: done.append((run, out)))
    assert main(["yolo", "compare", f"runs={file}", "out=here"]) == 1
    assert all(out == tmp_path / "here" / "runs" and Path(run.data).is_absolute() for run, out in done)
    assert len(load_schema(done[0][0].data).sources("train")[0].read_text().splitlines()) == 5
