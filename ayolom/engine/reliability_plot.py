"""The reliability diagram of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ayolom.evaluation import BINS

if TYPE_CHECKING:
    from pathlib import Path

    from ayolom.evaluation import Reliability
    from ayolom.tasks.study import Study


def plot_reliability(study: Study, file: Path) -> None:
    """Draw confidence against the share of right ones, and below it how many there are.

    Args:
        study: A finished study.
        file: The PNG; its folder is made.
    """
    import matplotlib.pyplot as plt

    from ayolom.draw import matplotlib_fonts

    file.parent.mkdir(parents=True, exist_ok=True)
    told: list[tuple[str, Reliability]] = [("as it is", study.reliability)]
    if study.calibrated is not None and study.temperature is not None:
        told.append((f"at temperature {study.temperature:.3g}", study.calibrated))
    with matplotlib_fonts(study.task.name):
        figure, (upper, lower) = plt.subplots(
            2, 1, figsize=(6, 7.5), height_ratios=(3, 1), sharex=True, layout="constrained"
        )
        upper.plot((0, 1), (0, 1), color="0.6", linestyle="--", linewidth=1, label="confidence is frequency")
        for (name, reliability), style in zip(told, ("o-", "s:"), strict=False):
            _draw(upper, lower, name, reliability, style)
        upper.set(
            ylim=(0, 1), ylabel=f"share of {study.things} that are right", title=f"{study.task.name}: reliability"
        )
        upper.legend(loc="upper left", fontsize=8)
        lower.set(xlim=(0, 1), yscale="log", xlabel="confidence", ylabel=study.things)
        figure.savefig(file, dpi=150)
        plt.close(figure)


def _draw(upper: Any, lower: Any, name: str, reliability: Reliability, style: str) -> None:
    """Draw one curve and its counts."""
    held = reliability.count > 0
    count = reliability.count[held]
    error = reliability.error() or 0.0
    label = f"{name}: calibration error {error:.4f}"
    upper.plot(reliability.confidence[held] / count, reliability.right[held] / count, style, markersize=4, label=label)
    lower.stairs(reliability.count, np.linspace(0, 1, BINS + 1), label=name)
