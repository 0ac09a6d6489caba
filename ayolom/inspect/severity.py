"""How bad a damage is: the first row of the severity table that fits it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ayolom.inspect._names import fits

if TYPE_CHECKING:
    from ayolom.inspect.objects import Level
    from ayolom.inspect.rules import Rules, SeverityRow


def rate(kind: str, part: str, extent: float | None, rules: Rules) -> Level:
    """Return the level of a damage, "unrated" where no row fits.

    Args:
        kind: Class name of the damage.
        part: Class name of the part, "" when it is not known.
        extent: Damaged share of the part's visible area in [0, 1], or None; then rows with an extent do not fit.
        rules: Rules of the inspection.
    """
    return next((row.level for row in rules.severity if _applies(row, kind, part, extent)), "unrated")


def _applies(row: SeverityRow, kind: str, part: str, extent: float | None) -> bool:
    """Return whether a row fits."""
    if not fits(kind, [row.kind]) or not fits(part, [row.part]):
        return False
    return in_extent(row.extent_from, row.extent_below, extent)


def in_extent(low: float | None, below: float | None, extent: float | None) -> bool:
    """Return whether an extent is within a row's limits; one that is not known is within none, if there are limits."""
    if low is None and below is None:
        return True
    return extent is not None and (low or 0.0) <= extent and (below is None or extent < below)
