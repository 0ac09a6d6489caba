"""Weights taken over from another network: the base's, one of ours, or a plain state dict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn
from ultralytics.utils import LOGGER

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import torch

    from ayolom.nn.graph import Layer
    from ayolom.nn.model import MultiTaskModel
    from ayolom.tasks.base import Task

Pairs = dict[int, int]  # our row -> row of the source


@dataclass(frozen=True)
class _Part:
    """One task of the source: its name, the class names of its head, and its rows [start, stop)."""

    name: str
    head: frozenset[str]
    start: int
    stop: int


def transfer(model: MultiTaskModel, weights: Any, verbose: bool = True) -> dict[str, int]:
    """Copy every tensor that has a counterpart of the same key and shape.

    Backbone rows are matched by place. The rows of a task are matched with those of the task of the source that has the
    same name and kind of head, else with the first of the same kind of head: so `yolov8n.pt` fills every detection
    task, and `yolo26n-sem.pt` the mask tasks. Heads match heads; of the rows before, those of one class are matched in
    their order so that the most tensors fit, and rows which one of the two necks has more do not shift the others. A
    plain state dict does not tell kinds; there rows are matched by place, with the task whose tensors fit best.

    Args:
        model: The network to fill, in place.
        weights: A network, a checkpoint of the base (a dict with "ema" or "model"), or a state dict with keys such as
            "model.0.conv.weight".
        verbose: Whether to log the count.

    Returns:
        How many tensors were taken, by "backbone" and task name.

    Raises:
        AyolomError: `weights` is none of these.
    """
    source = _unwrapped(weights)
    state = source.float().state_dict() if isinstance(source, nn.Module) else source
    pairs = _pairs(model, source) if isinstance(source, nn.Module) else _best_pairs(model, state)
    own = model.state_dict()
    taken = {key: value for key, value in _renamed(state, pairs).items() if _fits(value, own.get(key))}
    model.load_state_dict(taken, strict=False)
    model.pt_path = getattr(source, "pt_path", None)
    counts = dict.fromkeys(["backbone", *model.tasks], 0)
    for key in taken:
        counts[_owner(model, key)] += 1
    if verbose:
        total = sum(key.startswith("model.") for key in own)
        parts = ", ".join(f"{name} {count}" for name, count in counts.items())
        LOGGER.info(f"Transferred {len(taken)}/{total} tensors ({parts})")
        if getattr(source, "is_fused", lambda: False)() and not model.is_fused():
            LOGGER.warning("The source is fused for inference; take the checkpoint as it was trained instead.")
    return counts


def _unwrapped(weights: Any) -> nn.Module | dict[str, torch.Tensor]:
    """Return the network or the state dict inside a checkpoint."""
    if isinstance(weights, dict) and ("model" in weights or "ema" in weights):
        weights = weights.get("ema") or weights.get("model")
    plain = isinstance(weights, dict) and all(isinstance(key, str) for key in weights)
    if not plain and not hasattr(weights, "model"):
        raise AyolomError(
            f"weights: neither a network nor a state dict (got {type(weights).__name__}); give a .pt file of a YOLO"
        )
    return weights


def _renamed(state: dict[str, torch.Tensor], pairs: Pairs) -> dict[str, torch.Tensor]:
    """Return the tensors under the keys of our rows; one tensor may go to several."""
    rows: dict[int, list[tuple[str, torch.Tensor]]] = {}
    for key, value in state.items():
        prefix, _, rest = key.partition(".")
        row, _, rest = rest.partition(".")
        if prefix == "model" and row.isdigit():
            rows.setdefault(int(row), []).append((rest, value))
    return {f"model.{ours}.{rest}": value for ours, theirs in pairs.items() for rest, value in rows.get(theirs, [])}


def _fits(value: torch.Tensor, own: torch.Tensor | None) -> bool:
    """Return whether we have such a tensor, of the same shape."""
    return own is not None and own.shape == value.shape


def _owner(model: MultiTaskModel, key: str) -> str:
    """Return "backbone" or the task that a key belongs to."""
    layer: Layer = model.model[int(key.split(".")[1])]
    block: str = layer.block
    return block.rpartition(".")[0] or block


def _blocks(layers: Iterable[Layer]) -> dict[str, list[int]]:
    """Return the places of the rows of "backbone" and of each task."""
    blocks: dict[str, list[int]] = {}
    for layer in layers:
        blocks.setdefault(layer.block.rpartition(".")[0] or layer.block, []).append(layer.i)
    return blocks


def _parts(source: Any) -> tuple[int, list[_Part]]:
    """Return the length of a network's backbone, and its tasks."""
    layers: Any = source.model
    if hasattr(layers[0], "block"):
        blocks = _blocks(layers)
        length = len(blocks.pop("backbone"))
        return length, [_Part(n, _class_names(layers[rows[-1]]), rows[0], rows[-1] + 1) for n, rows in blocks.items()]
    length = len(source.yaml["backbone"])
    return length, [_Part("", _class_names(layers[-1]), length, len(layers))]


