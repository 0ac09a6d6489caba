"""How much better a model of several tasks is than a model for each: one number."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def relative_gain(value: float, reference: float, lower_is_better: bool = False) -> float:
    """Return (value - reference) / reference, its sign turned where lower is better; NaN without a reference.

    >>> relative_gain(0.3, 0.2), relative_gain(0.3, 0.2, lower_is_better=True)
    (0.5, -0.5)
    """
    if not reference or math.isnan(reference) or math.isnan(value):
        return math.nan
    gain = round((value - reference) / reference, 12)
    return -gain if lower_is_better else gain


def multi_task_delta(
    values: Mapping[str, float], references: Mapping[str, float], lower_is_better: Collection[str] = ()
) -> float:
    """Return the mean relative gain over single-task models, Delta_m = 1/T sum_t (-1)^l_t (M_m,t - M_b,t) / M_b,t.

    Maninis, Radosavovic and Kokkinos 2019, "Attentive Single-Tasking of Multiple Tasks",
    https://arxiv.org/abs/1904.08918, section 5.

    Args:
        values: Metric of the model by task.
        references: Metric of the single-task model by task.
        lower_is_better: Tasks whose metric is an error.

    Returns:
        0.02 for two percent better; NaN where a task has no reference.
    """
    gains = [relative_gain(value, references.get(t, math.nan), t in lower_is_better) for t, value in values.items()]
    return statistics.fmean(gains) if gains else math.nan


def mean_and_spread(values: Collection[float]) -> tuple[float, float]:
    """Return mean and standard deviation (n - 1) over seeds; the spread of one seed is NaN, as are both of a NaN."""
    if not values or any(map(math.isnan, values)):
        return math.nan, math.nan
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else math.nan
