"""Damages followed through a video by the base's tracker; each keeps the frame that shows it best on its part."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ayolom.errors import AyolomError
from ayolom.inspect.merging import Sighting
from ayolom.inspect.photo import sharpness

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ayolom.inspect.detected import Picture
    from ayolom.inspect.objects import Finding, Place, State
    from ayolom.inspect.rules import Rules

MISSING = 'source: to follow damages through a video the base needs a package: pip install "ayolom[track]"'


@dataclass
class Track:
    """One damage through consecutive frames.

    Attributes:
        bests: By the part that a frame joins it to (None: to no single one), how well the best of those frames shows
            it, and its finding in that frame.
        frames: Frames that show it.
        shares: Damaged area by (part, place), summed over the frames.
        on_parts, area: Sums over the frames, pixels.
        samples: Findings of its 1st, 2nd, 4th, 8th ... frame: the angles from which it was seen.
        last: Finding of its last frame.
    """

    first_s: float
    last_s: float
    bests: dict[str | None, tuple[float, Finding]] = field(default_factory=dict)
    frames: set[tuple[str, int]] = field(default_factory=set)
    shares: Counter[tuple[str, Place | None]] = field(default_factory=Counter)
    on_parts: float = 0.0
    area: float = 0.0
    samples: list[Finding] = field(default_factory=list)
    last: Finding | None = None

    def add(self, finding: Finding, score: float) -> bool:
        """Count one more frame; return whether it shows the damage on that part better than those before."""
        self.frames.add((finding.picture, cast("int", finding.frame_index)))
        if len(self.frames).bit_count() == 1:
            self.samples.append(finding)
        self.last = finding
        self.last_s = cast("float", finding.time_s)
        self.area += finding.area_px
        self.on_parts += finding.area_px * finding.on_parts_share
        for one in finding.candidates:
            self.shares[one.part, one.place] += one.area_px
        is_better = finding.part not in self.bests or score > self.bests[finding.part][0]
        if is_better:
            self.bests[finding.part] = score, finding
        return is_better

    def best(self, part: str | None) -> Finding:
        """Return the finding of the best frame that says this part, of all frames where none does."""
        return (self.bests.get(part) or max(self.bests.values(), key=lambda one: one[0]))[1]

    def sighting(self, rules: Rules) -> Sighting:
        """Return what all frames together say of its part."""
        by_part: Counter[str] = Counter()
        for (name, _), area in self.shares.items():
            by_part[name] += area
        total = by_part.total()
        state: State = "UNPAIRED"
        if total and self.on_parts / max(self.area, 1) >= rules.pairing.least_on_parts_share:
            state = "PAIRED" if max(by_part.values()) / total >= rules.pairing.paired_share else "AMBIGUOUS"
        part = by_part.most_common(1)[0][0] if state == "PAIRED" else None
        sighting = Sighting(self.best(part), frozenset(self.frames), state, part, None, round(self.first_s, 3))
        sighting.last_s = round(self.last_s, 3)
        sighting.samples = (*self.samples, *filter(None, [self.last]))
        if part is not None:
            sighting.place = _main_place({p: a for (name, p), a in self.shares.items() if name == part})
        return sighting


class Tracker:
    """Follows the damages of one video, each kind by itself."""

    def __init__(self, rules: Rules) -> None:
        """Prepare.

        Args:
            rules: Rules of the inspection.

        Raises:
            AyolomError: The package that the base's trackers need is not installed.
        """
        if find_spec("lap") is None:
            raise AyolomError(MISSING)
        self._rules = rules
        self._trackers: dict[str, Any] = {}
        self._tracks: dict[tuple[str, int], Track] = {}

    def update(
        self, picture: Picture, findings: Sequence[Finding], on_best: Callable[[tuple[str, int], Finding], None]
    ) -> dict[str, tuple[str, int]]:
        """Take one frame.

        Args:
            picture: The frame.
            findings: Its findings.
            on_best: Called with the key of a track and the finding, when this frame shows it better than those before
                that say the same part.

        Returns:
            The key of the track, by finding id; those that are not followed yet are missing.
        """
        by_kind: dict[str, list[Finding]] = defaultdict(list)
        for finding in findings:
            by_kind[finding.kind].append(finding)
        followed = {}
        for kind in sorted({*by_kind, *self._trackers}):
            for number, finding in self._follow(kind, by_kind.get(kind, []), picture):
                followed[finding.id] = (kind, number)
                self._count((kind, number), finding, picture, on_best)
        return followed

    def sightings(self) -> list[list[Sighting]]:
        """Return what was followed, in order of appearance, one batch each."""
        least = self._rules.tracking.least_frames
        kept = [track for track in self._tracks.values() if len(track.frames) >= least]
        kept.sort(key=lambda track: (track.first_s, track.samples[0].id))
        return [[track.sighting(self._rules)] for track in kept]

    def _follow(self, kind: str, findings: list[Finding], picture: Picture) -> list[tuple[int, Finding]]:
        """Return the findings of a kind that the tracker follows, with its numbers."""
        from ultralytics.engine.results import Boxes

        if kind not in self._trackers:
            self._trackers[kind] = _make_tracker(self._rules.tracking.tracker)
        settings = self._rules.tracking
        boxes = np.array([f.box_xyxy_px for f in findings], np.float32).reshape(-1, 4)
        margin = np.maximum((boxes[:, 2:] - boxes[:, :2]) * settings.widen_share, settings.widen_least_px)
        wide = np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], 1)
        # All were let through by `conf`: the tracker's own thresholds on scores would silently undo a low one.
        scores = np.tile(np.array([[1.0, 0.0]], np.float32), (len(findings), 1))
        shape = (picture.image.shape[0], picture.image.shape[1])
        rows = self._trackers[kind].update(Boxes(np.concatenate([wide, scores], 1), shape), picture.image)
        return [(int(row[4]), findings[int(row[-1])]) for row in rows]

    def _count(
        self,
        key: tuple[str, int],
        finding: Finding,
        picture: Picture,
        on_best: Callable[[tuple[str, int], Finding], None],
    ) -> None:
        """Add a frame to a track and keep it where it is the best."""
        time = cast("float", finding.time_s)
        track = self._tracks.setdefault(key, Track(time, time))
        if track.add(finding, frame_score(finding, picture.image)):
            on_best(key, finding)

    def scores(self) -> dict[str, float]:
        """Return how well the best frames of each track show it, by finding id."""
        return {finding.id: score for track in self._tracks.values() for score, finding in track.bests.values()}


def frame_score(finding: Finding, image: np.ndarray) -> float:
    """Return how well a frame shows a damage: its length in pixels x confidence x the root of its sharpness.

    Args:
        finding: The damage.
        image: (H, W, 3) uint8 BGR frame.
    """
    x0, y0, x1, y1 = (round(value) for value in finding.box_xyxy_px)
    crop = image[max(0, y0) : max(1, y1), max(0, x0) : max(1, x1)]
    return float(np.sqrt(finding.area_px) * finding.confidence * np.sqrt(1 + sharpness(crop)))


def _main_place(areas: dict[Place | None, int]) -> Place | None:
    """Return the place with most of the area; one that is not known does not vote where another is."""
    known = {place: area for place, area in areas.items() if place is not None and " " in place}
    known = known or {place: area for place, area in areas.items() if place is not None}
    return max(known, key=lambda place: (known[place], place), default=None)


def _make_tracker(name: str) -> Any:
    """Return a tracker of the base."""
    from ultralytics.trackers.track import TRACKER_MAP
    from ultralytics.utils import YAML, IterableSimpleNamespace
    from ultralytics.utils.checks import check_yaml

    settings = IterableSimpleNamespace(**YAML.load(check_yaml(name)))
    if settings.tracker_type not in {"bytetrack", "ocsort"}:
        raise AyolomError(
            f"tracking.tracker={name}: must be of type bytetrack or ocsort (got {settings.tracker_type}); the others "
            "need features of a network or compensate the camera's motion themselves"
        )
    return TRACKER_MAP[settings.tracker_type](args=settings)
