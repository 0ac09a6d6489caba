"""How the network runs on the machine at hand: threads, precision, and the tasks of a model behind a wrapper."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import nn

    from ayolom.config import Settings
    from ayolom.nn.model import MultiTaskModel


def native(model: nn.Module) -> MultiTaskModel:
    """Return the network itself, whether it is given bare or inside the base's `AutoBackend`."""
    return model if hasattr(model, "heads") else model.model  # type: ignore[return-value]


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
