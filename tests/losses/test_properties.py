"""What must hold for every loss of pixels."""

from __future__ import annotations

import pytest
import torch

from ayolom.losses import focal_loss, lovasz_loss, ohem_loss, tversky_loss

IGNORE = 255
every_loss = pytest.mark.parametrize("loss_of", [focal_loss, lovasz_loss, ohem_loss, tversky_loss])


@every_loss
@pytest.mark.parametrize("classes", [1, 4])
def test_nothing_to_learn_from_is_exactly_zero(loss_of, classes, data):
    logits, target = data(classes)
    loss = loss_of(logits, torch.full_like(target, IGNORE))
    loss.backward()
    assert loss.item() == 0.0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@every_loss
@pytest.mark.parametrize("classes", [1, 4])
def test_ignored_pixels_change_nothing(loss_of, classes, data):
    logits, target = data(classes)
    before = loss_of(logits, target)
    before.backward()
    assert not logits.grad[:, :, 0].any()
    changed = logits.detach().clone()
    changed[:, :, 0] = 100 * torch.randn_like(changed[:, :, 0])
    torch.testing.assert_close(loss_of(changed, target), before)
    torch.testing.assert_close(loss_of(logits[:, :, 1:], target[:, 1:]), before)


@every_loss
def test_order_of_classes_pixels_and_images_does_not_matter(loss_of, data):
    logits, target = data(ignored=False)
    before, weights = loss_of(logits, target), torch.tensor([1.0, 2.0, 3.0, 4.0])
    weighted = loss_of(logits, target, class_weights=weights)
    order = torch.tensor([2, 0, 3, 1])
    place = order.argsort()
    torch.testing.assert_close(loss_of(logits[:, order], place[target]), before)
    torch.testing.assert_close(loss_of(logits[:, order], place[target], class_weights=weights[order]), weighted)
    torch.testing.assert_close(loss_of(logits.flip(0, 2, 3), target.flip(0, 1, 2)), before)
