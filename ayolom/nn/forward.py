"""How images flow through the layers: all layers, those a task needs, or those that an image teaches something."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from ultralytics.nn.tasks import BaseModel

from ayolom.errors import AyolomError
from ayolom.nn.folding import FoldedJoin
from ayolom.nn.references import IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from ayolom.nn.graph import Layer


class Forward(BaseModel):
    """The base's model with a head for each task.

    Attributes:
        model: All layers (see `graph.Graph`).
        save: Places of layers whose output is kept for a later row.
        heads: Place of each task's head by name.
        active: Names of the tasks to compute, None for all.
        compute_dtype: Type in which the layers run on a CPU, None for that of the weights. Outputs are float32.
    """

    model: nn.Sequential
    save: list[int]
    heads: dict[str, int]
    active: frozenset[str] | None = None
    compute_dtype: torch.dtype | None = None

    def _predict_once(self, x: torch.Tensor, profile: bool = False, embed: list[int] | None = None) -> Any:
        """Run the layers that the active tasks need.

        Args:
            x: (B, C, H, W) images in [0, 1], H and W multiples of `stride`.
            profile: Whether to log the time of each layer.
            embed: Places of layers whose averaged maps to return instead, as the base does.

        Returns:
            Raw output of each active task's head by name; with `embed` a tuple of B vectors.
        """
        if self._is_plain(x):  # without any context: `torch.compile` cannot break a graph within one
            return self._run(x, profile, embed)
        with self._precision(x):
            return self._run(x, profile, embed)

    def _run(self, x: torch.Tensor, profile: bool, embed: list[int] | None) -> Any:
        """Run the layers that the active tasks need, in the type that is set (see `_predict_once`)."""
        maps: dict[int, Any] = {IMAGE: x}
        outputs: dict[str, Any] = {}
        vectors: list[torch.Tensor] = []
        times: list[float] = []
        names = {index: name for name, index in self.heads.items()}
        layers: Iterable[Layer] = self.model if embed else self._needed()
        for layer in layers:
            inputs = _gather(layer, maps)
            if profile:
                self._profile_one_layer(layer, inputs, times)
            if layer.i in names:
                outputs[names[layer.i]] = self._answer(layer, inputs)
            else:
                maps[layer.i] = layer(inputs)
            if layer.i - 1 not in self.save:
                maps.pop(layer.i - 1, None)
            if embed and layer.i in embed:
                _check_whole(layer)
                vectors.append(maps[layer.i].float().mean((2, 3)))
                if layer.i == max(embed):
                    return torch.unbind(torch.cat(vectors, 1))
        return outputs

    def _forward_labelled(self, x: torch.Tensor, images: dict[str, torch.Tensor]) -> dict[str, Any]:
        """Run each layer only on the images that are labelled for a task which depends on it.

        Args:
            x: (B, C, H, W) images in [0, 1].
            images: (B,) bool tensor on the CPU by task name.

        Returns:
            Raw output by task name, of the task's labelled images in order; a task without any is left out.
        """
        if all(mask.all() for mask in images.values()):
            return self._predict_once(x)
        maps: dict[int, Any] = {IMAGE: x}
        masks = {IMAGE: torch.ones(len(x), dtype=torch.bool)}
        names = {index: name for name, index in self.heads.items()}
        outputs = {}
        with self._precision(x):
            for layer in self._needed():
                mask = torch.stack([images[name] for name in layer.users]).any(0)
                if not mask.any():
                    continue
                inputs = _gather(layer, maps, masks, mask)
                if layer.i in names:
                    outputs[names[layer.i]] = self._answer(layer, inputs)
                else:
                    maps[layer.i], masks[layer.i] = layer(inputs), mask
        return outputs

    def _needed(self) -> Iterator[Layer]:
        """Yield the layers that the active tasks depend on, in order."""
        layers: Iterable[Layer] = self.model
        for layer in layers:
            if layer.users if self.active is None else layer.users & self.active:
                yield layer

    def _is_plain(self, x: torch.Tensor) -> bool:
        """Return whether layers run in the type of their weights, or in that of the caller's context."""
        return self.compute_dtype is None or x.device.type != "cpu"

    def _precision(self, x: torch.Tensor) -> AbstractContextManager[Any]:
        """Return the context in which layers run in `compute_dtype` on a CPU."""
        return nullcontext() if self._is_plain(x) else torch.autocast("cpu", self.compute_dtype)

    def _answer(self, head: nn.Module, inputs: list[torch.Tensor]) -> Any:
        """Return a head's output, in float32 where the other layers run in a smaller type.

        Inference is float32 throughout: in bfloat16, with its 8 significant bits, a box is decoded to some pixels only.
        """
        if self.compute_dtype is None:
            return head(inputs)
        if self.training:
            return _to_float(head(inputs))
        with torch.autocast(inputs[0].device.type, enabled=False):
            return head(_to_float(inputs))


def _check_whole(layer: Any) -> None:
    """Raise where a layer no longer gives the map of its row."""
    place, block = layer.i, layer.block
    if isinstance(layer, FoldedJoin):
        raise AyolomError(
            f"embed: row {place} ({block}) is folded into the next one for prediction; take another, such as "
            f"embed={place + 1}"
        )


def _gather(
    layer: Layer,
    maps: dict[int, Any],
    masks: dict[int, torch.Tensor] | None = None,
    mask: torch.Tensor | None = None,
) -> Any:
    """Return a layer's input, or list of inputs, of the images in `mask` where that is given.

    Args:
        layer: The layer.
        maps: Outputs (B', C, h, w) so far by place.
        masks: (B,) bool tensor by place, the images that a map holds.
        mask: (B,) bool tensor, the images to take.
    """
    places = layer.f if isinstance(layer.f, list) else [layer.f]
    inputs = [maps[i] if mask is None else _narrow(maps[i], masks[i], mask) for i in places]  # type: ignore[index]
    return inputs if isinstance(layer.f, list) else inputs[0]


def _narrow(x: torch.Tensor, have: torch.Tensor, want: torch.Tensor) -> torch.Tensor:
    """Return (B'', C, h, w), those images of (B', C, h, w) that are wanted; both masks are (B,) bool."""
    if torch.equal(have, want):
        return x
    return x[want[have].nonzero().flatten().to(x.device)]


def _to_float(output: Any) -> Any:
    """Return nested output with every floating-point tensor in float32."""
    if isinstance(output, torch.Tensor):
        return output.float() if output.is_floating_point() else output
    if isinstance(output, dict):
        return {key: _to_float(value) for key, value in output.items()}
    if isinstance(output, (list, tuple)):
        return type(output)(_to_float(value) for value in output)
    return output
