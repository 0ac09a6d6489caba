"""The focal loss against numbers worked by hand, cross-entropy, and its own properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.metrics import log_loss

from ayolom.losses import focal_loss

IGNORE = 255


def logits_of(probabilities: list[list[float]]) -> torch.Tensor:
    """Return (1, C, 1, N) logits whose softmax is the given N rows of C probabilities."""
    return torch.tensor(probabilities, dtype=torch.float64).log().T[None, :, None]


def test_two_pixels_worked_by_hand():
    """Probabilities 0.5 and 0.9 of the true class: 0.25 ln 2 and 0.01 ln(10/9)."""
    logits, target = logits_of([[0.5, 0.3, 0.2], [0.05, 0.05, 0.9]]), torch.tensor([[[0, 2]]])
    each = [0.25 * math.log(2), 0.01 * math.log(10 / 9)]
    assert float(focal_loss(logits, target)) == pytest.approx(sum(each) / 2)
    assert float(focal_loss(logits, target, reduction="sum")) == pytest.approx(sum(each))
    assert focal_loss(logits, target, reduction="none").flatten().tolist() == pytest.approx(each)
    weights = torch.tensor([3.0, 7.0, 1.0])
    assert float(focal_loss(logits, target, class_weights=weights)) == pytest.approx((3 * each[0] + each[1]) / 4)


def test_binary_worked_by_hand():
    """Logit ln 3 is a probability of 0.75; alpha 0.25 for the object, 0.75 for background."""
    logits, target = torch.full((1, 1, 1, 3), math.log(3), dtype=torch.float64), torch.tensor([[[1, 0, IGNORE]]])
    object_, background = 0.25**2 * -math.log(0.75), 0.75**2 * -math.log(0.25)
    assert float(focal_loss(logits, target)) == pytest.approx((object_ + background) / 2)
    expected = (0.25 * object_ + 0.75 * background) / 2
    assert float(focal_loss(logits, target, alpha=0.25)) == pytest.approx(expected)
    expected = (5 * object_ + background) / 6
    assert float(focal_loss(logits, target, class_weights=torch.tensor([5.0]))) == pytest.approx(expected)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
def test_gamma_zero_is_cross_entropy(reduction, weighted, data):
    logits, target = data()
    weights = torch.tensor([0.5, 1.0, 2.0, 4.0], dtype=torch.float64) if weighted else None
    ours = focal_loss(logits, target, gamma=0, class_weights=weights, reduction=reduction)
    theirs = F.cross_entropy(logits, target, weight=weights, ignore_index=IGNORE, reduction=reduction)
    torch.testing.assert_close(ours, theirs)


def test_gamma_zero_agrees_with_sklearn(data):
    logits, target = data(ignored=False)
    p = logits.detach().softmax(1).permute(0, 2, 3, 1).reshape(-1, 4).numpy()
    assert float(focal_loss(logits.detach(), target, gamma=0)) == pytest.approx(log_loss(target.flatten().numpy(), p))


def test_gamma_zero_of_one_logit_is_binary_cross_entropy(data):
    logits, target = data(classes=1, ignored=False)
    theirs = F.binary_cross_entropy_with_logits(logits[:, 0], target.double())
    torch.testing.assert_close(focal_loss(logits, target, gamma=0), theirs)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 3.7])
def test_formula_in_numpy(gamma, data):
    logits, target = data()
    z, t = logits.detach().numpy(), target.numpy()
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    p_true = np.take_along_axis(p, np.where(t == IGNORE, 0, t)[:, None], 1)[:, 0][t != IGNORE]
    expected = (-((1 - p_true) ** gamma) * np.log(p_true)).mean()
    assert float(focal_loss(logits.detach(), target, gamma=gamma)) == pytest.approx(expected)


def test_one_logit_is_two_logits_of_which_one_is_zero(data):
    logits, target = data(classes=1)
    two = torch.cat((torch.zeros_like(logits), logits), 1)
    torch.testing.assert_close(focal_loss(logits, target), focal_loss(two, target))


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_gradient_against_finite_differences(gamma, data):
    logits, target = data(classes=3)
    assert torch.autograd.gradcheck(lambda z: focal_loss(z, target, gamma=gamma), logits)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_certain_and_right_is_the_minimum_with_finite_gradient(gamma, data):
    _, target = data(classes=4, ignored=False)
    sure = (1e3 * F.one_hot(target, 4).permute(0, 3, 1, 2).float()).requires_grad_()
    loss = focal_loss(sure, target, gamma=gamma)
    loss.backward()
    assert loss.item() == pytest.approx(0.0, abs=1e-12)
    assert torch.isfinite(sure.grad).all()
    wrong = focal_loss(-sure.detach(), target, gamma=gamma)
    assert torch.isfinite(wrong)
    assert wrong > 100


def test_gamma_plays_down_what_is_right():
    logits = logits_of([[0.9, 0.1]])
    assert [
        float(focal_loss(logits, torch.tensor([[[0]]]), gamma=g) / focal_loss(logits, torch.tensor([[[0]]]), gamma=0))
        for g in (1, 2, 3)
    ] == pytest.approx([0.1, 0.01, 0.001])


def test_doubling_a_class_weight_doubles_that_class(data):
    logits, target = data()
    once = focal_loss(logits, target, class_weights=torch.tensor([1.0, 1, 1, 1]), reduction="none")
    twice = focal_loss(logits, target, class_weights=torch.tensor([1.0, 1, 2, 1]), reduction="none")
    torch.testing.assert_close(twice, torch.where(target == 2, 2 * once, once))


def test_all_weights_zero_is_zero(data):
    logits, target = data()
    loss = focal_loss(logits, target, class_weights=torch.zeros(4))
    loss.backward()
    assert loss.item() == 0.0
    assert not logits.grad.any()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_half_precision_is_computed_in_float32_whatever_the_ids(dtype, data):
    logits, target = data()
    half = logits.detach().bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = focal_loss(half, target.to(dtype))
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, focal_loss(half.float(), target))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"target": torch.zeros(2, 5, 5, dtype=torch.int64)}, r"target \(B, H, W\)", id="another size"),
        pytest.param({"target": torch.zeros(2, 5, 6)}, "integer class ids", id="float target"),
        pytest.param({"gamma": -1.0}, "gamma must be at least 0", id="negative gamma"),
        pytest.param({"alpha": 0.25}, "alpha is for one logit", id="alpha of many classes"),
        pytest.param({"class_weights": torch.ones(3)}, r"class_weights must be \(4,\)", id="a weight too few"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message, data):
    logits, target = data()
    with pytest.raises(ValueError, match=message):
        focal_loss(**{"logits": logits, "target": target, **arguments})
