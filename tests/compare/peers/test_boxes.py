"""Our batches as torchvision's targets, and its findings as ours."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ayolom.compare.peers import _boxes
from ayolom.compare.peers._boxes import BoxNetwork, squared, to_rows, to_targets
from ayolom.tasks.base import TaskSpec

SPEC = TaskSpec("damage", "detect", {0: "dent", 1: "scratch"})


class Recorder(nn.Module):
    """A detector that keeps what it was given; its loss is the number of images, its one box the whole image."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(()))
        self.given: list = []

    def forward(self, images: list, targets: list | None = None) -> object:
        self.given.append((images, targets))
        if targets is not None:
            return {"loss_one": self.factor * len(images), "loss_two": self.factor}
        one = {"scores": torch.tensor([0.5]), "labels": torch.tensor([2])}
        return [{**one, "boxes": torch.tensor([[0.0, 0, image.shape[2], image.shape[1]]])} for image in images]


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> BoxNetwork:
    monkeypatch.setattr(BoxNetwork, "build", lambda *_: Recorder())
    monkeypatch.setattr(_boxes, "is_compiled", lambda: True)
    return BoxNetwork("ssd300_vgg16", SPEC)


def batch(rows: list, images: int = 3, labelled: list | None = None) -> dict:
    """A collated batch of images (H 40, W 80); rows are of image, class, x, y, w, h."""
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 6)
    content = {"img": torch.rand(images, 3, 40, 80), "im_file": [f"{i}.jpg" for i in range(images)]}
    content |= {"batch_idx": table[:, 0], "cls": table[:, 1:2], "bboxes": table[:, 2:]}
    return content | ({"labelled": labelled} if labelled else {})


def test_targets_worked_by_hand() -> None:
    given = batch([[0, 1, 0.5, 0.5, 0.25, 0.5], [2, 0, 0.1, 0.2, 0.2, 0.4], [0, 0, 0.75, 0.5, 0.5, 1.0]])
    first, second, third = to_targets(given, 3, (40, 80))
    assert first["boxes"].tolist() == [[30, 10, 50, 30], [40, 0, 80, 40]]
    assert first["labels"].tolist() == [2, 1]
    assert second["boxes"].shape == (0, 4)
    torch.testing.assert_close(third["boxes"], torch.tensor([[0.0, 0, 16, 16]]))
    assert (third["boxes"].dtype, third["labels"].dtype) == (torch.float32, torch.int64)


@pytest.mark.parametrize("size", [pytest.param((0.0, 0.5), id="no width"), pytest.param((0.5, 0.0), id="no height")])
def test_boxes_without_extent_are_left_out(size: tuple) -> None:
    (only,) = to_targets(batch([[0, 1, 0.5, 0.5, *size], [0, 0, 0.5, 0.5, 0.5, 0.5]], images=1), 1, (40, 80))
    assert only["labels"].tolist() == [1]


def test_findings_as_rows() -> None:
    boxes = torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8], [0, 0, 9, 9]])
    one = {"boxes": boxes, "scores": torch.tensor([0.9, 0.8, 0.7]), "labels": torch.tensor([2, 0, 1])}
    none = {"boxes": torch.zeros(0, 4), "scores": torch.zeros(0), "labels": torch.zeros(0, dtype=torch.int64)}
    rows = to_rows([one, none])
    expected = torch.tensor([[1, 2, 3, 4, 0.9, 1], [0, 0, 9, 9, 0.7, 0]])
    torch.testing.assert_close(rows, torch.stack((expected, torch.zeros(2, 6))))
    assert to_rows([none, none]).shape == (2, 0, 6)


def test_squares_keep_boxes_where_they_are() -> None:
    images = torch.rand(2, 3, 64, 96)
    square = squared(images)
    assert square.shape == (2, 3, 96, 96)
    assert torch.equal(square[..., :64, :], images)
    assert torch.all(square[..., 64:, :] == 114 / 255)


def test_only_labelled_images_teach(recording: BoxNetwork) -> None:
    rows = [[0, 1, 0.5, 0.5, 0.25, 0.5], [2, 0, 0.5, 0.5, 0.5, 0.5]]
    given = batch(rows, labelled=[("damage",), (), ("damage", "parts")])
    loss, items = recording(given)
    (images, targets) = recording.network.given[0]
    assert all(torch.equal(image, given["img"][i]) for image, i in zip(images, (0, 2), strict=True))
    assert [one["labels"].tolist() for one in targets] == [[2], [1]]
    assert float(loss.detach()) == (2 + 1) * 2  # the sum of the losses times the images
    assert {name: float(value) for name, value in items.items()} == {"damage/loss_one": 2, "damage/loss_two": 1}


def test_answers_are_final_boxes_in_the_frame_of_the_images(recording: BoxNetwork) -> None:
    answer = recording.eval()(torch.rand(2, 3, 64, 96, dtype=torch.float16))["damage"]
    assert answer.tolist() == [[[0, 0, 96, 96, 0.5, 1]]] * 2  # of the square that a network of fixed size is given
    assert recording.network.given[0][0][0].dtype == torch.float32
