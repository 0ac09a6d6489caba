"""Hard pixels: chosen by hand, and cross-entropy where all are kept."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from ayolom.losses import ohem_loss

IGNORE = 255


def four_pixels() -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits and ids of four pixels whose true class has 0.9, 0.5, 0.2 and 0.1, and a fifth to ignore."""
    p = torch.tensor([[0.9, 0.1], [0.5, 0.5], [0.8, 0.2], [0.1, 0.9], [0.01, 0.99]], dtype=torch.float64)
    return p.log().T[None, :, None], torch.tensor([[[0, 1, 1, 0, IGNORE]]])


@pytest.mark.parametrize(
    ("share", "kept"),
    [(0.25, [0.1]), (0.5, [0.1, 0.2]), (0.6, [0.1, 0.2, 0.5]), (1.0, [0.1, 0.2, 0.5, 0.9])],
    ids=["one of four", "half", "the next whole number", "all"],
)
def test_the_hardest_pixels_by_hand(share, kept):
    logits, target = four_pixels()
    assert float(ohem_loss(logits, target, share)) == pytest.approx(sum(-math.log(p) for p in kept) / len(kept))


def test_only_the_kept_pixels_learn():
    logits, target = four_pixels()
    logits.requires_grad_()
    ohem_loss(logits, target, 0.5).backward()
    assert logits.grad.abs().sum((0, 1, 2)).gt(0).tolist() == [False, False, True, True, False]


def test_weights_weigh_what_was_kept_and_choose_nothing():
    """Class 0 has the pixel of 0.1, class 1 that of 0.2: weights 1 and 100 leave the two hardest the same."""
    logits, target = four_pixels()
    loss = ohem_loss(logits, target, 0.5, class_weights=torch.tensor([1.0, 100.0]))
    assert float(loss) == pytest.approx((-math.log(0.1) - 100 * math.log(0.2)) / 101)
    assert float(ohem_loss(logits, target, 0.25, class_weights=torch.tensor([1.0, 100.0]))) == pytest.approx(
        -math.log(0.1)
    )


@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
def test_all_pixels_are_plain_cross_entropy(weighted, data):
    logits, target = data()
    weights = torch.tensor([0.5, 1.0, 2.0, 4.0], dtype=torch.float64) if weighted else None
    theirs = F.cross_entropy(logits, target, weight=weights, ignore_index=IGNORE)
    torch.testing.assert_close(ohem_loss(logits, target, 1.0, class_weights=weights), theirs)


def test_number_of_pixels_does_not_suffer_from_rounding():
    """0.1 * 30 is 3.0000000000000004 in floating point: three pixels, not four."""
    logits = torch.linspace(-3, 3, 30).reshape(1, 1, 1, 30).requires_grad_()
    ohem_loss(logits, torch.zeros(1, 1, 30, dtype=torch.long), 0.1).backward()
    assert int(logits.grad.ne(0).sum()) == 3


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5])
def test_shares_out_of_range_are_refused(share, data):
    with pytest.raises(ValueError, match="share must be over 0 and at most 1"):
        ohem_loss(*data(), share)
