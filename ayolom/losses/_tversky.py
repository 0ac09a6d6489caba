"""Overlap of predicted and true regions, with a say in which kind of error is worse."""

from __future__ import annotations

import torch

from ayolom.losses._pixels import check_weights, mean_weight, of_true_class, prepare


def tversky_loss(
    logits: torch.Tensor,
    target: torch.Tensor,
    alpha: float = 0.7,
    beta: float = 0.3,
    ignore: int = 255,
    smooth: float = 1.0,
    class_weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the Tversky loss (Salehi et al. 2017, https://arxiv.org/abs/1706.05721), averaged over classes that occur.

    It is

        loss_c = 1 - (TP_c + smooth) / (TP_c + alpha * FN_c + beta * FP_c + smooth).

    TP, FN and FP are sums of probabilities over all pixels of the batch that count. **alpha weighs what was missed**
    (false negatives) and beta what was invented (false positives), as in the code of A-YOLOM
    (https://doi.org/10.1109/TVT.2024.3394350; alpha 0.7, beta 0.3, smooth 1, weight 8.0); Salehi et al. give the two
    letters the other way round. alpha = beta = 0.5 is the Dice loss.

    The mean runs over the classes that occur in the target. A class that does not occur has no true positives, so that
    its loss would be near 1 whatever the network says, and with 20 classes of which 5 occur it would be most of the
    loss; its false positives are not lost, since they are false negatives of a class that occurs. With C == 1 the class
    is the object alone, and a batch without any object gives 0: false positives there are left to the pixel-wise loss.
    (A-YOLOM adds up TP, FN and FP of object and background before dividing, where a large background hides a small
    object.)

    Args:
        logits: (B, C, H, W) floating point; softmax over C >= 2 channels, sigmoid for C == 1; computed in at least
            float32, under autocast too.
        target: (B, H, W) integer class ids, 0 .. C - 1; 0 and 1 for C == 1.
        alpha: Weight of false negatives, >= 0.
        beta: Weight of false positives, >= 0.
        ignore: Id of pixels that teach nothing.
        smooth: Pixels added above and below the line; it tempers classes of a few pixels.
        class_weights: (C,) weights >= 0 of the mean over classes; None for equal weights.

    Returns:
        Scalar in [0, 1]. Without a pixel that counts exactly 0, with gradient 0.

    Raises:
        ValueError: A shape does not fit.
    """
    with torch.autocast(logits.device.type, enabled=False):
        logits, ids, counted = prepare(logits, target, ignore)
        sums = _binary_sums if logits.shape[1] == 1 else _sums
        hits, predicted, labelled = sums(logits, ids, counted)
        missed, invented = labelled - hits, predicted - hits
        index = (hits + smooth) / (hits + alpha * missed + beta * invented + smooth)
        weights = (labelled > 0).to(index.dtype)
        if class_weights is not None:
            weights = weights * check_weights(class_weights, logits)
        return (weights * (1 - index)).sum() / mean_weight(weights)


def _sums(
    logits: torch.Tensor, ids: torch.Tensor, counted: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return by class (C,) the probability on its own pixels, its probability on all pixels, and its pixels.

    Only the probabilities are held for all classes: own pixels are gathered, not multiplied with one-hot planes.
    """
    p = logits.softmax(1)
    keep = counted.to(p.dtype)
    flat = ids.flatten()
    zeros = p.new_zeros(p.shape[1])
    hits = zeros.index_add(0, flat, (of_true_class(p, ids) * keep).flatten())
    labelled = zeros.index_add(0, flat, keep.flatten())
    return hits, (p * keep[:, None]).sum((0, 2, 3)), labelled


def _binary_sums(
    logits: torch.Tensor, ids: torch.Tensor, counted: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the same three sums (1,) for the one class against background."""
    p = logits.squeeze(1).sigmoid() * counted
    is_object = (ids == 1).to(p.dtype)
    return (p * is_object).sum()[None], p.sum()[None], is_object.sum()[None]
