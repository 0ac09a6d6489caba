"""The multi-task delta and the means over seeds, worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ayolom.compare._delta import mean_and_spread, multi_task_delta, relative_gain


def test_delta_is_the_mean_of_relative_gains() -> None:
    assert multi_task_delta({"damage": 0.22, "parts": 0.57}, {"damage": 0.2, "parts": 0.6}) == pytest.approx(0.025)


def test_sign_is_turned_where_lower_is_better() -> None:
    """Half the error is as good as 50 percent more: (0.5 + 0.5) / 2."""
    values, references = {"parts": 0.6, "depth": 1.0}, {"parts": 0.4, "depth": 2.0}
    assert multi_task_delta(values, references, {"depth"}) == pytest.approx(0.5)


def test_delta_does_not_change_with_the_units_of_a_metric() -> None:
    values, references = {"damage": 0.22, "parts": 0.57}, {"damage": 0.2, "parts": 0.6}
    percent = [{**one, "damage": 100 * one["damage"]} for one in (values, references)]
    assert multi_task_delta(*percent) == pytest.approx(multi_task_delta(values, references))


@pytest.mark.parametrize("reference", [0.0, math.nan], ids=["zero", "not a number"])
def test_without_a_reference_there_is_no_gain(reference: float) -> None:
    assert math.isnan(relative_gain(0.3, reference))
    assert math.isnan(multi_task_delta({"damage": 0.3, "parts": 0.5}, {"damage": reference, "parts": 0.4}))
    assert math.isnan(multi_task_delta({"damage": 0.3}, {}))


def test_spread_agrees_with_numpy() -> None:
    values = [0.31, 0.35, 0.28]
    assert mean_and_spread(values) == pytest.approx((np.mean(values), np.std(values, ddof=1)))


def test_one_seed_has_no_spread() -> None:
    mean, spread = mean_and_spread([0.3])
    assert mean == 0.3
    assert math.isnan(spread)
    assert all(map(math.isnan, mean_and_spread([])))
    assert all(map(math.isnan, mean_and_spread([0.3, math.nan])))
