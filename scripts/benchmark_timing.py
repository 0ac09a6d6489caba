"""What the benchmarks share: clocks, turns, medians with spread, ratios taken turn by turn, tables."""

from __future__ import annotations

import os
import platform
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CLOCKS = ("wall", "cpu")


def clocks() -> tuple[float, float]:
    """Return seconds on the wall and seconds of this process on all cores."""
    return time.perf_counter(), time.process_time()


@dataclass
class Series:
    """The turns of one thing that is measured.

    Attributes:
        wall: Seconds of each turn.
        cpu: Seconds of all cores together of each turn; on a busy machine they vary less.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def measure(self, function: Callable[[], object], share: float = 1.0) -> None:
        """Run a function and note its time, multiplied by `share`."""
        wall, cpu = clocks()
        function()
        end, cpu_end = clocks()
        self.wall.append((end - wall) * share)
        self.cpu.append((cpu_end - cpu) * share)


def take_turns(
    functions: dict[str, Callable[[], object]], rounds: int, warmup: int = 1, shares: dict[str, float] | None = None
) -> dict[str, Series]:
    """Run functions in turn, every other round backwards, so that whatever else the machine does hits all alike.

    Args:
        functions: What to run by name.
        rounds: How often to run each and note its time.
        warmup: How often to run each before.
        shares: What to multiply times with by name, such as one over the number of frames; 1 where not given.

    Returns:
        The times by name, in the order of `functions`.
    """
    series = {name: Series() for name in functions}
    for number in range(warmup + rounds):
        for name in list(functions)[:: -1 if number % 2 else 1]:
            if number < warmup:
                functions[name]()
            else:
                series[name].measure(functions[name], (shares or {}).get(name, 1.0))
    return series


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Return median, quartiles and range."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [*values] * 3
    return {"median": middle, "quartiles": [low, high], "range": [min(values), max(values)], "count": len(values)}


def ratios(series: dict[str, Series], ours: Sequence[str], theirs: Sequence[str], clock: str) -> list[float]:
    """Return for each turn what ours took together, divided by what theirs took together in the same turn."""
    sides = [[sum(turn) for turn in zip(*(getattr(series[name], clock) for name in side))] for side in (ours, theirs)]  # noqa: B905
    return [a / b for a, b in zip(*sides, strict=True)]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def machine() -> dict[str, Any]:
    """Return what figures depend on: processor, cores, load, versions, how threads wait."""
    import torch
    import ultralytics

    return {
        "processor": platform.machine(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "base": ultralytics.__version__,
        "GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT"),
    }
