"""Which task each layer of a source is for: by an export's note, by its name, or by the order in which they stand."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ayolom.data.convert._format import Layer
from ayolom.data.schema import TASK_NAME
from ayolom.errors import AyolomError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ayolom.data.convert._note import Note

BY_NAME, BY_ORDER, LEFT, AS_SAID = "by name", "by order", "as the one left", "as layer= and task= say"


class Plan(NamedTuple):
    """One layer of a source, the task that it is for, and why that one; "" where there was nothing to choose."""

    layer: Layer
    task: str
    why: str = ""


def noted_layers(layers: tuple[Layer, ...], note: Note | None, one_list: bool) -> tuple[Layer, ...]:
    """Return the layers as an export's note tells them: their kinds, all their classes, one list parted into its tasks.

    Args:
        layers: Those that the format tells.
        note: What lies beside the annotations; None for a source that is no export of ours.
        one_list: Whether the format has one list of labels for all tasks.
    """
    if note is None:
        return layers
    if is_parted(note, one_list):
        return tuple(Layer(name, task.kind, task.names, layers[0]) for name, task in note.tasks.items())
    if len(layers) == len(note.tasks) == 1 and layers[0].name not in note.tasks:
        layers = (replace(layers[0], name=next(iter(note.tasks)), whole=layers[0]),)
    return tuple(_noted(layer, note) for layer in layers)


def is_parted(note: Note, one_list: bool) -> bool:
    """Return whether the objects of one layer are those of several tasks."""
    return one_list and len(note.tasks) > 1


def _noted(layer: Layer, note: Note) -> Layer:
    """Return a layer with the kind and the classes of the task that bears its name."""
    task = note.tasks.get(layer.name)
    if task is None or (layer.kind == "semantic" and layer.whole is None):
        return layer  # of class maps the kind is plain, and the names are positions
    names = tuple(dict.fromkeys((*task.names, *layer.names)))
    return replace(layer, kind=task.kind, names=names, whole=layer.whole or layer)


def pair_layers(layers: tuple[Layer, ...], wanted: tuple[str, ...], tasks: tuple[str, ...], source: Path) -> list[Plan]:
    """Return the layers to read, each with its task.

    Layers and tasks that are both named by the user belong together as they stand. Else a task takes the layer of its
    name, and the others are paired in their order; layers that no task takes are not read where all others fit by name.

    Args:
        layers: All layers of the source.
        wanted: Layers that the user names; empty for all.
        tasks: Tasks that the user names; empty for the layers' own names.
        source: The source, for messages.

    Raises:
        AyolomError: A layer is missing, or it is not plain which task is for which layer.
    """
    known = {layer.name: layer for layer in layers}
    for name in wanted:
        if name not in known:
            raise AyolomError(
                f"layer={name}: {source} has no such layer.{nearest(name, known)} It has {', '.join(known)}"
            )
    chosen = [known[name] for name in wanted] or list(layers)
    if not tasks:
        return [Plan(layer, _task_name(layer.name)) for layer in chosen]
    if len(chosen) == len(tasks) == 1:
        return [Plan(chosen[0], tasks[0])]
    if not wanted:
        return _by_names(chosen, tasks, source)
    if len(tasks) != len(chosen):
        raise _unpaired([layer.name for layer in chosen], tasks, {}, source)
    return [Plan(layer, task, AS_SAID) for layer, task in zip(chosen, tasks, strict=True)]


def _by_names(layers: Sequence[Layer], tasks: Sequence[str], source: Path) -> list[Plan]:
    """Return the layers with their tasks, in the order of the layers."""
    fits = _fits([layer.name for layer in layers], tasks)
    rest = [number for number in range(len(layers)) if number not in fits.values()]
    open_tasks = [number for number in range(len(tasks)) if number not in fits]
    in_place = all(task == layer for task, layer in fits.items())
    if open_tasks and (len(rest) != len(open_tasks) or (len(rest) > 1 and not in_place)):
        raise _unpaired([layer.name for layer in layers], tasks, fits, source)
    why = LEFT if fits and len(rest) == 1 else BY_ORDER
    pairs = {layer: Plan(layers[layer], tasks[task], BY_NAME) for task, layer in fits.items()}
    pairs |= {layer: Plan(layers[layer], tasks[task], why) for task, layer in zip(open_tasks, rest, strict=False)}
    return [pairs[layer] for layer in sorted(pairs)]


def _fits(layers: Sequence[str], tasks: Sequence[str]) -> dict[int, int]:
    """Return the layer by task, both by position, where their names say that they belong together.

    >>> _fits(["seg-lane-11", "detection-object"], ["object", "lane"])
    {0: 1, 1: 0}
    """
    found: dict[int, int] = {}
    for test in (_is_same, _is_part):
        pairs = [
            (i, j)
            for i, task in enumerate(tasks)
            for j, layer in enumerate(layers)
            if i not in found and j not in found.values() and test(task, layer)
        ]
        fitting_layers, fitting_tasks = Counter(i for i, _ in pairs), Counter(j for _, j in pairs)
        found |= {i: j for i, j in pairs if fitting_layers[i] == fitting_tasks[j] == 1}
    return found


def _words(name: str) -> list[str]:
    """Return the words of a name in lower case."""
    return [word for word in re.split(r"[\W_]+", name.lower()) if word]


def _is_same(task: str, layer: str) -> bool:
    """Return whether a task and a layer have one name."""
    return _words(task) == _words(layer)


def _is_part(task: str, layer: str) -> bool:
    """Return whether the words of a task are among those of a layer."""
    words = set(_words(task))
    return bool(words) and words <= set(_words(layer))


def _unpaired(layers: Sequence[str], tasks: Sequence[str], fits: dict[int, int], source: Path) -> AyolomError:
    """Return the error of tasks that cannot be paired."""
    named = [f"{tasks[task]} fits {layers[layer]}" for task, layer in fits.items()]
    by_name = f"; by name {', '.join(named)}, which leaves the others open" if named else ""
    has = f"{len(layers)} layer{'' if len(layers) == 1 else 's'} ({', '.join(layers)})"
    hint = next((nearest(task, layers) for number, task in enumerate(tasks) if number not in fits), "")
    return AyolomError(
        f"task={','.join(tasks)}: {source} has {has}{by_name}.{hint} Give a task for each layer that you want, in the "
        f"same order: layer={','.join(layers)} task=..."
    )


def _task_name(layer: str) -> str:
    """Return a layer's name as a task's."""
    name = re.sub(r"[^\w-]+", "_", layer).strip("_")
    return name if TASK_NAME.match(name) else f"task_{name}"
