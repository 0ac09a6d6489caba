"""The Lovasz loss: the Jaccard loss where predictions are sure, a case by hand, and the authors' recursion."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.metrics import jaccard_score

from ayolom.losses import lovasz_loss

IGNORE = 255


def sure(ids: torch.Tensor, classes: int) -> torch.Tensor:
    """Return logits whose softmax is exactly 0 and 1."""
    return 1e4 * F.one_hot(ids, classes).movedim(-1, 1).double()


@pytest.mark.parametrize("seed", range(5))
def test_at_sure_predictions_it_is_the_jaccard_loss(seed):
    generator = torch.Generator().manual_seed(seed)
    predicted, target = torch.randint(0, 4, (2, 2, 5, 6), generator=generator)
    target[:, 0] = IGNORE
    there = target != IGNORE
    labels = np.unique(target[there])
    expected = 1 - jaccard_score(target[there], predicted[there], labels=labels, average="macro")
    assert float(lovasz_loss(sure(predicted, 4), target)) == pytest.approx(expected)


def test_of_one_class_at_sure_predictions():
    """Object pixels 3, predicted 2 of which 1 is right: 1 - 1/4."""
    logits = torch.tensor([1e4, 1e4, -1e4, -1e4, -1e4])[None, None, None]
    assert float(lovasz_loss(logits, torch.tensor([[[1, 0, 1, 1, 0]]]))) == pytest.approx(0.75)


def test_three_pixels_worked_by_hand():
    """Object, object, background at 0.9, 0.4 and 0.3: errors 0.6 (own), 0.3 (other), 0.1 (own).

    The Jaccard loss goes 1 - 1/2, 1 - 1/3, 1: steps 1/2, 1/6 and 1/3.
    """
    p = torch.tensor([0.9, 0.4, 0.3], dtype=torch.float64)
    expected = 0.6 / 2 + 0.3 / 6 + 0.1 / 3
    target = torch.tensor([[[1, 1, 0]]])
    assert float(lovasz_loss(p.logit()[None, None, None], target)) == pytest.approx(expected)
    # Of two classes, background comes to it: errors 0.6 (other), 0.3 (own), 0.1 (other); 1 - 1/2, 1, 1.
    background = 0.6 / 2 + 0.3 / 2
    both = torch.stack((1 - p, p)).log()[None, :, None]
    assert float(lovasz_loss(both, target)) == pytest.approx((expected + background) / 2)
    weighted = lovasz_loss(both, target, class_weights=torch.tensor([3.0, 1.0]))
    assert float(weighted) == pytest.approx((3 * background + expected) / 4)


def test_it_is_the_mean_over_random_thresholds_of_the_jaccard_loss():
    """The Lovasz extension is the expected loss of the set of pixels whose error is over a uniform threshold."""
    generator = np.random.default_rng(0)
    p, target = generator.random(12), generator.integers(0, 2, 12)
    error = np.where(target == 1, 1 - p, p)
    edges = np.concatenate(([0.0], np.sort(error), [1.0]))
    expected = 0.0
    for low, high in pairwise(edges):
        wrong = error > (low + high) / 2
        kept, joined = ((target == 1) & ~wrong).sum(), ((target == 1) | wrong).sum()
        expected += (high - low) * (1 - kept / joined)
    loss = lovasz_loss(torch.from_numpy(p).logit()[None, None, None], torch.from_numpy(target)[None, None])
    assert float(loss) == pytest.approx(expected)


def test_gradient_against_finite_differences(data):
    logits, target = data(classes=3)
    assert torch.autograd.gradcheck(lambda z: lovasz_loss(z, target), logits)


def test_object_without_a_pixel_costs_nothing(data):
    logits, _ = data(classes=1)
    loss = lovasz_loss(logits, torch.zeros(2, 5, 6, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0.0
    assert not logits.grad.any()


def test_half_precision_is_computed_in_float32(data):
    logits, target = data()
    half = logits.detach().bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = lovasz_loss(half, target)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, lovasz_loss(half.float(), target))
