"""What a comparison writes from the results of its runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ayolom.compare import _plots, _tables
from ayolom.compare._collect import gather
from ayolom.compare._summary import CHOICES, baselines, summarise
from ayolom.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ayolom.compare._spec import Comparison
    from ayolom.compare._summary import Row

TITLES = {
    "exposure": "Equal exposure: every labelled image is seen equally often by the model that learns from it",
    "steps": "Equal steps: every model has had as many optimizer steps",
}


def report_runs(out: Path) -> str:
    """Write comparison.json and comparison.md from all runs in a folder and return the table of runs."""
    results = gather(out)
    write_atomic(out / "comparison.json", json.dumps(results, indent=1))
    table = _tables.runs_table(results)
    write_atomic(out / "comparison.md", table)
    return table


def report(comparison: Comparison, out: Path) -> str:
    """Write comparison.json, .md and .csv and the plots from the runs that there are, and return the summary.

    Args:
        comparison: What is compared.
        out: Folder of the comparison.
    """
    results = [result for result in gather(out / "runs") if result["entry"] in comparison.entries]
    order = {name: number for number, name in enumerate(comparison.entries)}
    results.sort(key=lambda result: (order[result["entry"]], result["budget"], result["settings"]["seed"]))
    rows = summarise(results, comparison.equal, baselines(results, comparison.baseline))
    text = _summary(comparison, rows)
    write_atomic(out / "comparison.json", json.dumps(results, indent=1))
    write_atomic(out / "comparison.csv", _tables.summary_csv(rows))
    write_atomic(out / "comparison.md", f"{text}\n{_every_run(results)}")
    _draw(comparison, results, rows, out)
    return text


def _summary(comparison: Comparison, rows: Sequence[Row]) -> str:
    """Return the tables over seeds as Markdown."""
    batch = f"batch {comparison.batch}"
    if comparison.shared_batch is not None:
        batch += f" ({comparison.shared_batch} where all tasks are learnt)"
    size = f"{comparison.imgsz} px, {batch}, {comparison.epochs} epochs"
    parts = [f"# Comparison\n\n{comparison.data}: {size}, seeds {', '.join(map(str, comparison.seeds))}.\n"]
    for budget in comparison.equal:
        parts.append(f"## {TITLES[budget]}\n")
        for epoch, title in CHOICES.items():
            chosen = [row for row in rows if (row.budget, row.epoch) == (budget, epoch)]
            if chosen:
                parts += [f"### {title}\n", _tables.summary_table(chosen)]
                ablations = _tables.ablation_table(chosen)
                parts += [f"#### Ablations: {title[0].lower()}{title[1:]}\n", ablations] if ablations else []
    return "\n".join(parts)


def _every_run(results: Sequence[dict[str, Any]]) -> str:
    """Return the table of runs and the machines that finished them as Markdown."""
    machines = dict.fromkeys(json.dumps(result["machine"]) for result in results if "machine" in result)
    lines = [", ".join(f"{key} {value}" for key, value in json.loads(one).items()) + "\n" for one in machines]
    return "\n".join(["## Every run\n", _tables.runs_table(results), "## Machine\n", *lines])


def _draw(comparison: Comparison, results: Sequence[dict[str, Any]], rows: Sequence[Row], out: Path) -> None:
    """Write the plots."""
    headlines = _plots.headline_metrics(results)
    for budget in comparison.equal:
        chosen = [row for row in rows if (row.budget, row.epoch) == (budget, "best")]
        if chosen:
            _plots.plot_metrics(chosen, headlines, out / f"metrics-{budget}.png")
    if headlines:
        _plots.plot_courses(results, headlines, out / "runs", out / "courses.png")
