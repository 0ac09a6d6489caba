"""What each block of a network costs: time, operations, parameters, and how well it uses the machine."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import torch
from benchmark_timing import clocks, table
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

if TYPE_CHECKING:
    import argparse

CONVOLUTIONS = ((64, 80, 3), (128, 80, 3), (128, 40, 3), (256, 40, 3), (256, 40, 1), (512, 20, 3))
"""Channels, side of the map, side of the kernel: shapes of which the fastest tells what the machine can do."""


def block_costs(args: argparse.Namespace) -> dict[str, Any]:
    """Return for each block of aYOLOM26n its median milliseconds, GFLOPs, parameters and GFLOP/s, and the peak."""
    import benchmark_networks as nets

    network: Any = nets.in_memory(nets.ours(), args.channels_last)
    torch.set_num_threads(args.threads)
    images = torch.rand(1, 3, args.imgsz, args.imgsz)
    operations, seconds = count(network, images), time_layers(network, images, args.rounds, args.warmup)
    rows: dict[str, dict[str, Any]] = {}
    for layer in network.model:
        row = rows.setdefault(layer.block, {"block": layer.block, "ms": 0.0, "gflops": 0.0, "parameters": 0})
        row["ms"] += seconds[layer.i] * 1e3
        row["gflops"] += operations[layer.i]
        row["parameters"] += sum(p.numel() for p in layer.parameters())
    peak = convolution_peak(args.channels_last)
    for row in rows.values():
        row["rate"] = row["gflops"] / row["ms"] * 1e3 if row["ms"] else 0.0
    return {"blocks": list(rows.values()), "peak": peak, "threads": args.threads, "imgsz": args.imgsz}


def count(network: Any, images: torch.Tensor) -> dict[int, float]:
    """Return the GFLOPs of each layer by place; a multiplication with its addition counts as two."""
    counter = FlopCounterMode(display=False, depth=4)
    with counter, torch.inference_mode():
        network(images)
    totals: dict[int, float] = defaultdict(float)
    for name, counts in counter.get_flop_counts().items():
        words = name.split(".")
        if len(words) == 3 and words[1] == "model":  # MultiTaskModel.model.7, not what is inside it
            totals[int(words[2])] += sum(counts.values()) / 1e9
    return totals


def time_layers(network: Any, images: torch.Tensor, rounds: int, warmup: int) -> dict[int, float]:
    """Return the median seconds of each layer by place."""
    times: dict[int, list[float]] = defaultdict(list)
    started: dict[int, float] = {}
    hooks = []
    for layer in network.model:
        hooks.append(layer.register_forward_pre_hook(lambda one, _: started.__setitem__(one.i, clocks()[0])))
        hooks.append(layer.register_forward_hook(lambda one, *_: times[one.i].append(clocks()[0] - started[one.i])))
    with torch.inference_mode():
        for _ in range(warmup + rounds):
            network(images)
    for hook in hooks:
        hook.remove()
    return {place: statistics.median(values[warmup:]) for place, values in times.items()}


def convolution_peak(channels_last: bool, tries: int = 12) -> float:
    """Return the highest GFLOP/s that a single convolution reaches on this machine with the threads set."""
    best = 0.0
    layout = torch.channels_last if channels_last else torch.contiguous_format
    with torch.inference_mode():
        for channels, side, kernel in CONVOLUTIONS:
            layer = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False).to(memory_format=layout)
            maps = torch.rand(1, channels, side, side).contiguous(memory_format=layout)
            layer(maps)
            times = []
            for _ in range(tries):
                start = clocks()[0]
                layer(maps)
                times.append(clocks()[0] - start)
            best = max(best, 2 * channels**2 * kernel**2 * side**2 / min(times) / 1e9)
    return best


def printed_blocks(costs: dict[str, Any]) -> str:
    """Return the costs as a table."""
    total = sum(row["ms"] for row in costs["blocks"])
    head = ["block", "ms", "of all", "GFLOPs", "parameters", "GFLOP/s", "of peak"]
    lines = [
        [
            row["block"],
            f"{row['ms']:.1f}",
            f"{row['ms'] / total:.0%}",
            f"{row['gflops']:.2f}",
            f"{row['parameters']:,}",
            f"{row['rate']:.0f}",
            f"{row['rate'] / costs['peak']:.0%}",
        ]
        for row in costs["blocks"]
    ]
    words = f"convolution peak of this machine with {costs['threads']} threads: {costs['peak']:.0f} GFLOP/s"
    return f"{table(head, lines)}\n\n{words}"
