"""Suppression by OpenCV means what torchvision's means."""

from __future__ import annotations

import pytest
import torch
from ultralytics.utils.nms import TorchNMS

from ayolom.suppression import suppress


@pytest.mark.parametrize("threshold", [0.0, 0.45, 0.7, 1.0])
@pytest.mark.parametrize("count", [1, 50, 600])
def test_keeps_what_the_base_s_own_version_keeps(count: int, threshold: float) -> None:
    generator = torch.Generator().manual_seed(count)
    corner = torch.rand(count, 2, generator=generator) * 100
    boxes = torch.cat((corner, corner + torch.rand(count, 2, generator=generator) * 60 + 2), 1)
    boxes += torch.randint(0, 5, (count, 1), generator=generator) * 7680  # the base shifts classes apart
    scores = torch.rand(count, generator=generator)
    assert torch.equal(suppress(boxes, scores, threshold), TorchNMS.nms(boxes, scores, threshold))


def test_hand_worked() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 8], [20, 20, 30, 30]])  # IoU of the first two: 80 / 100
    scores = torch.tensor([0.5, 0.9, 0.1])
    assert suppress(boxes, scores, 0.79).tolist() == [1, 2]
    assert suppress(boxes, scores, 0.81).tolist() == [1, 0, 2]


def test_no_boxes() -> None:
    assert suppress(torch.zeros(0, 4), torch.zeros(0), 0.5).shape == (0,)


def test_boxes_without_extent_stay() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 8], [5, 0, 5, 9], [5, 0, 5, 9], [20, 20, 30, 30]])
    scores = torch.tensor([0.5, 0.9, 0.1, 0.7, 0.05])
    assert suppress(boxes, scores, 0.79).tolist() == [1, 3, 2, 4]
    assert suppress(boxes, scores, 0.81).tolist() == [1, 3, 0, 2, 4]
    assert suppress(boxes[2:4], scores[2:4], 0.5).tolist() == [1, 0]
