"""From groups of sightings to the damages and parts of a vehicle."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ayolom.inspect.findings import worst
from ayolom.inspect.merging import same_place
from ayolom.inspect.objects import LEVELS, Damage, PartSummary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ayolom.inspect.merging import Group, Sighting
    from ayolom.inspect.objects import Finding, Place, View
    from ayolom.inspect.rules import Rules

STATES = ("UNPAIRED", "AMBIGUOUS", "PAIRED")  # the surest last


def as_damages(groups: Sequence[Group], scores: Mapping[str, float], rules: Rules) -> list[Damage]:
    """Return one damage for each group, the worst first.

    Args:
        groups: Sightings of one damage each.
        scores: How well a finding shows its damage, by finding id.
        rules: Rules of the inspection.
    """
    made = [_damage(group, scores) for group in groups]
    order = sorted(
        range(len(made)),
        key=lambda i: (-LEVELS.index(made[i].severity), made[i].part or "~", made[i].place or "", made[i].kind, i),
    )
    return [made[i].model_copy(update={"id": f"D{number}"}) for number, i in enumerate(order, 1)]


def as_parts(views: Sequence[View], damages: Sequence[Damage], rules: Rules) -> list[PartSummary]:
    """Return the parts of the vehicle over all pictures, by name."""
    counts: Counter[tuple[str, Place | None]] = Counter()
    for view in views:
        least = rules.least_part_share * max(1, sum(part.area_px for part in view.parts))
        counts.update({(part.part, part.place) for part in view.parts if part.area_px >= least})
    for damage in damages:
        if damage.part is not None:
            counts.setdefault((damage.part, damage.place), 1)
    parts = []
    for part, place in sorted(counts, key=lambda key: (key[0], key[1] or "")):
        on_it = [damage for damage in damages if _is_on(damage, part, place)]
        parts.append(
            PartSummary(
                part=part,
                place=place,
                pictures_count=counts[part, place],
                severity=worst([damage.severity for damage in on_it]) if on_it else None,
                damages=tuple(damage.id for damage in on_it),
            )
        )
    return parts


def _damage(group: Group, scores: Mapping[str, float]) -> Damage:
    """Return the damage of a group; its number comes later."""
    sightings = group.sightings
    paired = [one for one in sightings if one.state == "PAIRED"]
    part, place = _spot(paired)
    fitting = [one.finding for one in paired if one.part == part and one.finding.part == part]
    best = max(fitting or [one.finding for one in sightings], key=lambda one: (scores.get(one.id, 0.0), one.id))
    spans = [(one.first_s, one.last_s) for one in sightings if one.first_s is not None and one.last_s is not None]
    frames = sum(len(one.frames) for one in sightings if one.first_s is not None)
    return Damage(
        id="D0",
        kind=best.kind,
        state=max((one.state for one in sightings), key=STATES.index),
        part=part,
        place=place,
        extent_share=best.extent_share if part == best.part else None,
        severity=best.severity,
        confidence=max(one.finding.confidence for one in sightings),
        best=best.id,
        evidence=_unique([one.finding for one in sightings]),
        frames_count=frames or None,
        first_s=min((first for first, _ in spans), default=None),
        last_s=max((last for _, last in spans), default=None),
    )


def _spot(paired: Sequence[Sighting]) -> tuple[str | None, Place | None]:
    """Return the part that most frames say, and of its places the one that says most; None where nothing does."""
    votes = Counter[str]()
    for one in paired:
        votes[one.part or ""] += len(one.frames)
    if not votes:
        return None, None
    part = votes.most_common(1)[0][0]
    places = Counter(one.place for one in paired if one.part == part and one.place is not None)
    return part, max(places, key=lambda name: (len(name.split()), places[name], name), default=None)


def _unique(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings without repetition, in their order."""
    return tuple({one.id: one for one in findings}.values())


def _is_on(damage: Damage, part: str, place: Place | None) -> bool:
    """Return whether a damage is on a part, or may be."""
    if damage.state == "PAIRED":
        return damage.part == part and (damage.place == place or (damage.place is None and same_place(None, place)))
    if damage.state == "UNPAIRED":
        return False
    best = next(one for one in damage.evidence if one.id == damage.best)
    return any(one.part == part and one.place == place for one in best.candidates if one.is_possible)
