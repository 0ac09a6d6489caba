"""Builds the layers of a multi-task model from its YAML.

A row with one input is built by the base, one row at a time, so that its rules of scaling hold unchanged. Rows with
several inputs and heads are built here. Every layer is run once on zeros as it is made: that gives its channels, and a
row that does not fit is found where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from ultralytics.nn import tasks as base
from ultralytics.nn.modules import Concat, Conv

from ayolom.errors import AyolomError, nearest
from ayolom.modules import AdaptiveConcat
from ayolom.nn.references import IMAGE, Layout, Row

if TYPE_CHECKING:
    from ayolom.tasks.base import Task

SIZE = 128  # pixels of the dry run: four cells at stride 32, enough for every module and cheap for the largest scale
BASE_LAYERS = "ultralytics.nn.modules."
Layer = Any  # an nn.Module with the attributes that `Graph` describes; nn.Module's own types allow only tensors
FAILURES = (RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError, AssertionError, ArithmeticError)


@dataclass
class Graph:
    """Layers and how they hang together.

    Attributes:
        layers: All layers. Each has `.i` (its place), `.f` (place or list of places of its inputs, -1 is the image),
            `.type`, `.np` (parameters), `.block` ("backbone", "damage.neck", "damage.head"), `.channels` (of each
            input) and `.users` (names of the tasks whose heads depend on it).
        save: Places of layers whose output a later row than the next one reads.
        heads: Place of each task's head.
        stride: Pixels of the image per cell of the coarsest map.
    """

    layers: nn.Sequential
    save: list[int]
    heads: dict[str, int]
    stride: float


@dataclass
class _Builder:
    """State while the rows are built one after the other."""

    spec: dict[str, Any]
    tasks: dict[str, Task]
    maps: dict[int, torch.Tensor]
    layers: list[Layer] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Build one row, run it on zeros, and keep its output."""
        inputs = [self.maps[i] for i in row.inputs]
        try:
            layer = self._build(row, inputs)
            output = _dry_run(layer, inputs if row.several else inputs[0], raw=row.is_head)
        except AyolomError as error:
            raise AyolomError(f"{row.place}: {error}") from None
        except FAILURES as error:
            shapes = ", ".join("x".join(str(n) for n in x.shape[1:]) for x in inputs)
            raise AyolomError(
                f"{row.place}: does not fit its input, {shapes} (channels x height x width at {SIZE} px): {_say(error)}"
            ) from error
        if not row.is_head:
            if not isinstance(output, torch.Tensor) or output.ndim != 4:
                raise AyolomError(f"{row.place}: {row.module} does not give one map; take another module")
            self.maps[row.index] = output
        self.layers.append(_labelled(layer, row, [x.shape[1] for x in inputs]))

    def _build(self, row: Row, inputs: list[torch.Tensor]) -> nn.Module:
        """Return the layer of a row."""
        channels = [x.shape[1] for x in inputs]
        if row.is_head:
            task = self.tasks[row.task]
            head = task.build_head(row.module, list(row.args), channels, self.spec)
            task.init_head(head, [SIZE / x.shape[2] for x in inputs])
            return _with_activation(head, self.spec.get("activation"))
        if row.module in _JOINS:
            return _build_join(row, inputs)
        _check_module(row.module)
        if len(inputs) > 1:
            raise AyolomError(f"{row.module} takes one input (got {len(inputs)}); join maps with {_JOIN_NAMES}")
        return _build_single(row, channels[0], self.spec)


def build_graph(spec: dict[str, Any], tasks: dict[str, Task], channels: int = 3, source: str = "model") -> Graph:
    """Build all layers.

    Args:
        spec: Model YAML (see `spec.check_spec`).
        tasks: Task objects by the names under `tasks:`; they make the heads.
        channels: Channels of the image.
        source: Name of the file, for messages.

    Raises:
        AyolomError: A row cannot be built; the message names file, block and row.
    """
    rows = Layout(spec, source).rows()
    builder = _Builder(spec, tasks, {IMAGE: torch.zeros(1, channels, SIZE, SIZE)})
    for row in rows:
        builder.add(row)
    heads = {row.task: row.index for row in rows if row.is_head}
    _mark_users(builder.layers, rows, heads)
    save = sorted({i for row in rows for i in row.inputs if i not in (IMAGE, row.index - 1)})
    coarsest = min(min(x.shape[2:]) for x in builder.maps.values())
    return Graph(nn.Sequential(*builder.layers), save, {name: heads[name] for name in tasks}, SIZE / coarsest)


def _mark_users(layers: list[Layer], rows: list[Row], heads: dict[str, int]) -> None:
    """Write into every layer which tasks' heads depend on it."""
    users: list[set[str]] = [set() for _ in layers]
    for name, index in heads.items():
        users[index].add(name)
    for row in reversed(rows):
        for i in row.inputs:
            if i != IMAGE:
                users[i] |= users[row.index]
    for layer, names in zip(layers, users, strict=True):
        layer.users = frozenset(names)


