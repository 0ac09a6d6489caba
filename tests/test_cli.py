"""The command line: ours for models of several tasks, the base's for everything else, and what it says on mistakes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml
from torch import nn

from ayolom import cli
from ayolom.cli import main

NETWORK = """
end2end: True
reg_max: 1
backbone:
  - [-1, 1, Conv, [8, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
tasks:
  damage: {kind: detect, head: [[B2], Detect, []]}
"""
SMALL = ["imgsz=64", "batch=4", "workers=0", "threads=1", "plots=False", "verbose=False", "exist_ok=True"]


class Foreign(nn.Linear):
    """A network of a class that the base does not know."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory: `tiny.yaml` is a model, `cars.yaml` data in our form, `boxes.yaml` in the base's."""
    folder = tmp_path_factory.mktemp("work")
    random = np.random.default_rng(0)
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (folder / "set" / kind / split).mkdir(parents=True)
        for i in range(4):
            cv2.imwrite(
                str(folder / "set" / "images" / split / f"{i}.png"), random.integers(0, 255, (64, 64, 3), np.uint8)
            )
            (folder / "set" / "labels" / split / f"{i}.txt").write_text("0 0.5 0.5 0.4 0.4\n")
    places = {"path": str(folder / "set"), "train": "images/train", "val": "images/val"}
    tasks = {"damage": {"kind": "detect", "names": ["dent"]}}
    (folder / "cars.yaml").write_text(yaml.safe_dump({**places, "tasks": tasks}))
    (folder / "boxes.yaml").write_text(yaml.safe_dump({**places, "names": ["dent"]}))
    (folder / "tiny.yaml").write_text(NETWORK)
    return folder


@pytest.fixture(autouse=True)
def _inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("AYOLOM_TRACEBACK", raising=False)


@pytest.fixture(scope="module")
def best(folder: Path) -> str:
    """A checkpoint that the command has trained."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        assert (
            main(
                [
                    "yolo",
                    "train",
                    "model=tiny.yaml",
                    "data=cars.yaml",
                    "epochs=1",
                    f"project={folder}/runs",
                    "name=first",
                    *SMALL,
                ]
            )
            == 0
        )
    finally:
        os.chdir(here)
    return str(folder / "runs" / "first" / "weights" / "best.pt")


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines that reach the base."""
    lines: list[list[str]] = []
    monkeypatch.setattr("ultralytics.cfg.entrypoint", lambda debug="": lines.append([*sys.argv, *debug.split()]))
    return lines


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What our modes are called with."""
    from ayolom import YOLO

    found: list[dict[str, Any]] = []

    def record(mode: str) -> Any:
        def run(self: YOLO, **settings: Any) -> list[Any]:
            found.append({"mode": mode, "task": self.task, "model": str(self.model_name), **settings})
            return []

        return run

    for mode in ("train", "val", "predict", "track"):
        monkeypatch.setattr(YOLO, mode, record(mode))
    return found


# Ours -----------------------------------------------------------------------------------------------------------------
def test_train_val_and_predict(best: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Path(best).is_file()
    assert main(["ayolom", "val", f"model={best}", "data=cars.yaml", f"project={folder}/runs", "name=val", *SMALL]) == 0
    source = folder / "set" / "images" / "val"
    words = [
        "yolo",
        "predict",
        f"model={best}",
        f"source={source}",
        "conf={damage:",
        "0.01}",
        f"project={folder}/runs",
        "name=pictures",
        *SMALL,
    ]
    assert main(words) == 0
    assert len(list((folder / "runs" / "pictures").glob("*.jpg"))) == 4  # the base writes pictures as JPEG
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["conf={damage: 0.3}"],
        ["conf={damage:", "0.3}"],
        ["conf={damage:0.3}"],
        ["conf=", "{damage:", "0.3}"],
        ["--conf={damage: 0.3},"],
    ],
    ids=str,
)
def test_settings_by_task_however_the_shell_splits_them(words: list[str], best: str, calls: list) -> None:
    from ayolom.config import split_settings

    assert main(["yolo", "predict", f"model={best}", "source=x.jpg", *words, "imgsz=[64,", "96]"]) == 0
    assert split_settings({"conf": calls[0]["conf"]})[1].per_task == {"conf": {"damage": 0.3}}
    assert calls[0]["imgsz"] == [64, 96]
    assert calls[0]["source"] == "x.jpg"


@pytest.mark.parametrize(
    ("words", "mode", "model"),
    [
        (["train", "data=cars.yaml"], "train", "aYOLOM26n.yaml"),
        (["multitask", "train", "data=cars.yaml"], "train", "aYOLOM26n.yaml"),
        (["task=multitask", "mode=val", "model=tiny.yaml", "data=cars.yaml"], "val", "tiny.yaml"),
        (["train", "model=aYOLOMs-bdd.yaml", "data=cars.yaml"], "train", "aYOLOMs-bdd.yaml"),
        (["track", "model=tiny.yaml", "source=0"], "track", "tiny.yaml"),
    ],
)
def test_commands_that_are_ours(words: list[str], mode: str, model: str, calls: list, base: list) -> None:
    assert main(["yolo", *words]) == 0
    assert [(call["mode"], call["model"], call["task"]) for call in calls] == [(mode, model, "multitask")]
    assert base == []
    assert not {"multitask", "mode"} & (set(calls[0]) - {"mode", "task"})


def test_pictures_are_saved_unless_told_otherwise(best: str, calls: list) -> None:
    assert main(["yolo", "predict", f"model={best}"]) == 0
    assert main(["yolo", "predict", f"model={best}", "save=False"]) == 0
    assert [call["save"] for call in calls] == [True, False]
    assert Path(calls[0]["source"]).is_dir()  # the base's pictures


def test_latest_run_goes_on_when_no_file_is_named(best: str, calls: list, base: list) -> None:
    assert main(["yolo", "train", "resume=True"]) == 0
    assert calls[0]["resume"] is True
    assert base == []


# The base's -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "line",
    [
        "yolo settings",
        "yolo settings reset",
        "yolo settings runs_dir=here",
        "yolo checks",
        "yolo cfg",
        "yolo version",
        "yolo copy-cfg",
        "yolo solutions count source=walk.mp4 show=False",
        "yolo detect train model=yolo26n.yaml data=boxes.yaml epochs=1 imgsz = 64",
        "yolo predict model=yolo26n.pt source=a.jpg imgsz=[64, 96]",
        "yolo TASK=detect val model=yolo26n.pt data=coco8.yaml",
        "yolo export model=yolo26n.pt format=onnx half",
        "yolo train model=no-such-model.yaml data=boxes.yaml",
        "yolo train model=tiny-base.yaml",
    ],
)
def test_everything_else_reaches_the_base_as_it_was_typed(
    line: str, base: list, calls: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("tiny-base.yaml").write_text("backbone: []\nhead: []\nnc: 1\n")
    monkeypatch.setattr(sys, "argv", line.split())
    assert main() == 0
    assert base == [line.split()]
    assert calls == []


@pytest.mark.parametrize("words", [[], ["help"], ["-h"], ["--help"], ["train", "--help"]], ids=str)
def test_help_is_both_helps(words: list[str], base: list, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["yolo", *words]) == 0
    assert base == [["yolo", *words]]
    text = capsys.readouterr().out
    assert "yolo train model=aYOLOM26n.yaml data=cardamage.yaml" in text


def test_base_saves_pictures_under_our_name_too(base: list) -> None:
    """It asks whether the name of the program ends with "yolo"."""
    before = list(sys.argv)
    assert main(["/usr/bin/ayolom", "predict", "model=yolo26n.pt", "source=a.jpg"]) == 0
    assert base == [["yolo", "predict", "model=yolo26n.pt", "source=a.jpg"]]
    assert sys.argv == before


def test_our_own_words(capsys: pytest.CaptureFixture[str]) -> None:
    from ultralytics import __version__ as base_version

    from ayolom import __version__

    assert main(["ayolom", "version"]) == 0
    assert f"ayolom {__version__} on ultralytics {base_version}" in capsys.readouterr().out
    assert main(["ayolom", "cfg"]) == 0
    assert "balance: fixed" in capsys.readouterr().out


@pytest.mark.slow
def test_training_of_the_base_runs(folder: Path, root: Path) -> None:
    words = "detect train model=yolo26n.yaml data=boxes.yaml epochs=1 imgsz=64 batch=4 plots=False name=base"
    environment = {key: value for key, value in os.environ.items() if key != "YOLO_AUTOINSTALL"}
    code = (
        "import sys; from ayolom.cli import main; code = main(); import ultralytics.utils as base; "
        "assert base.AUTOINSTALL is False; sys.exit(code)"
    )
    command = [sys.executable, "-c", code, *words.split(), f"project={folder}/runs"]
    environment |= {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "YOLO26n summary" in done.stdout
    assert (folder / "runs" / "base" / "weights" / "best.pt").is_file()


# Mistakes -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "model=tiny.yaml", "data=cars.yaml", "epoch=1"], "epoch: no such setting. Did you mean 'epochs'?"),
        (["train", "model=tiny.yaml", "data=cars.yaml", "balanced=fixed"], "Did you mean 'balance'?"),
        (["trian", "model=tiny.yaml"], "trian: no such mode or setting. Did you mean 'train'?"),
        (["mode=trian", "model=tiny.yaml"], "mode=trian: no such mode. Did you mean 'train'? Say what to do"),
        (["model=tiny.yaml"], "the mode is missing. Say what to do, one of train, val, predict"),
        (["train", "model=tiny.yaml"], "data= is missing; give a dataset YAML, such as data=cardamage.yaml"),
        (["val", "model=tiny.yaml"], "data= is missing; give the dataset YAML"),
        (["train", "model=tiny.yaml", "data=car.yaml"], "data=car.yaml: no such file."),
        (
            ["train", "model=aYOLM26n.yaml", "data=cars.yaml"],
            "model=aYOLM26n.yaml: no such file. Did you mean 'aYOLOM26",
        ),
        (
            ["train", "model=tiny.yaml", "data=cars.yaml", "balance=fxied"],
            "must be one of fixed, uncertainty, dwa, famo, upgrad, pcgrad. Did you mean",
        ),
        (["train", "model=tiny.yaml", "data=cars.yaml", "batch=-1"], "batch=-1: the batch size"),
        (
            ["train", "model=tiny.yaml", "data=cars.yaml", "conf={damage: 0.3"],
            "conf={damage: 0.3: the brace is not closed",
        ),
        (["train", "model=tiny.yaml", "data=cars.yaml", "epochs=two"], "'epochs=two' is of invalid type str"),
        (["train", "model=tiny.yaml", "data=cars.yaml", "epochs="], "missing 'epochs' value"),
        (
            ["train", "model=tiny.yaml", "data=cars.yaml", "pretrained=no.pt"],
            "no.pt: no such file; weights are not down",
        ),
        (
            ["train", "resume=runs/no/weights/last.pt"],
            "resume=runs/no/weights/last.pt: no such checkpoint; check the path",
        ),
        (["predict", "model=no.pt"], "model=no.pt: no such checkpoint; check the path"),
        (["predict", "model=tiny.yaml", "source=nowhere"], "source=nowhere: no such file or folder; check the path"),
        (["train", "model=yolo26n.pt", "data=cars.yaml"], "describes several tasks and yolo26n.pt is a model of one"),
        (
            ["train", "model=yolo26n.yaml", "data=cars.yaml"],
            "describes several tasks and yolo26n.yaml is a model of one",
        ),
        (
            ["train", "model=tiny.yaml", "data=boxes.yaml"],
            "boxes.yaml: 'names' is not a key here; names belong to a task",
        ),
        (["train", "model=tiny.yaml", "data=cars.yaml", "cfg=broken.yaml"], "broken.yaml: line 3: not valid YAML"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistake_is_one_message_and_status_1(
    words: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("broken.yaml").write_text("a: 1\nb: [1\n")
    line = ["yolo", f"project={folder}/runs", *words]
    assert main(line) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "error: " in error
    assert "Traceback" not in error
    monkeypatch.setenv("AYOLOM_TRACEBACK", "1")
    with pytest.raises(Exception, match=re.escape(message)):
        main(line)


def test_mistake_in_a_process_of_its_own(folder: Path, root: Path) -> None:
    """The exit status and the traceback are those of the process."""
    command = [sys.executable, "-m", "ayolom.cli", "predict", "model=none/best.pt"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error: model=none/best.pt: no such checkpoint; check the path" in done.stderr
    assert "Traceback" not in done.stderr


def test_code_in_a_checkpoint_needs_trust(
    folder: Path, base: list, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ultralytics.nn.tasks import DetectionModel

    torch.save({"model": Foreign(1, 1)}, "theirs.pt")
    torch.save({"model": DetectionModel("yolo26n.yaml", verbose=False)}, "known.pt")
    for words in (
        ["predict", "model=theirs.pt"],
        ["detect", "train", "model=yolo26n.yaml", "data=boxes.yaml", "pretrained=theirs.pt"],
        ["train", "model=tiny.yaml", "data=cars.yaml", "pretrained=theirs.pt", f"project={folder}/runs", *SMALL],
    ):
        assert main(["yolo", *words]) == 1
        assert "pass trust=True only for a file you made yourself" in capsys.readouterr().err
    assert base == []
    assert main(["yolo", "predict", "model=known.pt", "source=a.jpg"]) == 0
    assert main(["yolo", "predict", "model=theirs.pt", "trust=True", "source=a.jpg"]) == 0
    assert [line[2:] for line in base] == [["model=known.pt", "source=a.jpg"], ["model=theirs.pt", "source=a.jpg"]]
    trained = [
        "train",
        "model=tiny.yaml",
        "data=cars.yaml",
        "pretrained=theirs.pt",
        "trust=True",
        f"project={folder}/runs",
        *SMALL,
    ]
    assert main(["yolo", *trained]) == 1  # it is loaded now, and found to hold no YOLO
    assert "pass trust" not in capsys.readouterr().err


def test_interrupted_training_says_how_to_go_on(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ayolom.engine.trainer import MultiTaskTrainer

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    words = [
        "yolo",
        "train",
        "model=tiny.yaml",
        "data=cars.yaml",
        "epochs=2",
        f"project={folder}/runs",
        "name=cut",
        *SMALL,
    ]
    with monkeypatch.context() as patch:
        patch.setattr(MultiTaskTrainer, "build_optimizer", interrupt)
        assert main(words) == 130
    assert "interrupted before the first epoch was over; nothing is kept" in capsys.readouterr().err
    saved = MultiTaskTrainer.save_model

    def save_and_stop(self: MultiTaskTrainer) -> None:
        saved(self)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MultiTaskTrainer, "save_model", save_and_stop)
        assert main(words) == 130
    said = capsys.readouterr().err
    assert "Traceback" not in said
    command = said.rpartition("go on with: ")[2].split()
    assert command[:2] == ["yolo", "train"]
    assert main(command) == 0
    assert len((folder / "runs" / "cut" / "results.csv").read_text().splitlines()) == 1 + 2


@pytest.mark.parametrize("mode", ["predict", "track"])
def test_a_program_called_yolo_gets_no_results_from_the_base_and_ends_well(mode: str) -> None:
    """The base goes through the results itself and returns None when the first word of the process ends in yolo."""
    given: dict[str, object] = {}

    class Model:
        def predict(self, **arguments: object) -> None:
            given.update(arguments)

        track = predict

    cli._predict(Model(), mode, "car.jpg", conf=0.5)
    assert given == {"source": "car.jpg", "stream": True, "conf": 0.5}
