"""A split as a table to read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ayolom.data.split._read import LABELLED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ayolom.data.split.run import Split

LARGEST = 5
NAMED = 3


def table(split: Split) -> str:
    """Return images in each split, in all and by task and class, with the shares reached."""
    rows: list[tuple[str, np.ndarray]] = [("images", np.ones(len(split.files), bool))]
    for i, (task, name) in enumerate(split.columns):
        if name.lower() == "background" or (name.startswith(" ") and name != LABELLED and not split.table[:, i].any()):
            continue
        rows.append((f"{task}:{name}" if name.startswith(" ") else f"  {name}", split.table[:, i]))
    width = max(len(name) for name, _ in rows)
    head = f"{'':<{width}}" + "".join(f" {name:>14}" for name in split.ratios) + f" {'all':>7}"
    return "\n".join([head, *(_line(name, member, split, width) for name, member in rows)])


def absent(split: Split) -> list[str]:
    """Return a line for each split that lacks classes which other splits have."""
    lines = []
    for number, name in enumerate(split.ratios):
        missing = split.table.any(0) & ~split.table[split.splits == number].any(0)
        classes = [
            f"{task} {label.strip()}" for (task, label), gone in zip(split.columns, missing, strict=True) if gone
        ]
        if classes:
            lines.append(f"{name} has no image with: {', '.join(classes)} (too few groups have one)")
    return lines


def kept_together(split: Split) -> str:
    """Return how many images are in groups, and the largest groups with some of their images."""
    numbers, counts = np.unique(split.groups, return_counts=True)
    joint = counts > 1
    lines = [
        f"groups: {len(numbers)}; {int(joint.sum())} of more than one image hold {int(counts[joint].sum())} images "
        f"together"
    ]
    order = np.argsort(-counts, kind="stable")[:LARGEST]
    for group in order[joint[order]]:
        members = np.flatnonzero(split.groups == numbers[group])
        names = [Path(split.files[i]).name for i in members[:NAMED]]
        more = f", ... and {len(members) - NAMED} more" if len(members) > NAMED else ""
        where = list(split.ratios)[split.splits[members[0]]]
        lines.append(f"  {len(members)} in {where}: {', '.join(names)}{more}")
    return "\n".join(lines)


def _line(name: str, member: np.ndarray, split: Split, width: int) -> str:
    """Return one row: images and share of the row in each split."""
    counts: Sequence[int] = [int((member & (split.splits == s)).sum()) for s in range(len(split.ratios))]
    total = sum(counts)
    cells = "".join(f" {count:>7} {100 * count / max(total, 1):>4.1f} %" for count in counts)
    return f"{name:<{width}}{cells} {total:>7}"
