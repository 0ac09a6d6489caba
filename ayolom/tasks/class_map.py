"""The best class of each pixel: of enlarged logits, where neighbouring cells disagree, and in the original image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from ultralytics.utils import ops

from ayolom.tasks.labels import count_values

if TYPE_CHECKING:
    from collections.abc import Sequence


def class_map(logits: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Return (B, H, W) uint8, the classes of the bilinearly enlarged logits (B, C, h, w) with 2 <= C <= 256.

    The result is that of `interpolate(logits, shape, mode="bilinear").argmax(1)` but for pixels where two classes are
    equal within rounding. Between four cells of the same best class that class stays the best: an interpolated logit is
    a weighted mean of the four, with the same weights for every class. Only the pixels between cells that disagree,
    along the borders of regions, are interpolated, and there only the classes that can be the best (see `_rivals`).

    Args:
        logits: Float logits.
        shape: (H, W) of the result.
    """
    (height, width), (rows, columns) = logits.shape[-2:], shape
    uneven = rows % height or columns % width
    if logits.device.type != "cpu" or uneven:  # on a GPU, waiting for a count of pixels costs more than to enlarge all
        return _dense(logits, shape)
    factors = rows // height, columns // width
    return torch.stack([torch.from_numpy(_one(image, factors)) for image in logits.detach().numpy()])


def exported_class_map(logits: torch.Tensor, factor: int) -> torch.Tensor:
    """Return (B, h * factor, w * factor) float class ids, what `class_map` gives, by operations that any graph has.

    Enlarging first puts the classes of a pixel side by side in the memory of some runtimes, and there the best of them
    takes longer to find than a third of a small network. Here the pixels between four cells come from one product with
    fixed weights, and only their classes are laid in order.

    Args:
        logits: (B, C, h, w) float logits.
        factor: Pixels for a cell along each side.
    """
    batch, _, height, width = logits.shape
    cells = F.pad(logits, (1, 1, 1, 1), mode="replicate")
    corners = (cells[:, :, :-1, :-1], cells[:, :, :-1, 1:], cells[:, :, 1:, :-1], cells[:, :, 1:, 1:])
    below = np.stack((1 - _fractions(factor), _fractions(factor)))
    weights = torch.from_numpy(np.einsum("ay,bx->yxab", below, below).reshape(-1, 4)).to(logits)
    blocks = torch.matmul(weights, torch.stack(corners, 2).flatten(3))
    best = blocks.argmax(1).float().view(batch, factor * factor, height + 1, width + 1)
    start = factor - factor // 2
    return F.pixel_shuffle(best, factor)[:, 0, start : start + height * factor, start : start + width * factor]


