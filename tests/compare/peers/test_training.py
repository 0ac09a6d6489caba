"""Peers trained by the harness: from the start, after a kill, and through the command line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ayolom.cli import main
from ayolom.compare import _train, load_comparison
from ayolom.compare._counts import count_images
from ayolom.compare._data import derive, write_multi
from ayolom.compare._plan import own_data, plan
from ayolom.compare._run import Run, claim_folder
from ayolom.compare.peers import _boxes, _torchvision
from ayolom.compare.peers._torchvision import torchvision
from ayolom.compare.peers._trainer import open_network
from ayolom.data.schema import load_schema
from ayolom.errors import AyolomError

FCOS = {"name": "fcos", "model": "fcos_resnet50_fpn", "kind": "torchvision"}
DEEPLAB = {"name": "deeplab", "model": "deeplabv3_mobilenet_v3_large", "kind": "torchvision"}


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Give back the threads that a run takes away."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def small_fcos(num_classes: int, **arguments: Any) -> nn.Module:
    """FCOS on two convolutions, with anchors of one level."""
    models = torchvision().models.detection
    body = nn.Sequential(nn.Conv2d(3, 16, 3, 4, 1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1))
    body.out_channels = 32
    anchors = models.anchor_utils.AnchorGenerator(sizes=((16,),), aspect_ratios=((1.0,),))
    kept = {name: arguments[name] for name in ("score_thresh", "detections_per_img")}
    assert arguments["weights"] is None
    assert arguments["weights_backbone"] is None
    return models.FCOS(body, num_classes, anchor_generator=anchors, **kept)


def prepared(file: Path, out: Path) -> dict[str, tuple[Run, Path]]:
    """The runs of a comparison with their folders, as the command would start them."""
    comparison = load_comparison(file)
    schema = load_schema(comparison.data)
    counts = count_images(schema)
    runs = plan(comparison, schema, counts, out / "data")
    derive(schema, counts, out / "data")
    for entry in comparison.entries.values():
        if own_data(entry):
            write_multi(schema, counts, out / "data", own_data(entry), entry.flip_pairs)
    for run in runs:
        claim_folder(run, out / "runs" / run.name)
    return {run.name: (run, out / "runs" / run.name) for run in runs}


def test_budgets_and_data_of_a_peer(write_comparison, tmp_path: Path) -> None:
    runs = prepared(write_comparison("peers-plan.yaml", runs=[FCOS, DEEPLAB], seeds=[0]), tmp_path)
    assert {name: run.epochs for name, (run, _) in runs.items()} == {
        "fcos-exposure-s0": 1,
        "fcos-steps-s0": 2,  # 4 of 6 images are labelled for damage: two batches against three
        "deeplab-s0": 1,
    }
    assert runs["deeplab-s0"][0].tasks == {"parts": "semantic"}
    assert {Path(run.data).name for run, _ in runs.values()} == {"multi.yaml"}


def test_killed_and_gone_on_with(write_comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_boxes, "builder", lambda name: small_fcos)
    budget = {"epochs": 3, "imgsz": 64, "batch": 2, "equal": "exposure"}
    settings = {"verbose": False, "threads": 1, "nbs": 2}  # a step for each batch
    file = write_comparison("peers.yaml", runs=[FCOS], seeds=[0], budget=budget, settings=settings)
    run, folder = prepared(file, tmp_path)["fcos-exposure-s0"]
    with monkeypatch.context() as patch:
        watch = _train.watch

        def killed_after_one(model: Any, *args: Any) -> None:
            watch(model, *args)
            model.add_callback("on_fit_epoch_end", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))

        patch.setattr(_train, "watch", killed_after_one)
        with pytest.raises(KeyboardInterrupt):
            _train.train(folder)
    assert not (folder / "result.json").is_file()
    state = torch.load(folder / "weights" / "last.pt", weights_only=True)
    assert state["epoch"] == 0
    assert state["optimizer"]["state"]

    _train.train(folder)
    result = json.loads((folder / "result.json").read_text())
    assert (result["done"], result["finished"], result["steps"]) == (3, True, 6)
    epochs = [json.loads(line)["epoch"] for line in (folder / "epochs.jsonl").read_text().splitlines()]
    assert epochs == [1, 2, 3]
    assert 0 <= result["results"]["damage"]["final"]["mAP50"] <= 1
    assert result["parameters"] - result["parameters_fused"] == 32  # scale and shift of each channel
    assert result["gflops"] > 0
    assert result["latency_ms"] > 0
    assert result["machine"]["torchvision"]
    network = open_network(folder / "weights" / "last.pt")
    assert network.names == load_schema(run.data).tasks["damage"].names
    assert network(torch.rand(1, 3, 64, 64))["damage"].shape[::2] == (1, 6)


def test_masks(write_comparison, tmp_path: Path) -> None:
    settings = {"verbose": False, "threads": 1, "optimizer": "SGD"}
    rows = [DEEPLAB | {"flip_pairs": {"parts": False}}]
    file = write_comparison("deeplab.yaml", runs=rows, seeds=[0], settings=settings)
    ((run, folder),) = prepared(file, tmp_path).values()
    _train.train(folder)
    result = json.loads((folder / "result.json").read_text())
    scores = result["results"]["parts"]["final"]
    assert 0 <= scores["mIoU"] <= 1
    assert not math.isnan(scores["mIoU present"])
    assert result["finished"]
    assert result["seconds_per_epoch"] > 0
    assert result["parameters"] > result["parameters_fused"] > 10_000_000
    assert Path(run.data).name == "multi-deeplab.yaml"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param({"model": "fcos_resnet50"}, "Did you mean 'fcos_resnet50_fpn'", id="no such network"),
        pytest.param({"model": "yolo26n.yaml"}, "no such network of torchvision", id="a model of the base's"),
        pytest.param({"kind": "torchvison"}, "Did you mean 'torchvision'", id="kind"),
    ],
)
def test_wrong_rows(write_comparison, row: dict, message: str) -> None:
    with pytest.raises(AyolomError, match=message):
        load_comparison(write_comparison("wrong.yaml", runs=[FCOS | row]))


def test_torchvision_that_does_not_load_is_told_before_the_first_is_trained(
    write_comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(name: str) -> None:
        raise RuntimeError("operator torchvision::nms does not exist")

    torchvision.cache_clear()
    monkeypatch.setattr(_torchvision, "import_module", refuse)
    monkeypatch.setattr(_torchvision, "SUPPRESSION", ())
    monkeypatch.setattr(_torchvision, "_forget", lambda: None)
    file = write_comparison("broken.yaml", runs=[FCOS])
    assert main(["yolo", "compare", f"runs={file}", f"out={tmp_path / 'out'}"]) == 1
    message = capsys.readouterr().err
    assert "torchvision does not load beside torch" in message
    assert "pip install 'torchvision==0." in message
    assert not (tmp_path / "out").exists()
    torchvision.cache_clear()
