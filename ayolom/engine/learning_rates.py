"""Parts of a network that learn at a rate of their own, gates among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ultralytics.utils import LOGGER, RANK

from ayolom.engine.freezing import layers_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from ayolom.nn.model import MultiTaskModel

SCALED_BIAS = "bias of a scaled part"


def scale_rates(optimizer: torch.optim.Optimizer, model: MultiTaskModel, scales: Mapping[Any, float]) -> None:
    """Part the optimizer's groups so that the named parts learn at a multiple of their group's rate.

    What is left of a group stays where it was, and its scaled parts follow after all groups. The schedule and the
    warm-up of the base multiply and lead to each group's own rate. One thing differs: biases of a scaled part begin the
    warm-up at 0 as weights do, not at `warmup_bias_lr`, which would be a hundred times what the part is meant to learn
    with and is there for layers that start anew.

    Args:
        optimizer: The optimizer, before it has a schedule.
        model: The network.
        scales: Multiple (over 0) by name of a part, as `freeze` takes them. Of a task and one of its blocks, the block
            counts, and of a block and a layer's number, the layer.

    Raises:
        AyolomError: There is no part of that name.
    """
    by_parameter = _scales(model, scales)
    for group in list(optimizer.param_groups):
        own: dict[float, list[torch.Tensor]] = {}
        for parameter in group["params"]:
            own.setdefault(by_parameter.get(id(parameter), 1.0), []).append(parameter)
        group["params"] = own.pop(1.0, [])
        for scale, parameters in sorted(own.items()):
            kind = SCALED_BIAS if group.get("param_group") == "bias" else group.get("param_group")
            rates: dict[str, Any] = {key: scale * group[key] for key in ("lr", "initial_lr") if key in group}
            optimizer.add_param_group({**group, "params": parameters, "param_group": kind, **rates})
    if scales and RANK in {-1, 0}:
        LOGGER.info("learning rates: " + ", ".join(f"{name} x {scale:g}" for name, scale in scales.items()))


def add_gates(optimizer: torch.optim.Optimizer, parameters: list[torch.nn.Parameter], scale: float) -> None:
    """Give gates and balance a group without decay, which would pull them to where they decide nothing.

    Args:
        optimizer: The optimizer, before it has a schedule.
        parameters: Parameters that no other group has.
        scale: Their learning rate as a multiple of the optimizer's.
    """
    alike = {key: value for key, value in optimizer.param_groups[-1].items() if key != "params"}
    rate = optimizer.defaults["lr"] * scale
    own = {"lr": rate, "initial_lr": rate, "weight_decay": 0.0, "use_muon": False, "param_group": "gate"}
    optimizer.add_param_group({**alike, "params": parameters, **own})


def _scales(model: MultiTaskModel, scales: Mapping[Any, float]) -> dict[int, float]:
    """Return the multiple of parameters by their identity, the narrower name in place of the wider."""
    found: dict[int, float] = {}
    for name, scale in sorted(scales.items(), key=lambda item: _narrowness(str(item[0]))):
        for number in layers_of(model, name, "lr_scale"):
            found.update((id(parameter), float(scale)) for parameter in model.model[number].parameters())
    return found


def _narrowness(name: str) -> tuple[bool, int]:
    """Return what sorts tasks and the backbone before blocks, and blocks before layers."""
    return name.strip().isdigit(), name.count(".")
