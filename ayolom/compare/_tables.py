"""The tables of a comparison: Markdown to read, CSV to reckon with."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ayolom.compare._epochs import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ayolom.compare._summary import Pair, Row


def runs_table(results: Sequence[dict[str, Any]]) -> str:
    """Return the results as a Markdown table: a row for each run, task and choice of epoch."""
    metrics = [name for names in METRICS.values() for name in names]
    head = ["run", "model", "budget", "task", "epoch", *metrics, "steps", "s/epoch", "parameters", "fused"]
    rows = []
    for result in results:
        done = "" if result["finished"] else f" ({result['done']}/{result['epochs']} epochs)"
        cost = [cell(result.get("steps"), "d"), cell(result.get("seconds_per_epoch"), ".1f")]
        cost += [cell(result.get(key), ",d") for key in ("parameters", "parameters_fused")]
        for task, chosen in result["results"].items():
            for at, values in chosen.items():
                scores = [cell(values.get(name), ".4f") for name in metrics]
                where = f"{at}: {values['epoch']}/{result['epochs']}"
                rows.append(
                    [result["name"] + done, Path(result["model"]).name, result["budget"], task, where, *scores, *cost]
                )
    return markdown(head, rows)


def summary_table(rows: Sequence[Row]) -> str:
    """Return rows of one budget and choice of epoch as a Markdown table."""
    columns = dict.fromkeys((task, metric) for row in rows for task, by in row.metrics.items() for metric in by)
    tasks = dict.fromkeys(task for task, _ in columns)
    head = ["run", "seeds", "epochs", *(f"{task} {metric}" for task, metric in columns)]
    head += [*(f"{task} gain" for task in tasks), "delta"]
    head += ["parameters", "GFLOPs", "of single", "ms/image", "s/epoch", "steps"]
    lines = []
    for row in rows:
        scores = [spread(row.metrics.get(task, {}).get(metric)) for task, metric in columns]
        gains = [*(percent(row.gains.get(task)) for task in tasks), percent(row.delta)]
        forms = (("parameters_fused", ",d"), ("gflops", ".2f"), ("latency_ms", ".1f"))
        cost = [cell(row.costs[name], form) for name, form in forms]
        cost.insert(2, cell(row.forward, ".2f"))
        cost += [cell(row.costs["seconds_per_epoch"], ".1f"), cell(row.costs["steps"], "d")]
        lines.append([row.entry, str(len(row.seeds)), str(row.epochs), *scores, *gains, *cost])
    return markdown(head, lines)


def ablation_table(rows: Sequence[Row]) -> str:
    """Return what each ablation changes against the row that it is an ablation of; empty where there are none."""
    by_name = {row.entry: row for row in rows}
    lines = []
    for row in rows:
        whole = by_name.get(row.ablation_of or "")
        if whole is None:
            continue
        for task, metrics in row.metrics.items():
            for metric, (mean, _) in metrics.items():
                other = whole.metrics.get(task, {}).get(metric, (math.nan, math.nan))
                line = [row.entry, whole.entry, f"{task} {metric}", spread(other), spread((mean, metrics[metric][1]))]
                lines.append([*line, cell(mean - other[0], "+.4f")])
        if not math.isnan(row.delta[0] - whole.delta[0]):
            change = f"{row.delta[0] - whole.delta[0]:+.1%}"
            lines.append([row.entry, whole.entry, "delta", percent(whole.delta), percent(row.delta), change])
    return markdown(["run", "ablation of", "metric", "there", "here", "change"], lines) if lines else ""


def summary_csv(rows: Sequence[Row]) -> str:
    """Return every figure of every row as CSV: one line for each row and figure."""
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(("run", "model", "budget", "epoch", "seeds", "task", "figure", "mean", "sd"))
    for row in rows:
        for task, figure, (mean, sd) in _figures(row):
            known = ["" if math.isnan(value) else repr(value) for value in (mean, sd)]
            table.writerow((row.entry, row.model, row.budget, row.epoch, len(row.seeds), task, figure, *known))
    return stream.getvalue()


def _figures(row: Row) -> list[tuple[str, str, Pair]]:
    """Return the figures of a row: task, name, mean and spread."""
    figures = [(task, metric, pair) for task, metrics in row.metrics.items() for metric, pair in metrics.items()]
    figures += [(task, "gain", pair) for task, pair in row.gains.items()]
    costs = {**row.costs, "forward_of_single": row.forward, "epochs": float(row.epochs)}
    return [*figures, ("", "delta", row.delta), *(("", name, (value, math.nan)) for name, value in costs.items())]


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(value.replace("|", "\\|") for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def cell(value: float | None, form: str) -> str:
    """Return a number for the table, a dash when it is not known."""
    if value is None or math.isnan(value):
        return "-"
    return format(int(value) if form.endswith("d") else value, form)


def spread(pair: Pair | None) -> str:
    """Return mean and standard deviation, the mean alone where there is one seed."""
    if pair is None or math.isnan(pair[0]):
        return "-"
    return f"{pair[0]:.4f}" if math.isnan(pair[1]) else f"{pair[0]:.4f} ± {pair[1]:.4f}"


def percent(pair: Pair | None) -> str:
    """Return a relative gain in percent, with its spread where there is one."""
    if pair is None or math.isnan(pair[0]):
        return "-"
    return f"{pair[0]:+.1%}" if math.isnan(pair[1]) else f"{pair[0]:+.1%} ± {pair[1]:.1%}"
