"""The Tversky loss against numbers worked by hand, Dice, F-beta, and its own properties."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.metrics import f1_score, fbeta_score

from ayolom.losses import tversky_loss

IGNORE = 255


def certain(ids: torch.Tensor, classes: int) -> torch.Tensor:
    """Return logits (B, C, H, W) whose softmax is 1 for the given ids."""
    return 100 * F.one_hot(ids, classes).permute(0, 3, 1, 2).double()


def test_binary_worked_by_hand():
    """Probabilities 0.75, 0.25 on the object, 0.5 beside it: TP 1, FN 1, FP 0.5; 1 - 2 / (2 + 0.7 + 0.15)."""
    z = math.log(3)
    logits = torch.tensor([z, -z, 0.0, 5.0], dtype=torch.float64).view(1, 1, 1, 4)
    target = torch.tensor([[[1, 1, 0, IGNORE]]])
    assert float(tversky_loss(logits, target)) == pytest.approx(1 - 2 / 2.85)
    assert float(tversky_loss(logits, target, alpha=0.3, beta=0.7)) == pytest.approx(1 - 2 / 2.65)
    assert float(tversky_loss(logits, target, smooth=0.0)) == pytest.approx(1 - 1 / 1.85)


def test_three_classes_of_which_two_occur_worked_by_hand():
    """Softmax (.5, .25, .25) on a pixel of class 0 and (.25, .5, .25) on one of class 1; class 2 does not occur."""
    logits = torch.tensor([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]], dtype=torch.float64).log().T[None, :, None]
    target = torch.tensor([[[0, 1]]])
    each = 1 - 1.5 / (1.5 + 0.7 * 0.5 + 0.3 * 0.25)  # TP 0.5, FN 0.5, FP 0.25, smooth 1
    assert float(tversky_loss(logits, target)) == pytest.approx(each)
    assert float(tversky_loss(logits, target, class_weights=torch.tensor([1.0, 3.0, 100.0]))) == pytest.approx(each)


def test_alpha_weighs_what_was_missed():
    target = torch.tensor([[[1, 1, 1, 1, 0, 0, 0, 0]]])
    missing = torch.tensor([[[1, 1, 0, 0, 0, 0, 0, 0]]])
    inventing = torch.tensor([[[1, 1, 1, 1, 1, 1, 0, 0]]])
    loss_of = {}
    for name, predicted in (("missing", missing), ("inventing", inventing)):
        logits = 100.0 * (2 * predicted[:, None].double() - 1)
        loss_of[name] = float(tversky_loss(logits, target, smooth=0.0))
    assert loss_of["missing"] == pytest.approx(1 - 2 / (2 + 0.7 * 2))
    assert loss_of["inventing"] == pytest.approx(1 - 4 / (4 + 0.3 * 2))


def test_equal_weights_on_hard_predictions_are_sklearn_f1(data):
    _, target = data(ignored=False)
    predicted = torch.randint(0, 4, target.shape)
    ours = tversky_loss(certain(predicted, 4), target, alpha=0.5, beta=0.5, smooth=0.0)
    assert float(ours) == pytest.approx(1 - f1_score(target.flatten(), predicted.flatten(), average="macro"))


def test_alpha_on_hard_predictions_is_sklearn_f_beta(data):
    """alpha FN + beta FP with alpha + beta = 1 is F_b with b^2 = alpha / beta."""
    _, target = data(ignored=False)
    predicted = torch.randint(0, 4, target.shape)
    ours = tversky_loss(certain(predicted, 4), target, alpha=0.8, beta=0.2, smooth=0.0)
    theirs = fbeta_score(target.flatten(), predicted.flatten(), beta=2.0, average="macro")
    assert float(ours) == pytest.approx(1 - theirs)


@pytest.mark.parametrize("classes", [1, 4])
def test_alpha_and_beta_one_half_are_dice(classes, data):
    logits, target = data(classes)
    counted = (target != IGNORE).double()
    if classes == 1:
        p, truth = logits.detach().sigmoid(), (target == 1).double()[:, None]
    else:
        p = logits.detach().softmax(1)
        truth = F.one_hot(target.clamp(max=classes), classes + 1).permute(0, 3, 1, 2)[:, :classes].double()
    p, truth = p * counted[:, None], truth * counted[:, None]
    overlap, total = (p * truth).sum((0, 2, 3)), (p + truth).sum((0, 2, 3))
    dice = 1 - (2 * overlap + 2) / (total + 2)
    torch.testing.assert_close(tversky_loss(logits, target, alpha=0.5, beta=0.5).detach(), dice.mean())


@pytest.mark.parametrize("classes", [1, 3])
def test_gradient_against_finite_differences(classes, data):
    logits, target = data(classes)
    assert torch.autograd.gradcheck(lambda z: tversky_loss(z, target), logits)


def test_one_logit_and_no_object_is_zero(data):
    logits, target = data(classes=1)
    loss = tversky_loss(logits, torch.zeros_like(target))
    loss.backward()
    assert loss.item() == 0.0
    assert not logits.grad.any()


def test_certain_and_right_is_the_minimum(data):
    _, target = data(ignored=False)
    assert float(tversky_loss(certain(target, 4), target)) == pytest.approx(0.0, abs=1e-12)
    assert float(tversky_loss(certain((target + 1) % 4, target.max() + 1), target, smooth=0.0)) == pytest.approx(1.0)


def test_classes_that_do_not_occur_do_not_dilute_the_loss():
    """Two classes of ten occur and are predicted rightly: the loss is 0, not 8/10, and wrong ones still cost."""
    target = torch.randint(0, 2, (1, 8, 8))
    assert float(tversky_loss(certain(target, 10), target)) == pytest.approx(0.0, abs=1e-9)
    logits = torch.zeros(1, 10, 8, 8, requires_grad=True)
    tversky_loss(logits, target).backward()
    assert (logits.grad[:, 2:] > 0).all()  # what goes to absent classes is pushed back


def test_weights_are_those_of_a_mean_over_classes(data):
    logits, target = data()
    alone = torch.stack([tversky_loss(logits, target, class_weights=F.one_hot(torch.tensor(c), 4)) for c in range(4)])
    torch.testing.assert_close(tversky_loss(logits, target), alone.mean())
    weights = torch.tensor([1.0, 1.0, 2.0, 1.0])
    torch.testing.assert_close(tversky_loss(logits, target, class_weights=weights), (alone * weights).sum() / 5)


def test_half_precision_is_computed_in_float32():
    """A million pixels: sums in bf16 would stand still at 256."""
    target = torch.randint(0, 2, (1, 1000, 1000), dtype=torch.uint8)
    logits = torch.randn(1, 2, 1000, 1000).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = tversky_loss(logits, target)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, tversky_loss(logits.double(), target).float(), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"target": torch.zeros(2, 5, 5, dtype=torch.int64)}, r"target \(B, H, W\)", id="another size"),
        pytest.param({"target": torch.zeros(2, 5, 6)}, "integer class ids", id="float target"),
        pytest.param({"class_weights": torch.ones(3)}, r"class_weights must be \(4,\)", id="a weight too few"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message, data):
    logits, target = data()
    with pytest.raises(ValueError, match=message):
        tversky_loss(**{"logits": logits, "target": target, **arguments})
