"""A person's corrections of an inspection: pure functions from one inspection to the next.

A damage keeps its id whatever is changed, and new ones get the next number, so that links and lists stay right. What a
person sets stands; the rest follows the rules again: severity from kind, part and extent, repairs from the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import numpy as np

from ayolom.errors import AyolomError
from ayolom.inspect._damages import as_parts
from ayolom.inspect.detected import Damages, Picture
from ayolom.inspect.findings import find_damages
from ayolom.inspect.objects import Damage, Finding, Inspection, Level, Place, Review
from ayolom.inspect.severity import rate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ayolom.inspect.objects import Verdict
    from ayolom.inspect.repair import RepairTable
    from ayolom.inspect.rules import Rules

Box = tuple[float, float, float, float]
LEAST_SIDE = 2  # pixels; a smaller box is a slip of the hand


@dataclass(frozen=True)
class Change:
    """What a person says of a damage; None leaves a field as it is.

    Attributes:
        kind: Class name of the damage.
        part: Class name of the part; "" takes the part away.
        place: Where that part sits, for parts of which a vehicle has several.
        severity: Level; without one it follows the rules when kind or part change.
    """

    kind: str | None = None
    part: str | None = None
    place: Place | None = None
    severity: Level | None = None


class Reviewer:
    """Applies corrections by the rules of an inspection."""

    def __init__(self, rules: Rules, names: Mapping[int, str], repairs: RepairTable | None = None) -> None:
        """Bind to the rules.

        Args:
            rules: Rules of the inspection.
            names: Class names of parts by class id.
            repairs: Table of repairs, or None.
        """
        self._rules, self._names, self._repairs = rules, dict(names), repairs

    def change(self, inspection: Inspection, damage_id: str, change: Change) -> Inspection:
        """Return the inspection with a damage corrected; one whose `change` says nothing is confirmed.

        Raises:
            KeyError: There is no such damage.
        """
        before = inspection.damage(damage_id)
        after = self._corrected(before, change)
        verdict: Verdict = "corrected" if after != before or before.review == "corrected" else "confirmed"
        after = after.model_copy(update={"review": "added" if before.review == "added" else verdict})
        return self._with(inspection, before, after)

    def remove(self, inspection: Inspection, damage_id: str) -> Inspection:
        """Return the inspection without a damage, which is told among those removed.

        Raises:
            KeyError: There is no such damage.
        """
        return self._with(inspection, inspection.damage(damage_id), None)

    def add(
        self, inspection: Inspection, picture: Picture, box: Box, change: Change, damage_id: str | None = None
    ) -> Inspection:
        """Return the inspection with a box that the model did not find.

        Args:
            inspection: The inspection.
            picture: The picture without damages, of the size that its view tells, with its class map.
            box: xyxy in pixels of the picture.
            change: Kind, and what else is known of a new damage; `damage_id` needs none.
            damage_id: The damage that is seen there as well; None makes a new one.

        Raises:
            AyolomError: The box has no area inside the picture, or a new damage has no kind.
            KeyError: There is no such damage.
        """
        known = inspection.damage(damage_id) if damage_id else None
        kind = known.kind if known else change.kind
        if not kind:
            raise AyolomError("kind: must be given for a new damage")
        finding = self._finding(inspection, picture, box, kind)
        if known is not None:
            verdict = "added" if known.review == "added" else "corrected"
            update = {"evidence": (*known.evidence, finding), "review": verdict}
            return self._with(inspection, known, known.model_copy(update=update))
        made = Damage(
            id=f"D{_next_number(inspection)}",
            kind=kind,
            state=finding.state,
            part=finding.part,
            place=finding.place,
            extent_share=finding.extent_share,
            severity=finding.severity,
            confidence=1.0,
            best=finding.id,
            evidence=(finding,),
            frames_count=None if picture.frame is None else 1,
            first_s=finding.time_s,
            last_s=finding.time_s,
        )
        made = self._corrected(made, change).model_copy(update={"review": "added"})
        return self._with(inspection, None, made)

    def move(self, inspection: Inspection, damage_id: str, finding_id: str, picture: Picture, box: Box) -> Inspection:
        """Return the inspection with another box for a finding.

        Raises:
            AyolomError: The box has no area inside the picture.
            KeyError: There is no such damage or finding.
        """
        damage = inspection.damage(damage_id)
        old = _finding_of(damage, finding_id)
        new = self._finding(inspection, picture, box, damage.kind).model_copy(update={"id": old.id})
        evidence = tuple(new if one.id == old.id else one for one in damage.evidence)
        update: dict[str, object] = {"evidence": evidence, "review": damage.review or "corrected"}
        if damage.review == "confirmed":
            update["review"] = "corrected"
        moved = damage.model_copy(update=update)
        if damage.best == old.id and new.part == damage.part and new.place == damage.place:
            moved = self._rated(moved.model_copy(update={"extent_share": new.extent_share}))
        return self._with(inspection, damage, moved)

    def drop(self, inspection: Inspection, damage_id: str, finding_id: str) -> Inspection:
        """Return the inspection without one box of a damage; without its last box the damage goes.

        Raises:
            KeyError: There is no such damage or finding.
        """
        damage = inspection.damage(damage_id)
        gone = _finding_of(damage, finding_id)
        evidence = tuple(one for one in damage.evidence if one.id != gone.id)
        if not evidence:
            return self.remove(inspection, damage_id)
        best = damage.best if damage.best != gone.id else evidence[0].id
        verdict = "added" if damage.review == "added" else "corrected"
        update = {"evidence": evidence, "best": best, "review": verdict}
        return self._with(inspection, damage, damage.model_copy(update=update))

    # Parts ------------------------------------------------------------------------------------------------------------
    def _corrected(self, damage: Damage, change: Change) -> Damage:
        """Return a damage with what a person says of it."""
        update: dict[str, object] = {}
        if change.kind is not None and change.kind != damage.kind:
            update["kind"] = change.kind
            update["evidence"] = tuple(one.model_copy(update={"kind": change.kind}) for one in damage.evidence)
        if change.part is not None and (change.part or None, change.place) != (damage.part, damage.place):
            update.update(_placed(damage, change.part or None, change.place))
        after = self._rated(damage.model_copy(update=update)) if update else damage
        if change.severity is not None and change.severity != after.severity:
            after = after.model_copy(update={"severity": change.severity})
        return self._repaired(after) if after != damage else damage

    def _rated(self, damage: Damage) -> Damage:
        """Return a damage with the severity of the rules."""
        extent = damage.extent_share if damage.state == "PAIRED" else None
        return damage.model_copy(update={"severity": rate(damage.kind, damage.part or "", extent, self._rules)})

    def _repaired(self, damage: Damage) -> Damage:
        """Return a damage with the repairs of the table."""
        operations = self._repairs.operations(damage) if self._repairs else ()
        return damage.model_copy(update={"operations": operations})

    def _finding(self, inspection: Inspection, picture: Picture, box: Box, kind: str) -> Finding:
        """Return what a person's box is on."""
        height, width = picture.image.shape[:2]
        clipped = np.clip(np.array(box, np.float64), 0, [width, height, width, height])
        if not np.isfinite(clipped).all() or (clipped[2:] - clipped[:2] < LEAST_SIDE).any():
            raise AyolomError(
                f"box: must be left, top, right, bottom in pixels and lie inside the picture of {width}x{height} "
                f"(got {', '.join(f'{value:g}' for value in box)})"
            )
        drawn = Picture(
            picture.name, picture.image, Damages([kind], clipped[None]), picture.class_map, picture.frame, picture.rate
        )
        finding = find_damages(drawn, self._names, self._rules)[0]
        taken = {one.id for damage in _all(inspection) for one in damage.evidence}
        stem = finding.id.rpartition("#")[0]
        number = next(i for i in range(1, len(taken) + 2) if f"{stem}#p{i}" not in taken)
        return finding.model_copy(update={"id": f"{stem}#p{number}", "drawn_by": "person"})

    def _with(self, inspection: Inspection, before: Damage | None, after: Damage | None) -> Inspection:
        """Return the inspection with one damage exchanged, put in, or taken out."""
        removed = () if inspection.review is None else inspection.review.removed
        if before is None and after is not None:
            damages = (*inspection.damages, after)
        else:
            damages = tuple(
                one for one in (after if one is before else one for one in inspection.damages) if one is not None
            )
        if after is None and before is not None:
            removed = (*removed, before.model_copy(update={"crop_file": None, "overlay_file": None}))
        now = datetime.now(timezone.utc).astimezone().isoformat(timespec="seconds")
        return inspection.model_copy(
            update={
                "damages": damages,
                "parts": tuple(as_parts(inspection.views, damages, self._rules)),
                "review": Review(reviewed_at=now, removed=removed),
            }
        )


def _placed(damage: Damage, part: str | None, place: Place | None) -> dict[str, object]:
    """Return the fields of a damage that a person puts on a part; its extent is known where a picture shows both."""
    if part is None:
        return {"part": None, "place": None, "state": "UNPAIRED", "extent_share": None}
    best = _finding_of(damage, damage.best)
    fitting = [one for one in best.candidates if one.part == part and place in (None, one.place)]
    extent = fitting[0].extent_share if fitting else None
    return {"part": part, "place": place, "state": "PAIRED", "extent_share": extent}


def _finding_of(damage: Damage, finding_id: str) -> Finding:
    """Return a finding of a damage; KeyError when there is none."""
    found = next((one for one in damage.evidence if one.id == finding_id), None)
    if found is None:
        raise KeyError(finding_id)
    return found


def _all(inspection: Inspection) -> tuple[Damage, ...]:
    """Return the damages that are there and those that were removed."""
    return (*inspection.damages, *(() if inspection.review is None else inspection.review.removed))


def _next_number(inspection: Inspection) -> int:
    """Return the first number that no damage has or had."""
    return 1 + max((int(one.id[1:]) for one in _all(inspection)), default=0)
