"""`yolo compare`: models trained under one budget, and a report of what each is worth and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ayolom.commands._command import Command, Option, flag, path

if TYPE_CHECKING:
    from pathlib import Path


def run(runs: Path, out: Path | None, report: bool, dry_run: bool) -> int:
    """Compare, and return whether all runs are done as an exit status."""
    from ayolom.compare import compare_models

    return 0 if compare_models(runs, out, report_only=report, dry_run=dry_run) else 1


COMMAND = Command(
    name="compare",
    summary="train several models under one budget and seeds, and tell what each is worth and costs",
    options=(
        Option("runs", path, "what is compared, a YAML file; docs/compare.md tells its format", required=True),
        Option("out", path, "folder of runs and report; runs/compare/<name of the file> when not given"),
        Option("report", flag, "only write the report of the runs that there are", False),
        Option("dry_run", flag, "only say what would be trained", False),
    ),
    examples=(
        ("yolo compare runs=compare.yaml dry_run=True", "each run with its images and epochs"),
        ("yolo compare runs=compare.yaml", "train what is missing; again after a kill to go on"),
        ("yolo compare runs=compare.yaml report=True", "tables and plots of what is done so far"),
    ),
    run=run,
    details="""Runs are trained one after another, each in a process of its own, and can be stopped at any moment:
    started again, finished runs are skipped and the unfinished one goes on from its last epoch.

    Two budgets: equal exposure (the same epochs) and equal steps (models of one task train on until they have had as
    many optimizer steps as the model of all tasks). The report holds mean and spread over seeds, the gain over
    single-task models, parameters, GFLOPs, milliseconds per image and seconds per epoch, as comparison.md, .csv, .json
    and plots.

    Your data is only read: the sets that the base's models need are made in the folder of the comparison, with links
    to your images.""",
)
