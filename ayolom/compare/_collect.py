"""The results of a run: its metrics at chosen epochs, and what it cost."""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ayolom.compare._epochs import HEADLINE, highest, read_epochs, task_metrics
from ayolom.compare._run import MULTI, RESULT_FILE, RUN_FILE, TORCHVISION, Run, read_run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BEST, LATE, FINAL, JOINT = "best", "late", "final", "best of all tasks"
LATE_SHARE = 0.1  # of the epochs, the last ones, whose mean stands beside the best and the last epoch
ORDER = {MULTI: 0, "detect": 1, "semantic": 2, TORCHVISION: 3}


def collect(run: Run, folder: Path) -> dict[str, Any]:
    """Return the run's metrics at its best and its last epoch, and what it cost.

    Args:
        run: The run, finished or not.
        folder: Its folder.

    Returns:
        Plain data: the fields of the run, "done" epochs, "results" by task and choice of epoch, "steps" of the
        optimizer and "seconds_per_epoch".
    """
    epochs = read_epochs(folder)
    result: dict[str, Any] = {**asdict(run), "done": len(epochs), "finished": False, "results": {}}
    if not epochs:
        return result
    scores = {name: {e: task_metrics(row, name, kind) for e, row in epochs.items()} for name, kind in run.tasks.items()}
    headline = {name: {e: values[HEADLINE[run.tasks[name]]] for e, values in s.items()} for name, s in scores.items()}
    joint = {e: statistics.fmean(by_epoch[e] for by_epoch in headline.values()) for e in epochs}
    for name in run.tasks:
        chosen = {BEST: highest(headline[name]), FINAL: max(epochs)}
        if len(run.tasks) > 1:
            chosen[JOINT] = highest(joint)
        result["results"][name] = {at: {"epoch": e, **scores[name][e]} for at, e in chosen.items()}
        result["results"][name][LATE] = {"epoch": max(epochs), **late(scores[name], run.epochs)}
    seconds = [row["seconds"] for row in epochs.values() if "seconds" in row]
    result["seconds_per_epoch"] = statistics.median(seconds) if seconds else math.nan
    result["steps"] = epochs[max(epochs)].get("steps", math.nan)
    return result


def late(scores: Mapping[int, Mapping[str, float]], epochs: int) -> dict[str, float]:
    """Return the mean of each metric over the last tenth of the epochs; those that were not scored have no part in it.

    Where few images are validated on, a metric swings from epoch to epoch: the best is chosen among these swings, and
    the last is one of them.

    Args:
        scores: Metrics by finished epoch.
        epochs: Epochs that the run trains for.
    """
    latest = max(scores)
    window = [values for epoch, values in scores.items() if epoch > latest - max(1, round(LATE_SHARE * epochs))]
    columns = {name: [values[name] for values in window if not math.isnan(values[name])] for name in window[0]}
    return {name: statistics.fmean(values) if values else math.nan for name, values in columns.items()}


def gather(folder: Path) -> list[dict[str, Any]]:
    """Return the results of all runs in a folder, multi-task models first; of unfinished runs what there is."""
    results = []
    for described in sorted(folder.glob(f"*/{RUN_FILE}")):
        run = read_run(described.parent)
        done = described.with_name(RESULT_FILE)
        if done.is_file():
            results.append(json.loads(done.read_text(encoding="utf-8")))
        elif run is not None:
            results.append(collect(run, described.parent))
    return sorted(results, key=lambda result: (ORDER[result["kind"]], result["budget"]))
