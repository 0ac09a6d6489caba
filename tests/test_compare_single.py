"""The comparison script: reading cut-off results, choosing epochs, planning equal budgets."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import jaccard_score

if TYPE_CHECKING:
    from types import ModuleType

TASKS = {"damage": "detect", "parts": "semantic"}


def load_script(name: str) -> ModuleType:
    """Import a file of scripts/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[1] / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


compare = load_script("compare_single")


def multi_run(**changes: object) -> object:
    fields = {"name": "multi", "kind": "multi", "model": "m.yaml", "data": "d.yaml", "tasks": TASKS, "epochs": 4}
    return compare.Run(**{**fields, "budget": "exposure", **changes})


def write_results(folder: Path, rows: str, notes: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.csv").write_text(rows)
    (folder / "epochs.jsonl").write_text(notes)


MULTI_ROWS = """epoch,time,metrics/damage/mAP50,metrics/damage/mAP50-95,metrics/parts/mIoU,metrics/parts/mIoU_present
1,10,0.1,0.01,0.30,0.32
2,20,0.4,0.30,0.20,0.21
3,30,0.3,0.20,0.40,0.41
"""


class TestReading:
    def test_epoch_done_twice_counts_as_done_last_and_a_cut_row_not_at_all(self, tmp_path: Path) -> None:
        rows = "epoch,time,metrics/mIoU\n1,5,0.1\n2,9,0.2\n2,3,0.25\n3,\n"
        notes = '{"epoch": 1, "seconds": 5.0, "steps": 3}\n{"epoch": 9, "seconds": 1}\n{"epoch": 2, "sec'
        write_results(tmp_path, rows, notes)
        epochs = compare.read_epochs(tmp_path)
        assert {number: row["metrics/mIoU"] for number, row in epochs.items()} == {1: 0.1, 2: 0.25}
        assert epochs[1]["steps"] == 3
        assert "steps" not in epochs[2]

    def test_epoch_that_was_not_validated_has_no_metrics(self, tmp_path: Path) -> None:
        notes = '{"epoch": 2, "scored": false}\n{"epoch": 3, "scored": true, "mIoU": 0.5}\n'
        write_results(tmp_path, MULTI_ROWS, notes)
        assert compare.read_epochs(tmp_path)[2] == {"epoch": 2, "time": 20, "scored": False}
        damage = compare.collect(multi_run(), tmp_path)["results"]["damage"]
        assert {chosen["epoch"] for chosen in damage.values()} == {3}
        assert {chosen["mAP50-95"] for chosen in damage.values()} == {0.2}

    def test_folder_without_results(self, tmp_path: Path) -> None:
        assert compare.read_epochs(tmp_path) == {}
        assert compare.collect(multi_run(), tmp_path)["results"] == {}

    def test_best_final_and_joint_epochs(self, tmp_path: Path) -> None:
        write_results(tmp_path, MULTI_ROWS, '{"epoch": 3, "seconds": 4.0, "steps": 21, "mIoU": null}\n')
        result = compare.collect(multi_run(), tmp_path)
        chosen = {name: {at: row["epoch"] for at, row in picks.items()} for name, picks in result["results"].items()}
        assert chosen["damage"] == {"best": 2, "late": 3, "final": 3, "best of all tasks": 3}
        assert chosen["parts"] == {"best": 3, "late": 3, "final": 3, "best of all tasks": 3}
        assert result["results"]["damage"]["best"] == {"epoch": 2, "mAP50": 0.4, "mAP50-95": 0.3}
        assert result["results"]["parts"]["best"] == {"epoch": 3, "mIoU": 0.4, "mIoU present": 0.41}
        assert (result["steps"], result["seconds_per_epoch"], result["done"]) == (21, 4.0, 3)

    def test_late_is_the_mean_of_the_last_tenth_that_was_scored(self, tmp_path: Path) -> None:
        write_results(tmp_path, MULTI_ROWS)
        found = {epochs: compare.collect(multi_run(epochs=epochs), tmp_path)["results"] for epochs in (4, 20)}
        assert found[4]["damage"]["late"] == {"epoch": 3, "mAP50": 0.3, "mAP50-95": 0.2}
        assert found[20]["damage"]["late"] == pytest.approx({"epoch": 3, "mAP50": 0.35, "mAP50-95": 0.25})
        write_results(tmp_path, MULTI_ROWS, '{"epoch": 2, "scored": false}\n')
        assert compare.collect(multi_run(epochs=20), tmp_path)["results"]["damage"]["late"]["mAP50"] == 0.3

    def test_names_of_the_base_are_read_too(self) -> None:
        row = {"metrics/mAP50(B)": 0.5, "metrics/mAP50-95(B)": 0.2, "metrics/mIoU": 0.6, "mIoU": 0.55}
        assert compare.task_metrics(row, "damage", "detect") == {"mAP50": 0.5, "mAP50-95": 0.2}
        assert compare.task_metrics(row, "parts", "semantic") == {"mIoU": 0.55, "mIoU present": 0.6}

    def test_not_a_number_is_never_best(self) -> None:
        assert compare.highest({1: math.nan, 2: 0.0, 3: 0.0}) == 2

    def test_mean_iou_agrees_with_scikit_learn(self) -> None:
        random = np.random.default_rng(0)
        truth, guess = random.integers(0, 4, 500), random.integers(0, 5, 500)  # class 4 is guessed only, 5 never seen
        matrix = torch.zeros(6, 6)
        for a, b in zip(truth, guess, strict=True):
            matrix[a, b] += 1
        assert compare.mean_iou(matrix) == pytest.approx(jaccard_score(truth, guess, average="macro"))
        assert compare.mean_iou(torch.zeros(3, 3)) is None


class TestReport:
    def test_finished_and_unfinished_runs_share_a_table(self, tmp_path: Path) -> None:
        run = multi_run()
        write_results(tmp_path / "multi", MULTI_ROWS)
        (tmp_path / "multi" / "run.json").write_text(json.dumps(compare.asdict(run)))
        table = compare.report(tmp_path)
        assert "| multi (3/4 epochs) | m.yaml | exposure | damage | best: 2/4 | 0.4000 | 0.3000 | - | - |" in table
        finished = {**compare.collect(run, tmp_path / "multi"), "finished": True, "parameters": 2812345}
        (tmp_path / "multi" / "result.json").write_text(json.dumps(finished))
        assert "| multi | m.yaml | exposure | parts | final: 3/4 | - | - | 0.4000 | 0.4100 |" in compare.report(
            tmp_path
        )
        assert "2,812,345" in (tmp_path / "comparison.md").read_text()
        assert json.loads((tmp_path / "comparison.json").read_text())[0]["finished"]


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    """Three data sets: 4 images for damage, 2 for parts, all 6 together."""
    for name, count in (("trial", 6), ("trial-damage", 4), ("trial-parts", 2)):
        for number in range(count):
            file = tmp_path / name / "images" / "train" / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 4)).save(file)
    tasks = "tasks: {damage: {kind: detect}, parts: {kind: semantic}}"
    for name, text in (("trial/trial", tasks), ("trial-damage/damage", ""), ("trial-parts/parts", "")):
        (tmp_path / f"{name}.yaml").write_text(f"train: images/train\nval: images/train\n{text}\n")
    return tmp_path / "trial" / "trial.yaml"


