"""Repairs by a table that the user supplies; without one nothing is said of hours or money.

    currency: EUR
    rows:
      - {kind: "*scratch*", part: "*door*", severity: [minor], operation: polish, hours: 0.8, cost: 60}
      - {kind: dent, part: "*", extent_from: 0.05, operation: repair and paint, hours: 3.5, cost: 420}

Every row that fits a damage adds its operation, so a part may get "repair" and "paint" from two rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ayolom.errors import AyolomError
from ayolom.files import file_sha256
from ayolom.inspect._names import fits
from ayolom.inspect.objects import Level, Operation, Origin, Share
from ayolom.inspect.rules import first_mistake
from ayolom.inspect.severity import in_extent
from ayolom.yaml_io import load_yaml

if TYPE_CHECKING:
    from ayolom.inspect.objects import Damage


class RepairRow(BaseModel):
    """One row of the table; what is not given fits everything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operation: str
    kind: str = "*"
    part: str = "*"
    severity: list[Level] | None = None
    extent_from: Share | None = None
    extent_below: float | None = None
    hours: float | None = Field(default=None, ge=0)
    cost: float | None = Field(default=None, ge=0)


class RepairTable(BaseModel):
    """A table of repairs.

    Attributes:
        rows: Its rows in order.
        currency: What `cost` is in.
        origin: The file that it came from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: list[RepairRow]
    currency: str | None = None
    origin: Origin = Origin(name="repairs given in Python")

    def operations(self, damage: Damage) -> tuple[Operation, ...]:
        """Return what the table says of a damage; nothing for one that is not PAIRED with a part."""
        if damage.part is None:
            return ()
        return tuple(
            Operation(operation=row.operation, hours=row.hours, cost=row.cost, table_row=number)
            for number, row in enumerate(self.rows, 1)
            if _applies(row, damage)
        )


def load_repairs(file: str | Path) -> RepairTable:
    """Read a table of repairs.

    Raises:
        AyolomError: The file is not there, or a row of it cannot be right.
    """
    path = Path(file).expanduser()
    if not path.is_file():
        raise AyolomError(
            f"repair={file}: no such file; give a YAML file with rows of kind, part, operation, hours, cost"
        )
    try:
        return RepairTable(**{**load_yaml(path), "origin": Origin(name=path.name, sha256=file_sha256(path))})
    except ValidationError as error:
        raise AyolomError(f"repair={file}: {first_mistake(error)}") from None


def _applies(row: RepairRow, damage: Damage) -> bool:
    """Return whether a row fits a damage."""
    if not fits(damage.kind, [row.kind]) or not fits(damage.part or "", [row.part]):
        return False
    if row.severity is not None and damage.severity not in row.severity:
        return False
    return in_extent(row.extent_from, row.extent_below, damage.extent_share)
