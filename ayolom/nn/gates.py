"""The gates of a network: what they say, and the network without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from ayolom.modules import AdaptiveConcat

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

    from ayolom.nn.graph import Layer


class PassThrough(nn.Module):
    """What is left of a join whose gate is closed: the first input."""

    def forward(self, x: list[torch.Tensor]) -> torch.Tensor:
        """Return the first of several maps (B, C, H, W)."""
        return x[0]


def gate_rows(layers: Iterable[Layer]) -> list[dict[str, Any]]:
    """Return for each gate its block, its row in the block, its openness in [0, 1] and whether it is open.

    Args:
        layers: All layers of a graph, in order.
    """
    table, block, row = [], None, 0
    for layer in layers:
        block, row = (layer.block, row + 1) if layer.block == block else (layer.block, 0)
        if isinstance(layer, AdaptiveConcat) and layer.gate is not None:
            table.append({"block": block, "row": row, "openness": layer.openness, "open": layer.is_open})
    return table


def settle(layer: Layer) -> Layer:
    """Return the layer without a gate: closed, it passes its first input on; open, it always joins.

    Other layers come back as they are.
    """
    if not isinstance(layer, AdaptiveConcat) or layer.gate is None:
        return layer
    if layer.is_open:
        layer.mode, layer.gate = "always", None
        layer.refresh()
        joined: Layer = layer
        joined.np -= 1
        return joined
    return in_place_of(PassThrough(), layer)


def in_place_of(new: Layer, layer: Layer) -> Layer:
    """Return a new layer with what the graph has written into the one whose place it takes (see `graph.Graph`)."""
    for name in ("i", "f", "block", "users", "channels"):
        setattr(new, name, getattr(layer, name))
    new.type = f"{type(new).__module__}.{type(new).__qualname__}"
    new.np = sum(p.numel() for p in new.parameters())
    return new.train(layer.training)