def in_original(classes: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """Return (H, W) uint8, a map of the padded input moved into the frame of the original image, by nearest pixel.

    On a CPU the result is that of the base's `scale_masks`, which works on floats, in a quarter of its time.

    Args:
        classes: (h, w) class ids in 0 .. 255 at the network's size.
        shape: (H, W) of the original.
    """
    if classes.device.type != "cpu":
        return ops.scale_masks(classes[None, None], shape, mode="nearest-exact")[0, 0].to(torch.uint8)
    gain = min(classes.shape[0] / shape[0], classes.shape[1] / shape[1])
    rows, columns = (_sources(have, want, gain) for have, want in zip(classes.shape, shape, strict=True))
    small = classes.to(torch.uint8).numpy()
    return torch.from_numpy(small.take(columns, axis=1).take(rows, axis=0))


def values_in(classes: np.ndarray) -> list[int]:
    """Return the values that occur in a map (H, W) uint8, in order.

    Eight pixels are looked at together. Most of them are those of their neighbours to the left, as regions are large;
    only what differs is counted.
    """
    pixels = np.ascontiguousarray(classes, np.uint8).reshape(-1)
    whole = len(pixels) // 8 * 8
    words = pixels[:whole].view(np.uint64)
    changed = words[1:][words[1:] != words[:-1]]
    left = np.concatenate((words[:1].view(np.uint8), changed.view(np.uint8), pixels[whole:]))
    return np.flatnonzero(count_values(left[None])).tolist()


def _sources(size: int, target: int, gain: float) -> np.ndarray:
    """Return (target,) int, for each pixel along one side of the original the pixel of the padded input to read.

    Args:
        size: Pixels of the padded input along this side.
        target: Pixels of the original.
        gain: Pixels of the input for one of the original.
    """
    content = max(round(target * gain), 1)
    before = round((size - content) / 2 - 0.1)  # as the base pads: the odd pixel goes to the end
    step = np.float32(content) / np.float32(target)
    places = (np.arange(target, dtype=np.float32) + np.float32(0.5)) * step
    return before + places.astype(np.int64).clip(max=content - 1)


def _dense(logits: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Return (B, H, W) uint8, the classes of logits (B, C, h, w) after enlarging all of them."""
    large = F.interpolate(logits, size=tuple(shape), mode="bilinear", align_corners=False)
    return large.max(1).indices.to(torch.uint8)


def _one(logits: np.ndarray, factors: tuple[int, int]) -> np.ndarray:
    """Return (h * fy, w * fx) uint8 of the logits (C, h, w) of one image; factors are fy, fx.

    The pixels between the centres of four cells are a block. A rim of repeated cells makes blocks of the outermost
    pixels as well, half of which are cut off in the end.
    """
    classes, (down, across) = logits.shape[0], factors
    cells = np.pad(logits, ((0, 0), (1, 1), (1, 1)), mode="edge")
    best = cells.argmax(0).astype(np.uint8)
    first = best[:-1, :-1]
    rows, columns = np.nonzero((first != best[:-1, 1:]) | (first != best[1:, :-1]) | (first != best[1:, 1:]))
    height, width = first.shape
    wide = np.repeat(first, across, axis=1)
    enlarged = np.empty((height, down, width, across), np.uint8)
    enlarged.reshape(height, down, -1)[:] = wide[:, None]
    if len(rows):
        places = rows * (width + 1) + columns
        corners = cells.reshape(classes, -1).take(places + np.array([[0], [1], [width + 1], [width + 2]]), axis=1)
        order, blocks = _blocks(corners, _fractions(down), _fractions(across))
        enlarged[rows[order], :, columns[order]] = blocks.transpose(2, 0, 1)
    top, left = down - down // 2, across - across // 2
    whole = enlarged.reshape(height * down, width * across)
    return whole[top : top + (height - 1) * down, left : left + (width - 1) * across]


def _fractions(factor: int) -> np.ndarray:
    """Return (factor,) float32, how far the pixels of a block lie from its first corner to the next along one side."""
    return (np.arange(factor, dtype=np.float32) + np.float32(0.5 * (1 - factor % 2))) / np.float32(factor)


def _blocks(corners: np.ndarray, below: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the best class of each pixel of N blocks.

    Args:
        corners: (C, 4, N) logits at the corners: the upper left, the upper right, and those below.
        below: (Y,) how far the pixels of a block lie below its upper corners.
        right: (X,) how far they lie right of its left corners.

    Returns:
        (N,) the order in which the blocks come, and (Y, X, N) uint8 classes.
    """
    count, rivals = corners.shape[2], _rivals(corners)
    order = np.argsort(-rivals.sum(0), kind="stable")  # most rivals first, so that each round takes the first blocks
    rivals = rivals.T[order]
    numbers = rivals.sum(1)
    classes, starts = np.nonzero(rivals)[1], np.cumsum(numbers) - numbers
    best = np.zeros((len(below), len(right), count), np.uint8)
    highest = np.full(best.shape, -np.inf, np.float32)
    for number in range(int(numbers[0])):
        some = int(np.searchsorted(-numbers, -number))  # the blocks with more rivals than that
        rival = classes[starts[:some] + number]
        places = rival * (4 * count) + order[:some]
        logits = _interpolated(corners.reshape(-1).take(places + count * np.arange(4)[:, None]), below, right)
        wins = (logits > highest[..., :some]) * rival.astype(np.uint8)
        np.maximum(best[..., :some], wins, out=best[..., :some])  # rivals come in the order of their ids
        np.maximum(highest[..., :some], logits, out=highest[..., :some])
    return order, best


def _interpolated(corners: np.ndarray, below: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return (Y, X, N) values between the corners (4, N) of blocks; see `_blocks`."""
    first, second, third, fourth = corners
    with np.errstate(invalid="ignore"):  # logits may be infinite
        left = first + (third - first) * below[:, None]
        across = second + (fourth - second) * below[:, None] - left
        values = across[:, None] * right[:, None]
    values += left[:, None]
    return values


def _rivals(corners: np.ndarray) -> np.ndarray:
    """Return (C, N) bool, the classes that can be the best somewhere in a block, of logits (C, 4, N) at its corners.

    A class that is nowhere above the lowest corner of another loses to that one everywhere in the block.
    """
    low = np.minimum(np.minimum(corners[:, 0], corners[:, 1]), np.minimum(corners[:, 2], corners[:, 3]))
    high = np.maximum(np.maximum(corners[:, 0], corners[:, 1]), np.maximum(corners[:, 2], corners[:, 3]))
    return ~(high < low.max(0))  # of logits that are no numbers, all classes
