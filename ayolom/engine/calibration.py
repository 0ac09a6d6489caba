"""Temperatures put into the weights of a checkpoint of its own, so that everything made from it is calibrated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ultralytics.utils import LOGGER

from ayolom.engine.checkpoint import RUN_STATE, build_model, plain, read_checkpoint, write_checkpoint
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_calibrated(source: Path, folder: Path, temperatures: Mapping[str, float], end2end: bool) -> Path:
    """Write a checkpoint whose confidences are those of its logits divided by a temperature.

    The last layer of each head is divided by its task's temperature. Scores and class maps keep their order, and every
    reader of the checkpoint (prediction, export in any format, inspection) gives calibrated confidences unaware.
    Where a checkpoint is calibrated again, "temperatures" holds the products.

    Args:
        source: A checkpoint of ours, which is left as it is.
        folder: Where the new one goes, named after `source`.
        temperatures: By task name.
        end2end: Whether boxes were scored without suppression, which another branch of the head gives.

    Returns:
        The new checkpoint.

    Raises:
        AyolomError: There is no temperature, or the new file would be the old one.
    """
    if not temperatures:
        raise AyolomError("calibrate=True: no temperature fits any task; train longer, or give a split with labels")
    file = folder / f"{source.stem}_calibrated.pt"
    if file.resolve() == source.resolve():
        raise AyolomError(f"calibrate=True: {file} is the checkpoint itself; give another name=")
    content: dict[str, Any] = {k: v for k, v in read_checkpoint(source).items() if k not in RUN_STATE}
    model = build_model(content)
    model.end2end = end2end
    state = {}
    for name, temperature in temperatures.items():
        before = {key: value.clone() for key, value in model.state_dict().items()}
        model.tasks[name].divide_logits(model.model[model.heads[name]], temperature)
        state.update({key: value for key, value in model.state_dict().items() if not value.equal(before[key])})
    had = content.get("temperatures", {})
    # In full precision, in which neighbouring scores stay apart; the rest is kept as it was stored.
    content["ema"] = {**content["ema"], **{key: value.contiguous() for key, value in state.items()}}
    content["temperatures"] = plain({**had, **{name: t * had.get(name, 1.0) for name, t in temperatures.items()}})
    content["epoch"] = -1
    write_checkpoint(file, content)
    told = ", ".join(f"{name} {temperature:.3f}" for name, temperature in temperatures.items())
    LOGGER.info(f"Calibrated checkpoint with the temperatures {told} saved to {file}")
    return file
