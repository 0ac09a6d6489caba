"""Which layers a training leaves as they are."""

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
    blocks = [str(layer.block) for layer in model.model]
    known = {*blocks, *model.tasks}
    layers: set[int] = set()
    for name in (str(name).strip() for name in names):
        if name.isdigit():
            layers.add(int(name))
        elif name in known:
            layers |= {i for i, block in enumerate(blocks) if block == name or block.startswith(f"{name}.")}
        else:
            raise AyolomError(
                f"freeze={name}: no such block.{nearest(name, known)} Blocks are {', '.join(sorted(known))}"
            )
    return sorted(layers)
