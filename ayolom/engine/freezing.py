"""Which layers the name of a part stands for, and which a training leaves as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ayolom.errors import AyolomError, nearest

if TYPE_CHECKING:
    from ayolom.nn.model import MultiTaskModel


def layers_to_freeze(model: MultiTaskModel, freeze: Any) -> list[int] | int | None:
    """Return layer numbers for the base's `freeze`.

    Args:
        model: The network; each layer knows its block, such as "backbone" or "damage.neck".
        freeze: The base's form (a number of first layers, or a list of layer numbers), or names of blocks: "backbone",
            a task ("damage", its neck and head), "damage.neck", "damage.head"; as a list or joined by commas.

    Raises:
        AyolomError: There is no block of that name.
    """
    names = freeze.split(",") if isinstance(freeze, str) else freeze
    if not isinstance(names, (list, tuple)) or all(isinstance(name, int) for name in names):
        return freeze
    return sorted({layer for name in names for layer in layers_of(model, name, "freeze")})


def layers_of(model: MultiTaskModel, name: Any, setting: str) -> set[int]:
    """Return the numbers of the layers that a name stands for.

    Args:
        model: The network.
        name: A block ("backbone", "damage.neck", "damage.head"), a task for its neck and head, or a layer's number.
        setting: The setting that has the name, for messages.

    Raises:
        AyolomError: There is no block or layer of that name.
    """
    text = str(name).strip()
    blocks = [str(layer.block) for layer in model.model]
    known = {*blocks, *model.tasks}
    if text.isdigit() and int(text) < len(blocks):
        return {int(text)}
    if text not in known:
        raise AyolomError(
            f"{setting}={text}: no such block.{nearest(text, known)} Blocks are {', '.join(sorted(known))}, "
            f"layers 0 to {len(blocks) - 1}"
        )
    return {i for i, block in enumerate(blocks) if block == text or block.startswith(f"{text}.")}
