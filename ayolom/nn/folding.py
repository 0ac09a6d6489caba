"""Joins of two maps in their cheapest equal form, for inference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional
from ultralytics.nn.modules import C2f, C3k2, Concat, Conv

from ayolom.modules import AdaptiveConcat
from ayolom.nn.gates import in_place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ayolom.nn.graph import Layer

READERS = (C2f, C3k2)  # modules that do nothing to their input but give it to `cv1`


class FoldedJoin(nn.Module):
    """A 1x1 convolution of two maps, as if the first were enlarged to the second and both joined.

    A 1x1 convolution looks at one pixel at a time, and enlarging to the nearest repeats pixels, so that

        conv(cat(enlarged(a), b)) = enlarged(conv_a(a)) + conv_b(b):

    over `a` as it is, a quarter of the operations where it is half as large, and nothing is copied to be joined.

    Attributes:
        first: 1x1 convolution of the first map, with the bias.
        second: 1x1 convolution of the second.
        scale: How many times the first map is enlarged; 1 for not at all.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, channels: int, scale: int) -> None:
        """Take the weights over.

        Args:
            weight: (K, C0 + C1) of the whole convolution.
            bias: (K,).
            channels: C0, channels of the first map.
            scale: How many times the first map is enlarged.
        """
        super().__init__()
        wide = weight[:, :, None, None]
        self.first = nn.Conv2d(channels, len(wide), 1)
        self.second = nn.Conv2d(wide.shape[1] - channels, len(wide), 1, bias=False)
        self.first.weight = nn.Parameter(wide[:, :channels].contiguous(), requires_grad=False)
        self.first.bias = nn.Parameter(bias, requires_grad=False)
        self.second.weight = nn.Parameter(wide[:, channels:].contiguous(), requires_grad=False)
        self.scale = scale

    def forward(self, x: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return (B, K, H, W).

        Args:
            x: (B, C0, H / scale, W / scale) and (B, C1, H, W).
        """
        first = self.first(x[0])
        if self.scale > 1:
            first = functional.interpolate(first, scale_factor=float(self.scale), mode="nearest")
        return first + self.second(x[1])


def fold_joins(layers: nn.Sequential) -> None:
    """Fold joins into the 1x1 convolutions around them, in place; the network gives the same as before.

    - The convolution of an `AdaptiveConcat` that always joins and the `cv1` that alone reads it are two 1x1
      convolutions with nothing between them: they become one.
    - An enlargement that only the join reads moves behind its half of that convolution (see `FoldedJoin`). So it does
      at the base's `Concat`, whose `cv1` is split for it.

    Args:
        layers: All layers of a graph in order, normalisation folded, gates settled.
    """
    rows: list[Layer] = list(layers)
    readers = _readers(rows)
    for i, join in enumerate(rows):
        reader: Any = rows[readers[i][0]] if len(readers[i]) == 1 else None
        if not _is_join(join) or not _reads_by_convolution(reader):
            continue
        before = join.f[0]
        scale = _enlargement(rows[before]) if before >= 0 and readers[before] == [i] else 1
        if isinstance(join, AdaptiveConcat) or scale > 1:
            layers[i] = in_place_of(_folded(join, reader.cv1.conv, scale), join)
            reader.cv1.conv = nn.Identity()
            reader.np = sum(p.numel() for p in reader.parameters())
            if scale > 1:
                layers[before] = in_place_of(nn.Identity(), rows[before])


def _readers(layers: list[Layer]) -> list[list[int]]:
    """Return for each layer the places of those that read its output."""
    readers: list[list[int]] = [[] for _ in layers]
    for layer in layers:
        for i in layer.f if isinstance(layer.f, list) else [layer.f]:
            if i >= 0:
                readers[i].append(layer.i)
    return readers


def _is_join(layer: Layer) -> bool:
    """Return whether a layer joins two maps, always."""
    if isinstance(layer, AdaptiveConcat):
        return layer.conv is not None and layer.gate is None
    return isinstance(layer, Concat) and layer.d == 1 and len(layer.f) == 2


def _reads_by_convolution(reader: Any) -> bool:
    """Return whether a layer reads its input by one 1x1 convolution, whose normalisation is folded."""
    if type(reader) not in READERS or type(reader.cv1) is not Conv or hasattr(reader.cv1, "bn"):
        return False
    conv = reader.cv1.conv
    plain = type(conv) is nn.Conv2d and conv.kernel_size == (1, 1) and conv.stride == (1, 1) and conv.groups == 1
    return plain and conv.bias is not None and conv.padding == (0, 0)


def _enlargement(layer: Layer) -> int:
    """Return how many times a layer enlarges its map by repeating pixels, 1 for other layers."""
    if not isinstance(layer, nn.Upsample) or layer.mode != "nearest" or not isinstance(layer.scale_factor, float):
        return 1
    return int(layer.scale_factor) if layer.scale_factor.is_integer() else 1


def _folded(join: Layer, conv: nn.Conv2d, scale: int) -> FoldedJoin:
    """Return a join with the convolution that reads it."""
    weight, bias = _matrix(conv)
    if isinstance(join, AdaptiveConcat):
        inner, inner_bias = _matrix(join.conv)
        weight, bias = weight @ inner, weight @ inner_bias + bias
    return FoldedJoin(weight.to(conv.weight), bias.to(conv.weight), join.channels[0], scale)


def _matrix(conv: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weights (K, C) and bias (K,) of a 1x1 convolution in float64, so that products lose nothing."""
    return conv.weight.detach().flatten(1).double(), conv.bias.detach().double()
