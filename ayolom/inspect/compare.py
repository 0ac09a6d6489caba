"""Two inspections of one vehicle: what is new, what was there, what is gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from pydantic import ValidationError

from ayolom.errors import AyolomError
from ayolom.inspect.merging import Group, Sighting, merge, same_place
from ayolom.inspect.objects import SCHEMA_VERSION, Change, Comparison, Inspection, Origin
from ayolom.inspect.rules import first_mistake

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ayolom.inspect.objects import Damage, Finding, Place
    from ayolom.inspect.rules import Rules

REPORT = "report.json"
Status = Literal["new", "gone", "unchanged"]
STATUSES: tuple[Status, ...] = get_args(Status)  # in the order of a report


def load_inspection(file: str | Path) -> Inspection:
    """Read an inspection from its report.json, or from the folder that holds it.

    Raises:
        AyolomError: There is none, it is of another version, or it was changed so that it is none any more.
    """
    path = Path(file).expanduser()
    path = path / REPORT if path.is_dir() else path
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AyolomError(
            f"compare={file}: cannot be read ({error.strerror}); give the report.json of an inspection"
        ) from None
    except ValueError:
        raise AyolomError(f"compare={file}: is no JSON; give the report.json of an inspection") from None
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise AyolomError(
            f"compare={file}: is of version {version}, not {SCHEMA_VERSION}; inspect those pictures again"
        )
    try:
        return Inspection.model_validate(content)
    except ValidationError as error:
        raise AyolomError(f"compare={file}: is no inspection: {first_mistake(error)}") from None


def compare(earlier: Inspection, now: Inspection, rules: Rules, origin: Origin | None = None) -> Comparison:
    """Compare two inspections by kind, part, place on the part and appearance of their damages.

    A damage that is not found again is "gone" and one that was not found before is "new"; where the other inspection
    does not show the part at all, `part_in_view` is False and nothing follows from it.

    Args:
        earlier: The first inspection, such as that of the pick-up.
        now: The second, such as that of the return.
        rules: Rules of the inspection; `merging` decides what is the same.
        origin: Where the first came from.
    """
    groups = merge([_sightings("earlier", earlier.damages), _sightings("now", now.damages)], rules.merging)
    before, after = _by_finding(earlier.damages), _by_finding(now.damages)
    pairs = [(_of(group, "earlier", before), _of(group, "now", after)) for group in groups]
    changes = [_change(old, new, earlier, now) for old, new in pairs]
    changes.sort(key=lambda change: (STATUSES.index(change.status), _number(change.damage or change.earlier)))
    return Comparison(
        earlier=origin or Origin(name=earlier.source),
        earlier_created_at=earlier.created_at,
        changes=tuple(changes),
        gone=tuple(old for old, new in pairs if old and not new),
    )


def _change(old: Damage | None, new: Damage | None, earlier: Inspection, now: Inspection) -> Change:
    """Return what became of a damage; None where an inspection does not have it."""
    status: Status = "unchanged" if old and new else "new" if new else "gone"
    return Change(
        status=status,
        damage=None if new is None else new.id,
        earlier=None if old is None else old.id,
        part_in_view=(old is None or _in_view(old, now)) and (new is None or _in_view(new, earlier)),
    )


def _sightings(when: str, damages: Sequence[Damage]) -> list[Sighting]:
    """Return one sighting for each damage; those of one inspection are never joined with each other."""
    frames = frozenset({(when, -1)})
    return [Sighting(_best(one), frames, one.state, one.part, one.place) for one in damages]


def _best(damage: Damage) -> Finding:
    """Return the finding that shows a damage best."""
    return next((one for one in damage.evidence if one.id == damage.best), damage.evidence[0])


def _by_finding(damages: Sequence[Damage]) -> dict[str, Damage]:
    """Return the damages by the id of their best finding."""
    return {_best(one).id: one for one in damages}


def _of(group: Group, when: str, damages: dict[str, Damage]) -> Damage | None:
    """Return the damage of one inspection in a group."""
    ids = [one.finding.id for one in group.sightings if (when, -1) in one.frames]
    return damages[ids[0]] if ids else None


def _in_view(damage: Damage, other: Inspection) -> bool:
    """Return whether another inspection shows a part on which a damage is."""
    spots = Sighting(_best(damage), frozenset(), damage.state, damage.part, damage.place).spots
    seen: list[tuple[str, Place | None]] = [(part.part, part.place) for part in other.parts]
    return any(name == part and same_place(at, place) for name, at in spots for part, place in seen)


def _number(damage_id: str | None) -> int:
    """Return the number in an id such as "D12"."""
    digits = "".join(filter(str.isdigit, damage_id or ""))
    return int(digits or 0)
