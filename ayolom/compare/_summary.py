"""The runs of a comparison brought together over seeds: a row for each model, budget and choice of epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ayolom.compare._collect import BEST, FINAL, LATE
from ayolom.compare._delta import mean_and_spread, multi_task_delta, relative_gain
from ayolom.compare._epochs import HEADLINE
from ayolom.compare._run import BOTH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Result = dict[str, Any]
Pair = tuple[float, float]  # mean and standard deviation over seeds
COSTS = ("parameters_fused", "gflops", "latency_ms", "seconds_per_epoch", "steps")
CHOICES = {BEST: "Best epoch", LATE: "Mean of the last tenth of the epochs", FINAL: "Final epoch"}
NOTHING: Pair = (math.nan, math.nan)


@dataclass
class Row:
    """One model under one budget.

    Attributes:
        entry: Name of the row.
        budget: "exposure" or "steps".
        epoch: "best" (of each task), "late" or "final".
        model: Model YAML.
        seeds: Seeds whose runs are finished.
        epochs: Epochs trained.
        metrics: By task and metric, mean and spread.
        gains: By task, relative gain of the headline metric over the single-task model.
        delta: Multi-task delta over the tasks that the model learns.
        costs: By name of `COSTS`, the mean.
        forward: GFLOPs of this model over those of the single-task models that it replaces together.
        ablation_of: Row that it differs from in one thing.
    """

    entry: str
    budget: str
    epoch: str
    model: str
    seeds: list[int]
    epochs: int
    metrics: dict[str, dict[str, Pair]] = field(default_factory=dict)
    gains: dict[str, Pair] = field(default_factory=dict)
    delta: Pair = NOTHING
    costs: dict[str, float] = field(default_factory=dict)
    forward: float = math.nan
    ablation_of: str | None = None


def summarise(results: Sequence[Result], budgets: Sequence[str], baseline: Mapping[str, str]) -> list[Row]:
    """Return a row for each model, budget and choice of epoch, from finished runs alone.

    Gains are against the baseline's mean over its seeds, so that the mean of the gains is the gain of the means; their
    spread is that of the model, not of the baseline.

    Args:
        results: Results of the runs.
        budgets: Budgets to report, in order.
        baseline: By task, the row of the single-task model; see `baselines`.
    """
    finished = [result for result in results if result["finished"]]
    entries = dict.fromkeys(result["entry"] for result in finished)
    rows = []
    for budget in budgets:
        for epoch in _known(finished):
            runs = {entry: runs_of(finished, entry, budget) for entry in entries}
            reference = {task: headline(runs.get(entry, []), task, epoch) for task, entry in baseline.items()}
            rows += [_row(of, budget, epoch, reference, baseline, runs) for of in runs.values() if of]
    return rows


def baselines(results: Sequence[Result], given: Mapping[str, str]) -> dict[str, str]:
    """Return by task the row of the model that learns it alone: the one given, else the first there is."""
    found = dict(given)
    for result in results:
        if len(result["tasks"]) == 1:
            found.setdefault(next(iter(result["tasks"])), result["entry"])
    return found


def _known(results: Sequence[Result]) -> list[str]:
    """Return the choices of epochs that all results have; those of an older version lack some."""
    return [at for at in CHOICES if all(at in chosen for one in results for chosen in one["results"].values())]


def runs_of(results: Sequence[Result], entry: str, budget: str) -> list[Result]:
    """Return a row's runs under a budget, by seed; models whose budgets are the same have one run for both."""
    matching = [result for result in results if result["entry"] == entry and result["budget"] in (budget, BOTH)]
    return sorted(matching, key=lambda result: result["settings"].get("seed", 0))


def headline(runs: Sequence[Result], task: str, epoch: str) -> float:
    """Return the mean over seeds of a task's headline metric, NaN where no run learns it."""
    return mean_and_spread(_values(runs, task, epoch, None))[0]


def _values(runs: Sequence[Result], task: str, epoch: str, metric: str | None) -> list[float]:
    """Return a metric of each run, the task's headline metric when None."""
    scored = [run for run in runs if task in run["results"]]
    return [run["results"][task][epoch][metric or HEADLINE[run["tasks"][task]]] for run in scored]


def _row(
    runs: Sequence[Result],
    budget: str,
    epoch: str,
    reference: Mapping[str, float],
    baseline: Mapping[str, str],
    others: Mapping[str, Sequence[Result]],
) -> Row:
    """Return one row."""
    first = runs[0]
    seeds = [run["settings"].get("seed", 0) for run in runs]
    row = Row(first["entry"], budget, epoch, first["model"], seeds, first["epochs"], ablation_of=first["ablation_of"])
    for task, chosen in first["results"].items():
        names = [name for name in chosen[epoch] if name != "epoch"]
        row.metrics[task] = {name: mean_and_spread(_values(runs, task, epoch, name)) for name in names}
        own = _values(runs, task, epoch, None)
        row.gains[task] = mean_and_spread([relative_gain(value, reference.get(task, math.nan)) for value in own])
    by_seed = [{task: _values([run], task, epoch, None)[0] for task in first["tasks"]} for run in runs]
    row.delta = mean_and_spread([multi_task_delta(values, reference) for values in by_seed])
    row.costs = {name: _mean(runs, name) for name in COSTS}
    row.forward = row.costs["gflops"] / sum(
        _mean(others.get(baseline.get(task, ""), []), "gflops") for task in row.gains
    )
    return row


def _mean(runs: Sequence[Result], name: str) -> float:
    """Return the mean of a cost over runs, NaN where it is not known."""
    known = [run[name] for run in runs if run.get(name) is not None]
    return mean_and_spread(known)[0]
