"""Networks that are compiled before they predict: on a CPU with their weights frozen."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from ultralytics.utils.torch_utils import attempt_compile


def compiled(backend: nn.Module, device: torch.device, mode: bool | str) -> nn.Module:
    """Return what predicts, compiled as `compile=` asks for.

    On a CPU our own network is compiled in place, with frozen weights: convolutions have their weights in the layout
    that suits them, and activations run within them. It must not be trained after that. GPUs and exported files are
    the base's affair.

    Args:
        backend: The base's `AutoBackend`.
        device: Where it runs.
        mode: False leaves it as it is; True is "default"; or a mode of `torch.compile`.

    Returns:
        The backend, the very same on a CPU.
    """
    network: Any = getattr(backend, "model", None)
    if device.type != "cpu" or not hasattr(network, "heads"):
        return attempt_compile(backend, device=device, mode=mode)
    probe = nn.Identity()  # the base returns it as it is where there is no compiler, and says why
    if mode and attempt_compile(probe, device=device, mode=mode) is not probe:
        compile_frozen(network, mode)
    return backend


def compile_frozen(network: nn.Module, mode: bool | str = True) -> None:
    """Let a network compile itself in place when it is first used without gradients, its weights frozen into the graph.

    Each further form of the input is compiled once more, then for forms of all sizes.

    Args:
        network: In evaluation mode.
        mode: True is "default"; or a mode of `torch.compile`.
    """
    options: dict[str, Any] = torch._inductor.list_mode_options("default" if mode is True else str(mode))
    network.compile(options={**options, "freezing": True})