def _class_names(head: nn.Module) -> frozenset[str]:
    """Return the names of a head's class and of those it derives from."""
    return frozenset(cls.__name__ for cls in type(head).__mro__)


def _pairs(model: MultiTaskModel, source: nn.Module) -> Pairs:
    """Return which row of a network fills which of ours."""
    length, parts = _parts(source)
    blocks = _blocks(model.model)
    pairs = dict(zip(blocks["backbone"], range(length), strict=False))
    for name, task in model.tasks.items():
        part = _counterpart(task, parts)
        if part is not None:
            pairs |= _aligned(model.model, blocks[name], source.model, range(part.start, part.stop))
    return pairs


def _aligned(ours: Any, rows: Sequence[int], theirs: Any, other_rows: Sequence[int]) -> Pairs:
    """Return the pairs of two blocks: their heads, and before them, in order, those rows that take the most tensors.

    The longest common subsequence, its length counted in tensors: of `best`, entry j holds how many tensors the rows so
    far can take from the first j of theirs, and the pairs that do.
    """
    others = other_rows[:-1]
    best: list[tuple[int, Pairs]] = [(0, {})] * (len(others) + 1)
    for row in rows[:-1]:
        line = best[:1]
        for j, other in enumerate(others):
            count, pairs = best[j]
            with_both = (count + _common(ours[row], theirs[other]), {**pairs, row: other})
            line.append(max(best[j + 1], line[j], with_both, key=lambda entry: entry[0]))
        best = line
    return {**best[-1][1], rows[-1]: other_rows[-1]}


def _common(layer: nn.Module, other: nn.Module) -> int:
    """Return how many tensors two layers of one class have in common by key and shape; 0 of two classes."""
    if type(layer) is not type(other):
        return 0
    state = other.state_dict()
    return sum(_fits(value, state.get(key)) for key, value in layer.state_dict().items())


def _counterpart(task: Task, parts: list[_Part]) -> _Part | None:
    """Return the source's task of the same name, else the first, among those with such a head."""
    same_kind = [part for part in parts if part.head.intersection(task.heads)]
    return next((part for part in same_kind if part.name == task.name), next(iter(same_kind), None))


def _best_pairs(model: MultiTaskModel, state: dict[str, torch.Tensor]) -> Pairs:
    """Return the pairs that take the most of a plain state dict, the first such.

    Tried are: every row at its own place, and the rows after the backbone at the place of each task in turn.
    """
    blocks = _blocks(model.model)
    length = len(blocks["backbone"])
    backbone = {i: i for i in blocks["backbone"]}
    candidates = [{i: i for i in range(len(model.model))}]
    candidates += [{**backbone, **{row: length + j for j, row in enumerate(blocks[name])}} for name in model.tasks]
    own = model.state_dict()

    def taken(pairs: Pairs) -> int:
        return sum(_fits(value, own.get(key)) for key, value in _renamed(state, pairs).items())

    return max(candidates, key=taken)
