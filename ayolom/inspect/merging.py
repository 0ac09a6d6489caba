"""Damages seen in several pictures become one list: what is the same, with its evidence.

Two sightings can be one damage when they are of one kind, on the same part and place (an AMBIGUOUS one on any of its
possible candidates), and no picture shows both. Of those that can, the ones whose spots on the part and whose colours
are closest are joined first, by least total distance, until `merging.most_distance`.

Limits: a damage without a part is never joined across pictures. The spot is measured in the part's visible bounds, so
it shifts when the part is half hidden and turns with the view on a bonnet or roof. Several alike scratches of one
panel, each seen in other pictures, may be counted as one; no picture that shows two of them lets that happen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ayolom.inspect.appearance import distance

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ayolom.inspect.objects import Finding, Place, State
    from ayolom.inspect.rules import Merging

FAR = 1e6  # stands for "never", where an assignment must have a number


@dataclass
class Sighting:
    """A damage in one photo, or followed through a stretch of video.

    Attributes:
        finding: What shows it best.
        frames: Pictures that show it: (name, frame), frame -1 for a photo.
        state, part, place: Of all its frames together.
        first_s, last_s: Time span in a video.
        samples: Findings from other angles, by which it may be known again as well.
    """

    finding: Finding
    frames: frozenset[tuple[str, int]]
    state: State
    part: str | None
    place: Place | None
    first_s: float | None = None
    last_s: float | None = None
    samples: tuple[Finding, ...] = ()

    @classmethod
    def of_photo(cls, finding: Finding) -> Sighting:
        """Return the sighting of a finding in a photo."""
        frames = frozenset({(finding.picture, -1)})
        return cls(finding, frames, finding.state, finding.part, finding.place)

    @property
    def spots(self) -> list[tuple[str, Place | None]]:
        """Parts and places on which it may be."""
        if self.state == "PAIRED" and self.part is not None:
            return [(self.part, self.place)]
        found = self.finding.candidates if self.state == "AMBIGUOUS" else ()
        return [(one.part, one.place) for one in found if one.is_possible]


@dataclass
class Group:
    """Sightings of one damage."""

    sightings: list[Sighting] = field(default_factory=list)

    def accepts(self, sighting: Sighting) -> bool:
        """Return whether a sighting can be of the same damage."""
        if self.sightings[0].finding.kind != sighting.finding.kind:
            return False
        if any(member.frames & sighting.frames for member in self.sightings):
            return False
        return all(_on_one_part(member, sighting) for member in self.sightings)

    def distance(self, sighting: Sighting, rules: Merging) -> float:
        """Return the least distance to one of its sightings, from whatever angle."""
        return min(
            finding_distance(one, other, rules)
            for member in self.sightings
            for one in (member.finding, *member.samples)
            for other in (sighting.finding, *sighting.samples)
        )


def merge(batches: Iterable[Sequence[Sighting]], rules: Merging) -> list[Group]:
    """Join the sightings that show one damage.

    Args:
        batches: Sightings, those of one photo or of one moment together; the order decides the order of the result.
        rules: How far apart two may be.

    Returns:
        One group for each damage, in the order in which they first appear.
    """
    groups: list[Group] = []
    for batch in batches:
        taken = _assign(groups, batch, rules)
        for i, sighting in enumerate(batch):
            if i in taken:
                groups[taken[i]].sightings.append(sighting)
            else:
                groups.append(Group([sighting]))
    return groups


def finding_distance(one: Finding, other: Finding, rules: Merging) -> float:
    """Return how unlike two findings are, 0 to about 1: spots on the part, and colours."""
    spots = 0.5
    if one.spot_on_part is not None and other.spot_on_part is not None:
        spots = min(1.0, float(np.hypot(*np.subtract(one.spot_on_part, other.spot_on_part))))
    return rules.spot_weight * spots + (1 - rules.spot_weight) * distance(one.appearance, other.appearance)


def same_place(one: Place | None, other: Place | None) -> bool:
    """Return whether two places can be one: no word of them contradicts."""
    words = {word for place in (one, other) for word in (place or "").split()}
    return not ({"left", "right"} <= words or {"front", "back"} <= words)


def _on_one_part(one: Sighting, other: Sighting) -> bool:
    """Return whether two sightings can be on the same part."""
    return any(a == b and same_place(p, q) for a, p in one.spots for b, q in other.spots)


def _assign(groups: Sequence[Group], batch: Sequence[Sighting], rules: Merging) -> dict[int, int]:
    """Return by sighting of a batch the group that it joins."""
    from ultralytics.utils.ops import linear_sum_assignment

    costs = np.full((len(batch), len(groups)), FAR)
    for i, sighting in enumerate(batch):
        for j, group in enumerate(groups):
            if group.accepts(sighting):
                cost = group.distance(sighting, rules)
                costs[i, j] = cost if cost <= rules.most_distance else FAR
    if not costs.size:
        return {}
    rows, columns = linear_sum_assignment(costs)
    return {int(i): int(j) for i, j in zip(rows, columns, strict=True) if costs[i, j] < FAR}
