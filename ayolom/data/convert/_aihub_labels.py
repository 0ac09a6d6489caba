"""One annotation of AI-Hub 581: whether it is of damage or of a part, its class, and its shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ayolom.data.convert._shapes import box_of, outline
from ayolom.data.convert._values import LabelledObject

if TYPE_CHECKING:
    import numpy as np

    from ayolom.data.convert._problems import Problems

DAMAGE, PARTS = "damage", "parts"
KINDS = {DAMAGE: "damage", PARTS: "part"}  # key of an annotation by layer
DAMAGES = ("Scratched", "Separated", "Crushed", "Breakage")
DEEPEST = 6  # levels of lists; four occur


def labelled_object(entry: Any, layer: str, where: str, problems: Problems) -> LabelledObject | None:
    """Return one annotation as an object of a layer, None when it is of the other or cannot be used."""
    if not isinstance(entry, dict):
        problems.add("malformed annotation", where)
        return None
    names = {name: text_of(entry.get(key)) for name, key in KINDS.items()}
    label = names[layer]
    if not label:
        if not any(names.values()):
            problems.add("annotation of neither damage nor part", where)
        return None
    if layer == DAMAGE and label not in DAMAGES:
        problems.add(f"unknown damage '{label}'", where)
        return None
    polygons, box = _outlines(entry.get("segmentation")), box_of(entry.get("bbox") or (), sized=True)
    if polygons is None:
        problems.add("malformed outline", where)
        return None
    if not polygons and box is None:
        problems.add("annotation without outline and box", where)
        return None
    return LabelledObject(label, polygons, box, where=where)


def text_of(value: Any) -> str:
    """Return a text without blanks around it, "" for anything else."""
    return value.strip() if isinstance(value, str) else ""


def _outlines(value: Any, depth: int = 0) -> tuple[np.ndarray, ...] | None:
    """Return the outlines in lists nested to any depth: of pairs, or of numbers in a row; None when malformed."""
    if value is None or value == []:
        return ()
    if not isinstance(value, list) or depth > DEEPEST:
        return None
    if all(isinstance(part, (int, float)) for part in value):
        return _points(value, flat=True)
    if all(_is_pair(part) for part in value):
        return _points(value, flat=False)
    found: list[np.ndarray] = []
    for part in value:
        inner = _outlines(part, depth + 1)
        if inner is None:
            return None
        found.extend(inner)
    return tuple(found)


def _is_pair(value: Any) -> bool:
    """Return whether a value is a point."""
    return isinstance(value, list) and len(value) == 2 and all(isinstance(number, (int, float)) for number in value)


def _points(value: list[Any], flat: bool) -> tuple[np.ndarray, ...] | None:
    """Return one outline, None when it is none."""
    if flat and len(value) % 2:
        return None
    points = outline(list(zip(value[::2], value[1::2], strict=True)) if flat else value)
    return None if points is None else (points,)
