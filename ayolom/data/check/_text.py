"""The result of a check as a few lines for the terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ayolom.data.check._values import SEVERITIES, STATES

if TYPE_CHECKING:
    from ayolom.data.check._values import Finding, Result, Row

FILES = 3  # of each finding that are named
PLURAL = {"error": "errors", "warning": "warnings", "note": "notes"}


def report(result: Result) -> str:
    """Return a table of labels by split and task, then the findings, the worst first."""
    images = ", ".join(f"{split} {count}" for split, count in result.images.items())
    lines = [f"{result.data}: {sum(result.images.values())} images ({images})"]
    lines += [*_table(result), ""]
    for finding in result.findings:
        lines += _finding(finding)
    lines += [""] if result.findings else []
    counts = [f"{result.count(one)} {PLURAL[one] if result.count(one) != 1 else one}" for one in SEVERITIES]
    return "\n".join([*lines, *result.notes, ", ".join(counts)])


def place(row: Row) -> str:
    """Return what a row is about, in one line."""
    file = _short(row.file)
    pair = f" and {_short(row.other)}" if row.other else ""
    parts = [file + pair, row.detail]
    return ": ".join(filter(None, parts)) or row.task


def _table(result: Result) -> list[str]:
    """Return the table of labels."""
    width = max(len("task"), *map(len, result.names)) + 2
    lines = [f"  {'split':<7}{'task':<{width}}" + "".join(f"{state:>11}" for state in STATES) + f"{'boxes':>9}"]
    for split, tables in result.tables.items():
        for name, table in tables.items():
            states = "".join(f"{table.states[state]:>11}" for state in STATES)
            boxes = int(table.instances.sum())
            lines.append(f"  {split:<7}{name:<{width}}{states}{boxes or '-':>9}")
    return lines


def _finding(finding: Finding) -> list[str]:
    """Return the lines of one finding."""
    lines = [f"{finding.severity:<8}{finding.count:>6}  {finding.title}"]
    lines += [f"{'':16}{place(row)}" for row in finding.first[:FILES]]
    if finding.count > FILES:
        lines.append(f"{'':16}... and {finding.count - FILES} more")
    return lines


def _short(file: str) -> str:
    """Return the last two parts of a path."""
    return os.sep.join(file.split(os.sep)[-2:])
