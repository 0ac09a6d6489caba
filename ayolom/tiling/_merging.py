"""How boxes found in overlapping tiles become one list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ayolom.compat import ensure_torchvision

if TYPE_CHECKING:
    from ayolom.tiling._grid import Tile

SAME = 0.5  # IoU over which two whole boxes are one object
PIECE = 0.5  # share of a cut box inside another one from which it is a piece of that
SURE = 0.5  # confidence that a whole box needs to take in a piece, as a multiple of the piece's
EDGE = 0.01  # distance from the edge of a tile, as a share of its side, at which a box is cut by it
MOST = 4096  # boxes of one picture that are looked at, the most confident; bounds the memory


def cut_off(boxes: torch.Tensor, tile: Tile, shape: tuple[int, int]) -> torch.Tensor:
    """Return which boxes touch an edge of their tile that is not one of the picture: the object may go on behind it.

    Args:
        boxes: (N, 4) xyxy in pixels of the picture.
        tile: Where they were found.
        shape: (H, W) of the picture.

    Returns:
        (N,) bool.
    """
    height, width = tile.shape
    cut = torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    if tile.left > 0:
        cut |= boxes[:, 0] <= tile.left + EDGE * width
    if tile.top > 0:
        cut |= boxes[:, 1] <= tile.top + EDGE * height
    if tile.right < shape[1]:
        cut |= boxes[:, 2] >= tile.right - EDGE * width
    if tile.bottom < shape[0]:
        cut |= boxes[:, 3] >= tile.bottom - EDGE * height
    return cut


def merge_boxes(boxes: torch.Tensor, cut: torch.Tensor, *, agnostic: bool = False, limit: int = 300) -> torch.Tensor:
    """Make one list of the boxes of all tiles of a picture.

    Of whole boxes with an IoU over 0.5 the most confident stays. A cut box of which half or more lies in a whole one is
    a piece of it and goes, unless it is more than twice as confident; the whole box gets the higher confidence of the
    two and stays where it is. Cut boxes that remain are joined with those that they share half of the smaller one with:
    the box around them, with the highest confidence. Only boxes of one class are compared.

    Args:
        boxes: (N, 6) float: xyxy in pixels of the picture, confidence, class.
        cut: (N,) bool, whether a box was cut by the edge of its tile (see `cut_off`).
        agnostic: Whether boxes of all classes are compared.
        limit: Most boxes to return.

    Returns:
        (K, 6), the most confident first.
    """
    best = boxes[:, 4].argsort(descending=True)[:MOST]
    boxes, cut = boxes[best], cut[best]
    spread = 0.0 if agnostic or not len(boxes) else float(boxes[:, :4].max()) + 1
    places = boxes[:, :4] + boxes[:, 5:6] * spread  # boxes of two classes are nowhere near each other
    whole, pieces = _suppressed(places, boxes[:, 4], (~cut).nonzero()[:, 0]), cut.nonzero()[:, 0]
    owner = _owners(places, boxes[:, 4], pieces, whole)
    sure = boxes[:, 4].scatter_reduce(0, owner[owner >= 0], boxes[pieces[owner >= 0], 4], "amax")
    boxes = torch.cat((boxes[:, :4], sure[:, None], boxes[:, 5:6]), 1)
    merged = torch.cat((boxes[whole], _joined(boxes, places, pieces[owner < 0])))
    return merged[merged[:, 4].argsort(descending=True)][:limit]


def _suppressed(places: torch.Tensor, sure: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Return those of the rows whose box no more confident one stands for."""
    ensure_torchvision()
    import torchvision

    return rows[torchvision.ops.nms(places[rows], sure[rows], SAME)]


def _owners(places: torch.Tensor, sure: torch.Tensor, pieces: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    """Return for each piece the row of the whole box that it is a piece of, -1 where there is none."""
    if not len(pieces) or not len(whole):
        return torch.full_like(pieces, -1)
    share = _shared(places[pieces], places[whole]) / _areas(places[pieces])[:, None]
    share *= sure[whole][None] >= SURE * sure[pieces][:, None]
    most, place = share.max(1)
    return torch.where(most >= PIECE, whole[place], -1)


def _joined(boxes: torch.Tensor, places: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Return (K, 6), the boxes around pieces that belong together.

    Args:
        boxes: (N, 6) all boxes.
        places: (N, 4) their corners, moved apart by class.
        rows: Those to join, the most confident first.
    """
    joined = []
    while len(rows):
        first, rest = rows[:1], rows[1:]
        shared = _shared(places[first], places[rest])[0]
        own = shared >= PIECE * torch.minimum(_areas(places[first]), _areas(places[rest]))
        group = boxes[torch.cat((first, rest[own]))]
        joined.append(torch.cat((group[:, :2].amin(0), group[:, 2:4].amax(0), group[0, 4:])))
        rows = rest[~own]
    return torch.stack(joined) if joined else boxes[:0]


def _shared(boxes: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Return (N, M), the areas that boxes (N, 4) and (M, 4) xyxy have in common."""
    low = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return (high - low).clamp(min=0).prod(2)


def _areas(boxes: torch.Tensor) -> torch.Tensor:
    """Return (N,), the areas of boxes (N, 4) xyxy; never 0."""
    return (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1).clamp(min=1e-9)
