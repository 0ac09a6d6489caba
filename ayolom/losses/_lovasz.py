"""A loss whose values at sure predictions are the Jaccard index itself."""

from __future__ import annotations

import torch

from ayolom.losses._pixels import check_weights, mean_weight, prepare


def lovasz_loss(
    logits: torch.Tensor,
    target: torch.Tensor,
    ignore: int = 255,
    class_weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the Lovasz-Softmax loss (Berman et al. 2018, https://arxiv.org/abs/1705.08790), over classes that occur.

    With the errors m of a class, 1 - p on its own pixels and p on all others, in falling order, it is

        loss_c = sum_i m_i * (J_i - J_(i-1)),    J_i = 1 - (G - own_i) / (G + other_i),

    where G is the number of the class's pixels and own_i, other_i how many of the first i are and are not of the class:
    J_i is the Jaccard loss if just those i pixels were wrong. At probabilities of 0 and 1 it is 1 - IoU, and between
    them it is linear along each order of errors. Pixels of the batch are taken together.

    The mean runs over the classes that occur in the target, as the authors advise. With C == 1 the class is the object
    alone, at the sigmoid of its logit, and a batch without any object gives 0.

    Args:
        logits: (B, C, H, W) floating point; softmax over C >= 2 channels, sigmoid for C == 1; computed in at least
            float32, under autocast too.
        target: (B, H, W) integer class ids, 0 .. C - 1; 0 and 1 for C == 1.
        ignore: Id of pixels that teach nothing.
        class_weights: (C,) weights >= 0 of the mean over classes; None for equal weights.

    Returns:
        Scalar in [0, 1]. Without a pixel that counts exactly 0, with gradient 0.

    Raises:
        ValueError: A shape does not fit.
    """
    with torch.autocast(logits.device.type, enabled=False):
        logits, ids, counted = prepare(logits, target, ignore)
        p = (logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(1)).transpose(0, 1).flatten(1)
        classes = (
            torch.ones(1, dtype=torch.long, device=ids.device)
            if len(p) == 1
            else torch.arange(len(p), device=ids.device)
        )
        own = (ids.flatten() == classes[:, None]) & counted.flatten()
        # What does not count is sorted last, where it changes no other pixel's step, and then has no error.
        errors = torch.where(own, 1 - p, p).masked_fill(~counted.flatten(), -1.0)
        errors, order = errors.sort(1, descending=True)
        steps = _jaccard_steps(own.gather(1, order), p.dtype)
        each = (errors.clamp_min(0) * steps).sum(1)
        weights = own.any(1).to(p.dtype)
        if class_weights is not None:
            weights = weights * check_weights(class_weights, logits)
        return (weights * each).sum() / mean_weight(weights)


def _jaccard_steps(own: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return (C, P) by how much the Jaccard loss rises with each pixel that is wrong, one after the other.

    Pixels are counted in whole numbers: exact however many there are, and on a GPU in one order each time.

    Args:
        own: (C, P) bool, whether a pixel is of the class, in falling order of errors.
        dtype: Floating point type of the answer.
    """
    taken, places = own.cumsum(1), torch.arange(1, own.shape[1] + 1, device=own.device)
    left = taken[:, -1:] - taken
    joined = left + places  # all of the class, and the others among the first ones
    loss = 1 - left.to(dtype) / joined
    return loss.diff(dim=1, prepend=loss.new_zeros(len(own), 1))
