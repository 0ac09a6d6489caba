"""The model that detects at stride 4 as well."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.torch_utils import get_flops

from ayolom.config import cfg_dir, find_model_yaml
from ayolom.nn.model import MultiTaskModel
from ayolom.nn.spec import load_spec

NECK = {2: 2, 5: 5, 12: 6, 14: 8, 15: 9, 17: 11}  # rows of the neck with weights, and those of yolo26 that fill them


@pytest.fixture(scope="module")
def model() -> MultiTaskModel:
    return MultiTaskModel("aYOLOM26n-p2.yaml").eval()


def test_it_is_found_by_name_and_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file, scale = find_model_yaml("aYOLOM26s-p2.yaml")
    assert (file.name, scale) == ("aYOLOM26-p2.yaml", "s")


def test_boxes_come_from_four_strides(model: MultiTaskModel) -> None:
    head = model.model[model.heads["damage"]]
    assert head.stride.tolist() == [4, 8, 16, 32]
    found = model.train()(torch.zeros(1, 3, 64, 128))["damage"]
    model.eval()
    cells = sum((64 // stride) * (128 // stride) for stride in (4, 8, 16, 32))
    assert found["one2one"]["boxes"].shape == (1, 4, cells)


def test_detection_is_as_large_as_the_base_s(model: MultiTaskModel) -> None:
    """Neck and head of yolo26-p2 for the same number of classes, to the last parameter."""
    theirs = DetectionModel("yolo26n-p2.yaml", nc=6, verbose=False).model[11:]
    ours = [layer for layer in model.model if layer.block.startswith("damage")]
    assert sum(p.numel() for layer in ours for p in layer.parameters()) == sum(p.numel() for p in theirs.parameters())


def test_the_rest_is_that_of_the_model_without_it() -> None:
    ours, other = load_spec("aYOLOM26-p2.yaml"), load_spec("aYOLOM26.yaml")
    assert {key: ours[key] for key in ("backbone", "scales", "reg_max", "end2end")} == {
        key: other[key] for key in ("backbone", "scales", "reg_max", "end2end")
    }
    assert ours["tasks"]["parts"] == other["tasks"]["parts"]
    assert list(ours["tasks"]) == list(other["tasks"])


def test_sizes_in_the_comments(model: MultiTaskModel) -> None:
    text = (cfg_dir() / "models" / "aYOLOM26-p2.yaml").read_text(encoding="utf-8")
    rows = re.findall(r"^#   ([nsmlx]) +([\d,]+) parameters +([\d.]+) GFLOPs$", text, re.MULTILINE)
    assert [row[0] for row in rows] == list("nsmlx")
    small = MultiTaskModel("aYOLOM26s-p2.yaml")
    for built, row in zip((model, small), rows, strict=False):
        assert sum(p.numel() for p in built.parameters()) == int(row[1].replace(",", ""))
    assert get_flops(model, 640) == pytest.approx(float(rows[0][2]), abs=0.06)


def test_weights_of_yolo26_go_where_rows_match() -> None:
    """All but the climb to stride 4 and back, which has no counterpart: rows N6 to N11."""
    source = DetectionModel("yolo26n.yaml", verbose=False)
    with torch.no_grad():
        for tensor in source.state_dict().values():
            tensor.add_(1)  # so that nothing is equal by chance
    model = MultiTaskModel("aYOLOM26n-p2.yaml")
    counts = model.load(source)
    start = 11
    matches = {i: i for i in range(start)} | {start + ours: start + theirs for ours, theirs in NECK.items()}
    for ours, theirs in matches.items():
        mine, given = model.model[ours].state_dict(), source.model[theirs].state_dict()
        assert mine.keys() == given.keys()
        assert all(torch.equal(mine[key], given[key]) for key in given), model.model[ours].block
    sizes = {ours: len(source.model[theirs].state_dict()) for ours, theirs in matches.items()}
    assert counts["backbone"] == sum(size for ours, size in sizes.items() if ours < start)
    assert counts["damage"] >= sum(size for ours, size in sizes.items() if ours >= start)
    assert counts["parts"] == 0