def plan(monkeypatch: pytest.MonkeyPatch, *words: str) -> list:
    monkeypatch.setattr(sys, "argv", ["compare_single.py", *words])
    return compare.plan(compare.parse_arguments())


class TestPlan:
    def test_equal_steps_give_smaller_sets_more_epochs(self, trial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        runs = plan(monkeypatch, "--data", str(trial), "--budget", "both", "--epochs", "10", "--batch", "2")
        assert {run.name: run.epochs for run in runs} == {
            "multi": 10,
            "detect": 10,
            "detect-steps": 15,
            "semantic": 10,
            "semantic-steps": 30,
        }
        assert runs[0].tasks == TASKS
        assert runs[1].tasks == {"damage": "detect"}
        assert Path(runs[1].data).name == "damage.yaml"

    def test_settings_for_all_and_for_one(self, trial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        extra = ("--extra", "lr0=0.02", "amp=false", "multi.balance=uncertainty")
        multi, detect, _ = plan(monkeypatch, "--data", str(trial), *extra)
        assert multi.settings["balance"] == "uncertainty"
        assert "balance" not in detect.settings
        assert (detect.settings["lr0"], detect.settings["amp"], detect.settings["cache"]) == (0.02, False, "ram")

    @pytest.mark.parametrize(
        ("words", "message"),
        [(("--models", "multi,detekt"), "'detekt' is not one of"), (("--extra", "lr0"), "'lr0' is not key=value")],
    )
    def test_typing_errors_are_named(
        self, trial: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
    ) -> None:
        with pytest.raises(SystemExit, match=message):
            plan(monkeypatch, "--data", str(trial), *words)

    def test_other_settings_are_not_mixed_into_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "multi").mkdir()
        (tmp_path / "multi" / "run.json").write_text(json.dumps(compare.asdict(multi_run(epochs=5)), indent=1))
        with pytest.raises(SystemExit, match="was started with other settings"):
            compare.execute(multi_run(), tmp_path)

    def test_finished_run_is_skipped(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "multi").mkdir()
        (tmp_path / "multi" / "result.json").write_text("{}")
        assert compare.execute(multi_run(), tmp_path)
        assert "done already" in capsys.readouterr().out

    def test_run_in_progress_is_left_alone(self, tmp_path: Path) -> None:
        pytest.importorskip("fcntl")
        lock = compare.only_one(tmp_path)
        with pytest.raises(SystemExit, match="another process trains this run"):
            compare.only_one(tmp_path)
        lock.close()
        compare.only_one(tmp_path).close()