def _labelled(layer: Layer, row: Row, channels: list[int]) -> Layer:
    """Write into a layer where it stands, in the base's attributes and ours."""
    layer.i = row.index
    layer.f = list(row.inputs) if row.several else row.inputs[0]
    layer.type = f"{type(layer).__module__}.{type(layer).__qualname__}"
    layer.np = sum(p.numel() for p in layer.parameters())
    layer.block, layer.channels = row.block, channels
    return layer


@torch.no_grad()
def _dry_run(layer: nn.Module, inputs: torch.Tensor | list[torch.Tensor], raw: bool) -> Any:
    """Return the layer's output, leaving its normalisation statistics as they are.

    Args:
        layer: The layer, all in inference mode while it runs.
        inputs: One map, or several.
        raw: Whether to tell the layer itself that it trains, so that a head gives its raw maps.
    """
    layer.eval()
    layer.training = raw
    try:
        return layer(inputs)
    finally:
        layer.train()


def _with_activation(head: nn.Module, activation: str | None) -> nn.Module:
    """Give a head's convolutions the YAML's activation, as the base gives it to the rows that it builds."""
    if activation:
        own = base._SafeLoad.activation(activation)
        for layer in head.modules():
            if getattr(layer, "act", None) is Conv.default_act:
                layer.act = own
    return head


def _build_single(row: Row, channels: int, spec: dict[str, Any]) -> nn.Module:
    """Return a row of the base's modules, built and scaled by the base."""
    keys = ("scales", "scale", "activation", "reg_max", "end2end")
    plain = {key: spec[key] for key in keys if spec.get(key)}
    one = {**plain, "nc": 1, "backbone": [[-1, row.repeats, row.module, list(row.args)]], "head": []}
    layers, _ = base.parse_model(one, ch=channels, verbose=False)
    return layers[0]


def _check_module(name: str) -> None:
    """Raise unless the name is a layer of the base or of torch.nn."""
    known = _base_modules()
    if name.startswith("nn."):
        found = getattr(nn, name[3:], None)
        if isinstance(found, type) and issubclass(found, nn.Module):
            return
        known = [f"nn.{layer}" for layer in dir(nn)]
    elif name in known:
        return
    raise AyolomError(f"there is no module '{name}'.{nearest(name, [*known, *_JOINS])}")


def _base_modules() -> list[str]:
    """Return the names of the base's layers that a row can name."""
    return [
        name
        for name, value in vars(base).items()
        if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__.startswith(BASE_LAYERS)
    ]


def _build_join(row: Row, inputs: list[torch.Tensor]) -> nn.Module:
    """Return a layer that joins several maps of one size."""
    if len(inputs) < 2 or row.repeats != 1:
        raise AyolomError(f"{row.module} joins two or more maps, once (got {len(inputs)} maps, {row.repeats} times)")
    sizes = [f"{x.shape[2]}x{x.shape[3]}" for x in inputs]
    if len(set(sizes)) > 1:
        raise AyolomError(f"its maps differ in size ({', '.join(sizes)} at {SIZE} px); take rows of one stride")
    return _JOINS[row.module](row.args, [x.shape[1] for x in inputs])


def _say(error: Exception) -> str:
    """Return what an exception says, without its tail of internals."""
    return (str(error) or type(error).__name__).splitlines()[0]


def _concat(args: list[Any], channels: list[int]) -> nn.Module:
    """Return the base's Concat."""
    if args not in ([], [1]):
        raise AyolomError(f"Concat joins channels; its arguments are [1] (got {args})")
    return Concat(1)


def _adaptive_concat(args: list[Any], channels: list[int]) -> nn.Module:
    """Return our gated Concat; arguments are [], [mode], [mode, init] or [{mode: ..., init: ...}]."""
    if len(channels) != 2:
        raise AyolomError(f"AdaptiveConcat joins two maps, the neck's and the backbone's (got {len(channels)})")
    if len(args) == 1 and isinstance(args[0], dict):
        if unknown := set(args[0]) - {"mode", "init"}:
            raise AyolomError(f"AdaptiveConcat has no {', '.join(sorted(map(str, unknown)))}; it takes mode and init")
        return AdaptiveConcat(tuple(channels), **args[0])
    if len(args) > 2:
        raise AyolomError(f"AdaptiveConcat takes [mode, init] (got {args})")
    return AdaptiveConcat(tuple(channels), *args)


_JOINS = {"Concat": _concat, "AdaptiveConcat": _adaptive_concat}
_JOIN_NAMES = " or ".join(_JOINS)
