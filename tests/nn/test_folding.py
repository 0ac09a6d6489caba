"""Joins folded into the convolutions around them: cheaper, and the same."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from ultralytics.nn.tasks import BaseModel

from ayolom import AyolomError
from ayolom.nn.folding import FoldedJoin, fold_joins
from ayolom.nn.model import MultiTaskModel
from ayolom.nn.spec import load_spec

PICTURES = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(3))
NECK = [
    [-1, 1, "Conv", [16, 1, 1]],
    [-1, 1, "nn.Upsample", ["None", 2, "nearest"]],
    [[-1, "B2"], 1, "AdaptiveConcat", []],
    [-1, 1, "C3k2", [16, False]],
]


def network(name: str = "aYOLOM26n.yaml", **parts: Any) -> MultiTaskModel:
    """A network whose normalisation has seen something, ready for inference."""
    torch.manual_seed(0)
    spec = load_spec(name)
    spec["tasks"].get("parts", {}).update(parts)
    model = MultiTaskModel(spec).eval()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.running_mean, layer.bias.data):
                values.uniform_(-0.5, 0.5)
            for values in (layer.running_var, layer.weight.data):
                values.uniform_(0.5, 1.5)
    return model


def small(neck: list, head: list | None = None) -> MultiTaskModel:
    """A network of one mask task with a neck of a few rows."""
    backbone = [
        [-1, 1, "Conv", [8, 3, 2]],
        [-1, 1, "Conv", [8, 3, 2]],
        [-1, 1, "Conv", [12, 3, 2]],
        [-1, 1, "Conv", [24, 3, 2]],
    ]
    task = {
        "kind": "semantic",
        "nc": 3,
        "neck": neck,
        "head": head or [[f"N{len(neck) - 1}"], "SegmentationHead", [8, 8]],
    }
    return MultiTaskModel({"backbone": backbone, "tasks": {"parts": task}}).eval()


def outputs(model: MultiTaskModel) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        return {name: out[0] if isinstance(out, tuple) else out for name, out in model(PICTURES).items()}


def operations(model: MultiTaskModel) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(PICTURES)
    return counter.get_total_flops()


def folded(model: MultiTaskModel) -> list[int]:
    return [i for i, layer in enumerate(model.model) if isinstance(layer, FoldedJoin)]


@pytest.mark.parametrize(
    ("name", "joins"), [("aYOLOM26n.yaml", 4), ("aYOLOMn.yaml", 6), ("aYOLOM26-p2n.yaml", 5)], ids=["26", "paper", "p2"]
)
def test_a_folded_network_gives_the_same_for_less(name: str, joins: int) -> None:
    model = network(name)
    plain = deepcopy(model)
    BaseModel.fuse(plain, verbose=False)  # the witness: the base's fusing alone
    want, before = outputs(plain), operations(plain)
    model.fuse(verbose=False)
    assert len(folded(model)) == joins
    for task, output in outputs(model).items():
        torch.testing.assert_close(output, want[task], rtol=1e-4, atol=1e-3)
    assert operations(model) < 0.96 * before


def test_the_convolution_by_hand() -> None:
    """Two channels of one pixel before four pixels of one channel."""
    join = FoldedJoin(torch.tensor([[1.0, 2.0, 10.0]]), torch.tensor([0.5]), channels=2, scale=2)
    first = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    second = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).view(1, 1, 2, 2)
    assert join([first, second]).tolist() == [[[[21.5, 31.5], [41.5, 51.5]]]]  # 1 * 3 + 2 * 4 + 0.5 + 10 * x


def with_row(place: int, row: list) -> list:
    return [*NECK[:place], row, *NECK[place + 1 :]]


@pytest.mark.parametrize(
    ("neck", "scales"),
    [
        pytest.param(NECK, [2], id="enlarged, joined, read once"),
        pytest.param(with_row(2, [[-1, "B2"], 1, "Concat", [1]]), [2], id="the base's Concat"),
        pytest.param(with_row(1, [-1, 1, "nn.Upsample", ["None", 2, "bilinear"]]), [1], id="enlarged smoothly"),
        pytest.param(with_row(2, [[-1, "B2"], 1, "AdaptiveConcat", ["never"]]), [], id="never joined"),
        pytest.param(with_row(3, [-1, 1, "C3", [16, False]]), [], id="read by two convolutions"),
        pytest.param(with_row(3, [-1, 1, "Conv", [16, 3, 1]]), [], id="read by a convolution of 3x3"),
        pytest.param(
            [*NECK, [[-1, "N2"], 1, "Concat", [1]], [-1, 1, "C3k2", [16, False]]], [], id="read by two layers"
        ),
        pytest.param(
            [*NECK, [[-1, "N1"], 1, "Concat", [1]], [-1, 1, "C3k2", [16, False]]], [1], id="enlarged for two layers"
        ),
    ],
)
def test_what_is_folded(neck: list, scales: list[int]) -> None:
    model = small(neck)
    plain = deepcopy(model)
    want = outputs(BaseModel.fuse(plain, verbose=False))
    model.fuse(verbose=False)
    assert [model.model[i].scale for i in folded(model)] == scales
    torch.testing.assert_close(outputs(model)["parts"], want["parts"], rtol=1e-4, atol=1e-5)


def test_a_closed_gate_is_not_folded() -> None:
    model = small(with_row(2, [[-1, "B2"], 1, "AdaptiveConcat", ["learned", -1.0]]))
    model.fuse(verbose=False)
    assert folded(model) == []


def test_layers_keep_their_places() -> None:
    model = network()
    before = [(layer.i, layer.f, layer.block, layer.users) for layer in model.model]
    model.fuse(verbose=False)
    assert [(layer.i, layer.f, layer.block, layer.users) for layer in model.model] == before
    again = deepcopy(model.model)
    fold_joins(model.model)
    assert [type(layer) for layer in model.model] == [type(layer) for layer in again]


def test_a_folded_row_cannot_be_embedded() -> None:
    model = small(NECK)
    (place,) = folded(model.fuse(verbose=False))
    with pytest.raises(AyolomError, match=f"embed={place + 1}"):
        model.predict(PICTURES, embed=[place])
    assert len(model.predict(PICTURES, embed=[place + 1])) == len(PICTURES)
