"""findings.csv: one row for each picture of each damage."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ayolom.inspect.objects import Inspection

HEAD = (
    "damage", "kind", "state", "part", "place", "extent_share", "severity", "confidence", "operations", "hours", "cost",
    "picture", "frame_index", "time_s", "left_px", "top_px", "right_px", "bottom_px", "area_px", "finding_confidence",
    "finding_state", "candidates", "review", "drawn_by",
)  # fmt: skip


def as_csv(inspection: Inspection) -> str:
    """Return the table; the byte order mark tells spreadsheets that it is UTF-8."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(HEAD)
    for damage in inspection.damages:
        operations = "; ".join(one.operation for one in damage.operations)
        hours = _sum([one.hours for one in damage.operations])
        cost = _sum([one.cost for one in damage.operations])
        for one in damage.evidence:
            candidates = "; ".join(f"{_at(c.part, c.place)} {c.share:.4f}" for c in one.candidates)
            row = (
                damage.id, damage.kind, damage.state, damage.part, damage.place, damage.extent_share, damage.severity,
                damage.confidence, operations, hours, cost, one.picture, one.frame_index, one.time_s, *one.box_xyxy_px,
                one.area_px, one.confidence, one.state, candidates, damage.review, one.drawn_by,
            )  # fmt: skip
            writer.writerow([_safe(value) for value in row])
    return "\ufeff" + stream.getvalue()


def _at(part: str, place: str | None) -> str:
    """Return a part with its place."""
    return part if place is None else f"{part} ({place})"


def _sum(values: list[float | None]) -> float | None:
    """Return the sum of what is known, None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _safe(value: Any) -> Any:
    """Return a value that a spreadsheet does not take for a formula: names come from files of others."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value
