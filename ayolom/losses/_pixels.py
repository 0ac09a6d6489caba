"""What the mask losses share: logits in full precision, pixels to leave out, the probability of the true class."""

from __future__ import annotations

import torch


def prepare(logits: torch.Tensor, target: torch.Tensor, ignore: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Check shapes and return logits in float32 or float64, class ids that can index, and which pixels count.

    Args:
        logits: (B, C, H, W) floating point.
        target: (B, H, W) integer class ids.
        ignore: Id of pixels to leave out.

    Returns:
        (B, C, H, W) float logits; (B, H, W) int64 ids, 0 where left out; (B, H, W) bool, False where left out.

    Raises:
        ValueError: Shapes or dtype do not fit.
    """
    if logits.ndim != 4 or target.shape != (logits.shape[0], *logits.shape[2:]):
        raise ValueError(
            f"logits must be (B, C, H, W) and target (B, H, W) (got {tuple(logits.shape)} and {tuple(target.shape)})"
        )
    if target.is_floating_point() or target.is_complex():
        raise ValueError(f"target must hold integer class ids (got {target.dtype})")
    counted = target != ignore
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    return logits, target.long().masked_fill(~counted, 0), counted


def of_true_class(per_class: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Return the value (B, H, W) at each pixel's class id out of (B, C, H, W)."""
    return per_class.gather(1, ids[:, None]).squeeze(1)


def mean_weight(weights: torch.Tensor) -> torch.Tensor:
    """Return the divisor of a weighted mean: the sum of the weights, or 1 where all are 0.

    A tiny floor instead would overflow as soon as the loss is multiplied by more than 1, and 0 times infinity in the
    gradient is not a number.
    """
    total = weights.sum()
    return total + (total == 0).to(total.dtype)


def check_weights(class_weights: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Return the weights (C,) in the logits' dtype and on their device.

    Raises:
        ValueError: There is not one weight for each class.
    """
    if class_weights.shape != (logits.shape[1],):
        raise ValueError(f"class_weights must be ({logits.shape[1]},) (got {tuple(class_weights.shape)})")
    return class_weights.to(device=logits.device, dtype=logits.dtype)
