"""The best class of each pixel of enlarged logits, computed only where neighbouring cells disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812

if TYPE_CHECKING:
    from collections.abc import Sequence

DENSE = 0.4  # share of pixels to compute beyond which enlarging all of them is as fast


def class_map(logits: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Return (B, H, W) uint8, the classes of the bilinearly enlarged logits (B, C, h, w) with 2 <= C <= 256.

    The result is that of `interpolate(logits, shape, mode="bilinear").argmax(1)` but for pixels where two classes are
    equal within rounding. Between four cells of the same best class that class stays the best: an interpolated logit is
    a weighted mean of the four, with the same weights for every class. Only the pixels between cells that disagree,
    along the borders of regions, are interpolated.

    Args:
        logits: Float logits.
        shape: (H, W) of the result.
    """
    if logits.device.type != "cpu":  # waiting for a count of pixels would cost more than to enlarge all
        return _dense(logits, shape)
    return torch.stack([_one(image, shape) for image in logits])


def _dense(logits: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Return (B, H, W) uint8, the classes of logits (B, C, h, w) after enlarging all of them."""
    large = F.interpolate(logits, size=tuple(shape), mode="bilinear", align_corners=False)
    return large.max(1).indices.to(torch.uint8)


def _one(logits: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Return (H, W) uint8 of the logits (C, h, w) of one image."""
    channels, height, width = logits.shape
    (top, bottom, down), (left, right, across) = _cells(height, shape[0]), _cells(width, shape[1])
    cells = logits.permute(1, 2, 0).reshape(-1, channels).contiguous()  # a row for each cell
    best = cells.max(1).indices.to(torch.uint8).view(height, width)
    mixed = _enlarged(_mixed(best), top, left)
    if mixed.sum() > DENSE * mixed.numel():
        return _dense(logits[None].contiguous(), shape)[0]
    result = _enlarged(best, top, left)
    rows, columns = mixed.nonzero(as_tuple=True)
    upper, lower, beside = top[rows] * width, bottom[rows] * width, across[columns, None]
    x1, x2 = left[columns], right[columns]
    above = torch.lerp(cells.index_select(0, upper + x1), cells.index_select(0, upper + x2), beside)
    below = torch.lerp(cells.index_select(0, lower + x1), cells.index_select(0, lower + x2), beside)
    result[rows, columns] = torch.lerp(above, below, down[rows, None]).max(1).indices.to(torch.uint8)
    return result


def _enlarged(cells: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Return (H, W), the values of cells (h, w) at the given rows (H,) and columns (W,)."""
    return cells.index_select(0, rows).index_select(1, columns)


def _cells(size: int, target: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return for each of `target` pixels the cell before it, the cell behind it, and the weight of the latter."""
    places = ((torch.arange(target) + 0.5) * (size / target) - 0.5).clamp(min=0)
    first = places.long().clamp(max=size - 1)
    return first, (first + 1).clamp(max=size - 1), places - first


def _mixed(best: torch.Tensor) -> torch.Tensor:
    """Return (h, w) bool, whether a cell of (h, w) and its neighbours right and below differ."""
    padded = F.pad(best[None].float(), (0, 1, 0, 1), mode="replicate")[0]
    own = padded[:-1, :-1]
    return (own != padded[1:, :-1]) | (own != padded[:-1, 1:]) | (own != padded[1:, 1:])
