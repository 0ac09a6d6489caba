"""How sure a class map is of each pixel: against softmax by hand, in the frame of the map, and only when asked for."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from ayolom.engine.results import MultiTaskResults


def options(save_conf: bool = True, classes: list[int] | None = None) -> SimpleNamespace:
    return SimpleNamespace(classes=classes, save_conf=save_conf)


def smooth_logits(nc: int) -> torch.Tensor:
    """Return logits (1, nc, 16, 24) that change slowly, as those of a network do."""
    coarse = torch.randn(1, nc, 5, 6, generator=torch.Generator().manual_seed(9)) * 3
    return F.interpolate(coarse, (16, 24), mode="bicubic", align_corners=False)


def test_confidence_is_the_softmax_of_the_class_in_the_map(task_of) -> None:
    logits = smooth_logits(4)
    found = task_of("parts", "semantic", 4).decode(logits, (128, 192), [(128, 192)], options())[0]
    full = F.interpolate(logits, (128, 192), mode="bilinear", align_corners=False).softmax(1)[0]
    expected = full.gather(0, found["semantic_mask"].long()[None])[0]
    torch.testing.assert_close(found["confidence"], expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(expected, full.amax(0))


def test_confidence_of_a_binary_map_is_that_of_the_side_taken(task_of) -> None:
    logits = torch.tensor([[[[2.0, -2.0], [0.0, -8.0]]]])
    found = task_of("rust", "semantic", 1).decode(logits, (2, 2), [(2, 2)], options())[0]
    assert found["semantic_mask"].tolist() == [[1, 0], [0, 0]]
    expected = [[0.880797, 0.880797], [0.5, 0.999665]]  # 1 / (1 + exp(-2)), 1 / 2, 1 / (1 + exp(-8))
    np.testing.assert_allclose(found["confidence"], expected, atol=1e-6)


@pytest.mark.parametrize("original", [(300, 600), (97, 131)], ids=["larger, padded", "smaller, odd"])
def test_map_and_confidence_are_moved_alike(original, task_of) -> None:
    """Logits that tell a pixel's confidence from its class show whether both come from the same cell."""
    task, logits = task_of("parts", "semantic", 3), torch.zeros(1, 3, 128, 128)
    classes = torch.randint(0, 3, (1, 1, 128, 128), generator=torch.Generator().manual_seed(2))
    logits.scatter_(1, classes, (classes + 1).float())
    found = task.decode(logits, (128, 128), [original], options())[0]
    score = torch.tensor([1.0, 2.0, 3.0]).exp() / (torch.tensor([1.0, 2.0, 3.0]).exp() + 2)
    torch.testing.assert_close(found["confidence"], score[found["semantic_mask"].long()])
    assert found["confidence"].shape == original


def test_confidence_does_not_change_the_map_and_is_absent_unless_asked_for(task_of) -> None:
    task, logits = task_of("parts", "semantic", 4), smooth_logits(4)
    plain = task.decode(logits, (128, 192), [(60, 90)], options(save_conf=False))[0]
    assert set(plain) == {"semantic_mask"}
    assert torch.equal(
        task.decode(logits, (128, 192), [(60, 90)], options())[0]["semantic_mask"], plain["semantic_mask"]
    )


def test_a_map_of_classes_without_logits_has_no_confidence(task_of) -> None:
    baked = torch.tensor([[[0, 1], [2, 3]]])
    assert "confidence" not in task_of("parts", "semantic", 4).decode(baked, (2, 2), [(2, 2)], options())[0]


def test_results_carry_it_through_copies(task_of) -> None:
    kinds = {"damage": task_of("damage", "detect", 2), "parts": task_of("parts", "semantic", 3)}
    sure = torch.full((4, 6), 0.75)
    found = {
        "damage": {"boxes": torch.tensor([[0.0, 0, 3, 3, 0.9, 1], [1, 1, 2, 2, 0.5, 0]])},
        "parts": {"semantic_mask": torch.zeros(4, 6, dtype=torch.uint8), "confidence": sure},
    }
    result = MultiTaskResults(np.zeros((4, 6, 3), np.uint8), "a.jpg", kinds, found)
    assert result.tasks["damage"].confidence is None
    assert len(result.tasks["damage"]) == 2
    for copy in (result, result.cpu(), result.to(torch.device("cpu")), result[:1]):
        assert torch.equal(copy.tasks["parts"].confidence.data, sure)
    assert isinstance(result.numpy().tasks["parts"].confidence.data, np.ndarray)
    assert len(result[:1].tasks["damage"]) == 1
