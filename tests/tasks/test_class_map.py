"""Class maps computed along borders only, against enlarging all logits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from ultralytics.utils import ops

from ayolom.tasks.class_map import class_map, exported_class_map, in_original, values_in


def witness(logits: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    return F.interpolate(logits, size=shape, mode="bilinear", align_corners=False).argmax(1)


def blots(classes: int, rows: int, columns: int) -> torch.Tensor:
    """Logits with regions of several cells."""
    torch.manual_seed(0)
    return F.interpolate(torch.randn(2, classes, 4, 5), size=(rows, columns), mode="bicubic")


@pytest.mark.parametrize(
    ("logits", "shape"),
    [
        (blots(20, 48, 80), (384, 640)),
        (blots(3, 30, 41), (123, 167)),
        (blots(2, 24, 24), (24, 24)),
        (blots(256, 12, 20), (96, 160)),
        (torch.randn(1, 5, 24, 40, generator=torch.Generator().manual_seed(1)), (96, 160)),
        (blots(4, 16, 16).contiguous(memory_format=torch.channels_last), (128, 128)),
        (torch.zeros(1, 3, 8, 8), (32, 32)),
        (blots(5, 1, 7), (8, 56)),
        (blots(5, 9, 7), (45, 14)),
        (-blots(6, 10, 10).abs(), (40, 40)),
    ],
    ids=[
        "stride 8",
        "no whole factor",
        "same size",
        "256 classes",
        "noise",
        "channels last",
        "all equal",
        "one row",
        "odd factor, another across",
        "negative",
    ],
)
def test_classes_are_those_of_enlarged_logits(logits: torch.Tensor, shape: tuple[int, int]) -> None:
    found = class_map(logits, shape)
    assert found.dtype == torch.uint8
    assert found.shape == (len(logits), *shape)
    assert (found != witness(logits, shape)).double().mean() < 1e-4


def test_a_class_that_is_nowhere_the_first_can_win_between_cells() -> None:
    logits = torch.tensor([[[[4.0, 0.0]], [[0.0, 4.0]], [[3.0, 3.0]]]])  # the third is second in both cells
    found = class_map(logits, (8, 16))
    assert sorted(found.unique().tolist()) == [0, 1, 2]
    assert torch.equal(found, witness(logits, (8, 16)).to(torch.uint8))


def test_logits_that_are_no_numbers_give_some_map() -> None:
    assert class_map(torch.full((1, 3, 4, 4), float("nan")), (8, 8)).shape == (1, 8, 8)
    mixed = torch.randn(1, 3, 4, 4)
    mixed[0, 1, 2, 2] = float("nan")
    assert class_map(mixed, (16, 16)).shape == (1, 16, 16)


@pytest.mark.parametrize("factor", [1, 2, 3, 8])
def test_the_exported_map_is_that_of_enlarged_logits(factor: int) -> None:
    logits = blots(7, 12, 20)
    found = exported_class_map(logits, factor)
    assert (found != witness(logits, (12 * factor, 20 * factor))).double().mean() < 1e-4


@pytest.mark.parametrize(
    ("padded", "original"),
    [
        ((384, 640), (720, 1280)),
        ((640, 640), (720, 1280)),
        ((384, 640), (123, 211)),
        ((640, 480), (1600, 1200)),
        ((640, 32), (3000, 7)),
        ((96, 96), (1, 1)),
        ((97, 131), (97, 131)),
    ],
    ids=["video", "square", "smaller", "centres on borders", "thin", "one pixel", "same size"],
)
@pytest.mark.parametrize("kind", [torch.uint8, torch.int32, torch.bool], ids=str)
def test_maps_in_the_original_are_those_of_the_base(padded, original, kind: torch.dtype) -> None:
    classes = torch.randint(0, 2 if kind == torch.bool else 256, padded).to(kind)
    expected = ops.scale_masks(classes[None, None], original, mode="nearest-exact")[0, 0].to(torch.uint8)
    found = in_original(classes, original)
    assert found.dtype == torch.uint8
    assert torch.equal(found, expected)


def test_the_map_in_the_original_is_a_copy() -> None:
    classes = torch.zeros(4, 4, dtype=torch.uint8)
    in_original(classes, (4, 4)).fill_(1)
    assert not classes.any(), "runtimes write their next answer into the same memory"


@pytest.mark.parametrize("shape", [(48, 64), (7, 5), (1, 3), (3, 8), (0, 5)], ids=str)
def test_values_in_a_map_are_all_of_them(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    for plain in (True, False):
        classes = np.full(shape, 9, np.uint8) if plain else rng.integers(0, 256, shape, np.uint8)
        for row, column in zip(*[rng.integers(0, max(1, size), 3) for size in shape], strict=True):
            if classes.size:
                classes[row, column] = rng.integers(0, 256)
        assert values_in(classes) == np.unique(classes).tolist()
        assert values_in(classes[:, ::-1]) == np.unique(classes).tolist()
