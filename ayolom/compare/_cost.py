"""What a trained network costs: parameters, operations, and the time of one image."""

from __future__ import annotations

import os
import platform
import statistics
import time
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from ayolom import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from ayolom.compare._run import Run

WARM_UP = 5
PASSES = 30
LONGEST = 20.0  # seconds for all passes; a large network on a CPU makes fewer


def measure(run: Run, folder: Path) -> dict[str, Any]:
    """Return parameters as trained and as used after `fuse()`, GFLOPs and latency of the fused network.

    Args:
        run: A trained run; its `imgsz` and `threads` hold here too.
        folder: Its folder.
    """
    import torch

    from ayolom.compare._train import open_model

    file = folder / "weights" / "best.pt"
    network = open_model(run.kind)(str(file if file.is_file() else folder / "weights" / "last.pt")).model.float()
    fused = deepcopy(network).fuse().eval()
    imgsz = int(run.settings.get("imgsz", 640))
    device = torch.device("cuda" if torch.cuda.is_available() and run.settings.get("device") != "cpu" else "cpu")
    if device.type == "cpu" and run.threads:
        torch.set_num_threads(run.threads)
    return {
        "parameters": count(network),
        "parameters_fused": count(fused),
        "gflops": gflops(fused, imgsz),
        "latency_ms": latency(fused.to(device), imgsz, device),
    }


def gflops(network: nn.Module, imgsz: int) -> float | None:
    """Return the billions of operations for one image, None where they cannot be counted.

    The base reckons from images of one cell, which is exact where the work grows with the area. Networks for which it
    does not count themselves.

    Args:
        network: In its form for inference, on the CPU.
        imgsz: Side of the square image in pixels.
    """
    from ultralytics.utils.torch_utils import get_flops

    own = getattr(network, "gflops", None)
    return own(imgsz) if own else get_flops(network, imgsz) or None


def count(module: nn.Module) -> int:
    """Return the number of parameters of a module."""
    return sum(parameter.numel() for parameter in module.parameters())


def latency(network: nn.Module, imgsz: int, device: Any) -> float:
    """Return the median milliseconds of a forward pass of one image in float32, without reading and drawing.

    Args:
        network: Ready for inference, on `device`.
        imgsz: Side of the square image in pixels.
        device: Where it runs.
    """
    import torch

    image = torch.rand(1, 3, imgsz, imgsz, device=device)
    times: list[float] = []
    end = time.perf_counter() + LONGEST
    with torch.inference_mode():
        for turn in range(WARM_UP + PASSES):
            begun = time.perf_counter()
            network(image)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if turn >= WARM_UP or time.perf_counter() > end:
                times.append((time.perf_counter() - begun) * 1e3)
            if time.perf_counter() > end:
                break
    return statistics.median(times)


def machine() -> dict[str, Any]:
    """Return where the run was finished: figures of different machines do not compare."""
    import torch
    from ultralytics import __version__ as base_version

    from ayolom.compare.peers._torchvision import loaded_version

    found = torch.cuda.is_available()
    return {
        "gpu": torch.cuda.get_device_name(0) if found else None,
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": loaded_version(),
        "ultralytics": base_version,
        "ayolom": __version__,
    }
