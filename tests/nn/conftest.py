"""A network small enough to train in a test, and batches for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from ayolom.nn.spec import load_spec

BACKBONE = [
    [-1, 1, "Conv", [8, 3, 2]],  # B0, stride 2
    [-1, 1, "Conv", [16, 3, 2]],  # B1, stride 4
    [-1, 1, "C2f", [16, True]],  # B2
    [-1, 1, "Conv", [32, 3, 2]],  # B3, stride 8
    [-1, 1, "C2f", [32, True]],  # B4
]
DAMAGE = {"kind": "detect", "nc": 3, "neck": [[-1, 1, "C2f", [32]]], "head": [["N0", "B4"], "Detect", []]}
PARTS = {
    "kind": "semantic",
    "nc": 4,
    "neck": [
        [-1, 1, "nn.Upsample", ["None", 2, "nearest"]],
        [[-1, "B2"], 1, "AdaptiveConcat", []],
        [-1, 1, "C2f", [16]],
    ],
    "head": [["N2"], "SegmentationHead", [4, 2]],
}


def _copy(value: Any) -> Any:
    """Return nested lists and dicts that share nothing with the original."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


@pytest.fixture
def make_spec() -> Callable[..., dict[str, Any]]:
    """Return a maker of small model YAMLs: tasks damage (boxes) and parts (a mask) unless others are given."""

    def make(**tasks: dict[str, Any]) -> dict[str, Any]:
        return _copy({"backbone": BACKBONE, "tasks": tasks or {"damage": DAMAGE, "parts": PARTS}})

    return make


@pytest.fixture
def spec(make_spec: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Return the small model YAML."""
    return make_spec()


@pytest.fixture
def make_batch() -> Callable[..., dict[str, Any]]:
    """Return a maker of batches of 64-pixel images, labelled as told: a box in each, and a mask of four classes."""

    def make(*labelled: tuple[str, ...]) -> dict[str, Any]:
        number = len(labelled)
        generator = torch.Generator().manual_seed(7)
        return {
            "img": torch.rand(number, 3, 64, 64, generator=generator),
            "cls": torch.arange(number).remainder(3).view(-1, 1).float(),
            "bboxes": torch.tensor([[0.5, 0.4, 0.5, 0.3]]).repeat(number, 1),
            "batch_idx": torch.arange(number).float(),
            "semantic_mask": torch.randint(0, 4, (number, 1, 64, 64), generator=generator).to(torch.uint8),
            "labelled": labelled,
        }

    return make


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Start every test from the same weights."""
    torch.manual_seed(0)


@pytest.fixture
def wide_spec() -> dict[str, Any]:
    """aYOLOM26n with the neck of yolo26-sem, as wide as that, its joins gated."""
    spec = load_spec("aYOLOM26n.yaml")
    rise = [-1, 1, "nn.Upsample", ["None", 2, "nearest"]]
    joins = [[[-1, row], 1, "AdaptiveConcat", []] for row in ("B6", "B4")]
    neck = [rise, joins[0], [-1, 2, "C3k2", [512, True]], rise, joins[1], [-1, 2, "C3k2", [256, True]]]
    head = [["N5", "N2"], "SegmentationHead", [8, 8, True]]
    return {**spec, "tasks": {**spec["tasks"], "parts": {"kind": "semantic", "nc": 20, "neck": neck, "head": head}}}
