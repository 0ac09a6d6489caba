"""How the network runs on the machine at hand: threads, precision, and the tasks of a model behind a wrapper."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from torch import nn

    from ayolom.config import Settings
    from ayolom.engine.exported import Exported
    from ayolom.nn.model import MultiTaskModel


def native(model: nn.Module) -> MultiTaskModel:
    """Return the network, given bare or inside the base's `AutoBackend`; of an exported file, what stands in for it."""
    if hasattr(model, "heads"):
        return model  # type: ignore[return-value]
    if hasattr(model.model, "heads"):
        return model.model  # type: ignore[return-value]
    return exported(model)  # type: ignore[return-value]


def exported(backend: Any) -> Exported:
    """Return what stands in for the network of an exported file inside the base's `AutoBackend`; made once for each.

    Raises:
        AyolomError: The file is not one of several tasks.
    """
    from ayolom.engine.artefact import description_in
    from ayolom.engine.exported import Exported

    made = backend.__dict__.get("ayolom_exported")
    if made is None:
        description = description_in(backend.metadata, "model")
        if description is None:
            raise AyolomError("model: was not exported from a model of several tasks; export its best.pt with ayolom")
        made = backend.__dict__["ayolom_exported"] = Exported(description)
    return made


def answers(model: nn.Module, outputs: Any) -> dict[str, Any]:
    """Return each task's raw output by name: what the network gives itself, or the outputs of an exported file."""
    return outputs if isinstance(outputs, dict) else exported(model).answers(model, outputs)


def use_threads(settings: Settings, device: torch.device) -> None:
    """Give the network all cores of a CPU, or as many as `threads` says; the base leaves one out."""
    if device.type == "cpu":
        torch.set_num_threads(settings.threads or cores())


def cores() -> int:
    """Return the cores that this process may use, fewer than the machine has where containers or users limit them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_dtype(settings: Settings, device: torch.device) -> torch.dtype | None:
    """Return bfloat16 where the layers shall run in it on a CPU, else None.

    `precision=auto` chooses it where the CPU has instructions for it: elsewhere it is emulated and slow.
    """
    if device.type != "cpu" or settings.precision == "fp32":
        return None
    return torch.bfloat16 if settings.precision == "bf16" or has_bf16() else None


def has_bf16() -> bool:
    """Return whether the CPU multiplies bfloat16 in hardware."""
    tests: tuple[str, ...] = ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported")
    return any(bool(getattr(torch.cpu, name, _no)()) for name in tests)


def _no() -> bool:
    """Return False, for PyTorch versions without the question."""
    return False


def gpu_amp(requested: Any, device: torch.device) -> Any:
    """Return the base's `amp` setting so that its self-test, which fetches a model from the network, is not run.

    Args:
        requested: True, False, "bf16", "fp16" or "fp32".
        device: Where the network runs.

    Returns:
        "bf16" for True on a GPU that has it, False for True on one that has not; everything else as given.
    """
    if device.type != "cuda" or requested is not True:
        return requested
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else False
