"""The shipped model YAMLs: their sizes against published figures, and what their comments promise."""

from __future__ import annotations

import re

import pytest
import torch
from ultralytics.utils.torch_utils import get_flops

from ayolom.config import cfg_dir
from ayolom.nn.model import MultiTaskModel
from ayolom.nn.spec import load_spec

# Built from the published code: github.com/JiayuanWang-JW/YOLOv8-multi-task, yolov8-bdd-v4-one-dropout-individual at
# scales n and s. The paper's table 1 has 13.61 M for s.
PUBLISHED = {"n": 3_640_051, "s": 13_605_891}

# What each of the two published mask heads has that ours has not: the convolution of the distribution focal loss, made
# with the detection head that it derives from and never run; and a last layer of two maps, without bias, with
# normalisation (2 x 8 weights + 2 x 2), where ours has one logit with a bias (8 + 1).
UNUSED = 16
LAST_LAYER = (2 * 8 + 2 * 2) - (8 + 1)


@pytest.mark.parametrize("scale", ["n", "s"])
def test_parameters_are_the_published_ones(scale: str) -> None:
    model = MultiTaskModel(f"aYOLOM{scale}-bdd.yaml")
    ours = sum(p.numel() for p in model.parameters())
    assert ours + 2 * UNUSED + 2 * LAST_LAYER == PUBLISHED[scale]
    assert model.heads == {"vehicles": 22, "drivable": 35, "lane": 48}


@pytest.mark.parametrize("name", ["aYOLOM", "aYOLOM-bdd", "aYOLOM26"])
def test_sizes_in_the_comments(name: str) -> None:
    text = (cfg_dir() / "models" / f"{name}.yaml").read_text(encoding="utf-8")
    rows = re.findall(r"^#   ([nsmlx]) +([\d,]+) parameters +([\d.]+) GFLOPs$", text, re.MULTILINE)
    assert [row[0] for row in rows] == list("nsmlx")
    for scale, parameters, operations in rows[:2]:
        model = MultiTaskModel({**load_spec(f"{name}.yaml"), "scale": scale}).eval()
        assert sum(p.numel() for p in model.parameters()) == int(parameters.replace(",", ""))
        if scale == "n":
            assert get_flops(model, 640) == pytest.approx(float(operations), abs=0.06)


def test_the_light_family_is_lighter_than_its_two_single_models() -> None:
    """Fused at 640 px: yolo26n and yolo26n-sem for the same classes take 5.32 + 4.40 billion operations."""
    from ultralytics.nn.tasks import DetectionModel, SemanticSegmentationModel

    single = [
        DetectionModel("yolo26n.yaml", nc=6, verbose=False),
        SemanticSegmentationModel("yolo26n-sem.yaml", nc=20, verbose=False),
    ]
    apart = sum(get_flops(model.eval().fuse(verbose=False)) for model in single)
    assert get_flops(MultiTaskModel("aYOLOM26n.yaml").eval().fuse(verbose=False)) < 0.65 * apart


def test_the_sharper_neck_of_the_comment_builds() -> None:
    text = (cfg_dir() / "models" / "aYOLOM26.yaml").read_text(encoding="utf-8")
    spec = load_spec("aYOLOM26.yaml")
    parts = spec["tasks"]["parts"]
    parts["neck"] += [
        [-1, 1, "Conv", [128, 1, 1]],
        [-1, 1, "nn.Upsample", ["None", 2, "nearest"]],
        [[-1, "B2"], 1, "AdaptiveConcat", []],
        [-1, 2, "C3k2", [128, True]],
    ]
    parts["head"] = [["N11", "N3"], "SegmentationHead", [4, 4, True]]
    for row in [*parts["neck"][-4:], parts["head"]]:
        assert str(row).replace("'", "") in text
    model = MultiTaskModel(spec).eval()
    assert model(torch.zeros(1, 3, 64, 64))["parts"].shape == (1, 20, 16, 16)
