"""Cross-entropy that looks away from pixels which are right already."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812

from ayolom.losses._pixels import check_weights, mean_weight, of_true_class, prepare


def focal_loss(
    logits: torch.Tensor,
    target: torch.Tensor,
    ignore: int = 255,
    gamma: float = 2.0,
    alpha: float | None = None,
    class_weights: torch.Tensor | None = None,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> torch.Tensor:
    """Return the focal loss (Lin et al. 2017, https://arxiv.org/abs/1708.02002).

    It is

        loss = -alpha_t * (1 - p_t)^gamma * log(p_t),

    where p_t is the probability of a pixel's true class: a softmax over C >= 2 channels, a sigmoid for C == 1. With
    gamma 0 it is cross-entropy. One logit z gives what the two logits (0, z) give.

    A-YOLOM (https://doi.org/10.1109/TVT.2024.3394350) weighs the mean of this loss with 24.0. Its published code takes
    a sigmoid of each of two channels, background and object, with gamma 2 and alpha 0.25; since what is positive in one
    is negative in the other, object and background pixels both weigh (0.25 + 0.75) / 2. That is alpha 0.5 here with one
    logit, a factor that matters only relative to other losses.

    Args:
        logits: (B, C, H, W) floating point; computed in at least float32, under autocast too.
        target: (B, H, W) integer class ids, 0 .. C - 1; 0 and 1 for C == 1.
        ignore: Id of pixels that teach nothing.
        gamma: How strongly pixels that are right already are played down, >= 0.
        alpha: For C == 1 the factor of pixels of class 1, those of class 0 take 1 - alpha; None for no factor. Several
            classes are weighed by `class_weights`.
        class_weights: (C,) weights >= 0; for C == 1 that of class 1 against 1.0 for class 0. None for equal weights.
        reduction: "mean" divides by the weights of the pixels that count, as `torch.nn.functional.cross_entropy` does;
            "sum"; "none" gives (B, H, W), 0 where ignored.

    Returns:
        Scalar, or (B, H, W) unreduced. Without a pixel that counts exactly 0, with gradient 0.

    Raises:
        ValueError: A shape does not fit, gamma is negative, or alpha is given for several classes.
    """
    if gamma < 0:
        raise ValueError(f"gamma must be at least 0 (got {gamma})")
    if alpha is not None and logits.shape[1] != 1:
        raise ValueError(f"alpha is for one logit; weigh {logits.shape[1]} classes by class_weights")
    with torch.autocast(logits.device.type, enabled=False):
        logits, ids, counted = prepare(logits, target, ignore)
        log_p = _log_p_true(logits, ids)
        weights = _pixel_weights(logits, ids, counted, class_weights)
        loss = -log_p if gamma == 0 else -_wrongness(log_p).pow(gamma) * log_p
        loss = loss * weights
        if alpha is not None:
            loss = loss * torch.where(ids == 1, alpha, 1 - alpha)
        if reduction == "none":
            return loss
        return loss.sum() if reduction == "sum" else loss.sum() / mean_weight(weights)


def _log_p_true(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Return the log-probability of each pixel's true class (B, H, W)."""
    if logits.shape[1] == 1:
        single = logits.squeeze(1)
        return F.logsigmoid(torch.where(ids == 1, single, -single))
    # Gathered, not multiplied with one-hot planes: the log-softmax is the only tensor of full size.
    return of_true_class(F.log_softmax(logits, 1), ids)


def _wrongness(log_p: torch.Tensor) -> torch.Tensor:
    """Return 1 - p without the loss of digits near p = 1; kept off 0, where powers below 1 have no derivative."""
    return (-torch.expm1(log_p)).clamp_min(torch.finfo(log_p.dtype).tiny)


def _pixel_weights(
    logits: torch.Tensor, ids: torch.Tensor, counted: torch.Tensor, class_weights: torch.Tensor | None
) -> torch.Tensor:
    """Return the weight of each pixel (B, H, W), 0 where ignored."""
    weights = counted.to(logits.dtype)
    if class_weights is None:
        return weights
    by_class = check_weights(class_weights, logits)
    if len(by_class) == 1:
        by_class = torch.cat((torch.ones_like(by_class), by_class))
    return weights * by_class[ids]
