"""Cross-entropy of the pixels that the network finds hardest."""

from __future__ import annotations

import math

import torch

from ayolom.losses._focal import focal_loss
from ayolom.losses._pixels import check_weights, mean_weight


def ohem_loss(
    logits: torch.Tensor,
    target: torch.Tensor,
    share: float = 0.25,
    ignore: int = 255,
    class_weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the cross-entropy with online hard example mining (Shrivastava et al. 2016).

    Of the N pixels of the batch that count, the ceil(share * N) with the largest cross-entropy are kept, and their mean
    is the loss; the paper, https://arxiv.org/abs/1604.03540, does so with regions of a detector. With share 1 it is
    plain cross-entropy. Pixels are chosen before classes are weighed: a weight says what a class is worth, not how hard
    it is.

    Args:
        logits: (B, C, H, W) floating point; softmax over C >= 2 channels, sigmoid for C == 1; computed in at least
            float32, under autocast too.
        target: (B, H, W) integer class ids, 0 .. C - 1; 0 and 1 for C == 1.
        share: Share of the pixels to keep, in (0, 1].
        ignore: Id of pixels that teach nothing.
        class_weights: (C,) weights >= 0 of the mean; for C == 1 that of class 1 against 1.0 for class 0.

    Returns:
        Scalar. Without a pixel that counts exactly 0, with gradient 0.

    Raises:
        ValueError: A shape does not fit, or the share is not in (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be over 0 and at most 1 (got {share})")
    each = focal_loss(logits, target, ignore, gamma=0.0, reduction="none").flatten()
    counted = (target != ignore).flatten()
    hardest = each.detach().masked_fill(~counted, -math.inf).sort(descending=True).indices
    # Compared on the device: fetching the number of pixels would wait for a GPU. 0.1 * 30 is not to become 4.
    number = torch.ceil(share * counted.sum().float() - 1e-3)
    kept = torch.arange(len(each), device=each.device) < number
    weights = kept.to(each.dtype)
    if class_weights is not None:
        ids = target.flatten().long().masked_fill(~counted, 0)[hardest]
        weights = weights * _by_class(class_weights, logits)[ids].to(each.dtype)
    return (each[hardest] * weights).sum() / mean_weight(weights)


def _by_class(class_weights: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Return the weight of each class id."""
    weights = check_weights(class_weights, logits)
    return torch.cat((torch.ones_like(weights), weights)) if len(weights) == 1 else weights
