"""Runs brought together over seeds, and the tables of them."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import pytest

from ayolom.compare import _tables
from ayolom.compare._summary import Row, baselines, summarise

TASKS = {"damage": "detect", "parts": "semantic"}


def result(entry: str, budget: str, seed: int, **values: float) -> dict[str, Any]:
    """A finished run; `values` are the headline metrics by task."""
    scores = {
        "damage": lambda v: {"epoch": 3, "mAP50": 2 * v, "mAP50-95": v},
        "parts": lambda v: {"epoch": 3, "mIoU": v / 2, "mIoU present": v},
    }
    results = {task: {"best": scores[task](v), "final": scores[task](v / 2)} for task, v in values.items()}
    return {
        "name": f"{entry}-{budget}-s{seed}",
        "entry": entry,
        "budget": budget,
        "model": f"{entry}.yaml",
        "settings": {"seed": seed},
        "tasks": {task: TASKS[task] for task in values},
        "epochs": 5,
        "finished": True,
        "results": results,
        "ablation_of": "shared" if entry == "plain" else None,
        "gflops": 3.0 if len(values) == 2 else 2.5,
        "latency_ms": None,
        "parameters_fused": 1000,
        "seconds_per_epoch": 2.0,
        "steps": 40,
    }


RESULTS = [
    result("shared", "both", 0, damage=0.22, parts=0.66),
    result("shared", "both", 1, damage=0.24, parts=0.60),
    result("plain", "both", 0, damage=0.20, parts=0.60),
    result("boxes", "exposure", 0, damage=0.10),
    result("boxes", "exposure", 1, damage=0.30),
    result("boxes", "steps", 0, damage=0.25),
    result("map", "both", 0, parts=0.60),
]


def rows(budget: str) -> dict[str, Row]:
    found = summarise(RESULTS, ("exposure", "steps"), baselines(RESULTS, {}))
    return {row.entry: row for row in found if (row.budget, row.epoch) == (budget, "best")}


def test_delta_is_against_the_baselines_of_the_same_budget() -> None:
    """Exposure: damage 0.2, parts 0.6: ((0.1 + 0.1) / 2 + (0.2 + 0) / 2) / 2. Steps: damage 0.25."""
    assert rows("exposure")["shared"].delta == pytest.approx((0.1, 0.0), abs=1e-9)
    assert rows("exposure")["shared"].gains["damage"] == pytest.approx((0.15, 0.05 * math.sqrt(2)))
    assert rows("steps")["shared"].delta[0] == pytest.approx(((-0.12 + 0.1) / 2 + (-0.04 + 0) / 2) / 2)
    assert rows("steps")["boxes"].delta[0] == pytest.approx(0)


def test_forward_cost_is_of_the_models_replaced() -> None:
    found = rows("steps")
    assert found["shared"].forward == pytest.approx(3 / 5)
    assert found["boxes"].forward == 1
    assert math.isnan(found["shared"].costs["latency_ms"])


def test_a_run_for_both_budgets_is_in_both() -> None:
    assert list(rows("exposure")) == list(rows("steps")) == ["shared", "plain", "boxes", "map"]
    assert [len(row.seeds) for row in rows("steps").values()] == [2, 1, 1, 1]


def test_unfinished_runs_have_no_part_in_means() -> None:
    results = [*RESULTS, {**result("shared", "both", 2, damage=0.9, parts=0.9), "finished": False}]
    found = summarise(results, ("steps",), baselines(results, {}))
    assert found[0].seeds == [0, 1]


def test_the_baseline_given_comes_before_the_first_found() -> None:
    assert baselines(RESULTS, {"parts": "shared"}) == {"parts": "shared", "damage": "boxes"}


def test_without_single_task_models_there_is_no_delta() -> None:
    alone = [one for one in RESULTS if one["entry"] == "shared"]
    (row, *_) = summarise(alone, ("steps",), baselines(alone, {}))
    assert math.isnan(row.delta[0])
    assert "| - |" in _tables.summary_table([row])


def test_summary_table() -> None:
    table = _tables.summary_table(list(rows("exposure").values())).splitlines()
    assert table[0].startswith(
        "| run | seeds | epochs | damage mAP50 | damage mAP50-95 | parts mIoU | parts mIoU present "
    )
    assert "| shared | 2 | 5 | 0.4600 ± 0.0283 | 0.2300 ± 0.0141 |" in table[2]
    assert "+10.0% ± 0.0% | 1,000 | 3.00 | 0.60 | - | 2.0 | 40 |" in table[2]
    assert len({line.count("|") for line in table}) == 1


def test_ablation_table_tells_the_change() -> None:
    table = _tables.ablation_table(list(rows("exposure").values()))
    assert "| plain | shared | damage mAP50-95 | 0.2300 ± 0.0141 | 0.2000 | -0.0300 |" in table
    assert "| plain | shared | delta | +10.0% ± 0.0% | +0.0% | -10.0% |" in table
    assert _tables.ablation_table([rows("exposure")["shared"]]) == ""


def test_csv_holds_every_figure() -> None:
    table = list(csv.DictReader(io.StringIO(_tables.summary_csv(list(rows("steps").values())))))
    figures = {(row["run"], row["task"], row["figure"]): row for row in table}
    assert float(figures["shared", "damage", "mAP50-95"]["mean"]) == pytest.approx(0.23)
    assert figures["boxes", "damage", "mAP50-95"]["sd"] == ""
    assert figures["shared", "", "latency_ms"]["mean"] == ""
    assert float(figures["shared", "", "forward_of_single"]["mean"]) == pytest.approx(0.6)
