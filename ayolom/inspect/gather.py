"""Pictures in, one list of damages out: the stages of an inspection in their order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ayolom.inspect._damages import as_damages, as_parts
from ayolom.inspect.findings import find_damages
from ayolom.inspect.merging import Sighting, merge
from ayolom.inspect.objects import PartSeen, View
from ayolom.inspect.parts import PartMap
from ayolom.inspect.photo import check_photo, median_check
from ayolom.inspect.tracking import Tracker, frame_score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ayolom.inspect.detected import Picture
    from ayolom.inspect.objects import Damage, Finding, PartSummary, PhotoCheck
    from ayolom.inspect.rules import Rules


class Keeper:
    """Is told of pictures while they pass; keeps nothing. `album.Album` keeps what a report shows."""

    def photo(self, picture: Picture, findings: list[Finding]) -> None:
        """Take a photo."""

    def frame(self, picture: Picture, findings: list[Finding], numbers: Mapping[str, str]) -> None:
        """Take a frame of a video; `numbers` names the track of each finding that has one, by finding id."""

    def best(self, key: str, picture: Picture, finding: Finding) -> None:
        """Take the frame that shows a track better, on one part, than those before."""

    def end_video(self) -> None:
        """Close the video whose frames were taken."""


@dataclass
class _Video:
    """A video in the making."""

    name: str
    size: tuple[int, int]
    tracker: Tracker
    frames: int = 0
    last_s: float = 0.0
    next_check: float = 0.0
    checks: list[PhotoCheck] = field(default_factory=list)
    parts: dict[tuple[str, str | None], PartSeen] = field(default_factory=dict)


class Gatherer:
    """Takes pictures one by one and joins what they show.

    Attributes:
        views: Photos and finished videos.
    """

    def __init__(self, names: Mapping[int, str], rules: Rules, keeper: Keeper | None = None) -> None:
        """Start an inspection.

        Args:
            names: Class names of parts by class id.
            rules: Rules of the inspection.
            keeper: Is told of every picture.
        """
        self._names, self._rules = names, rules
        self._keeper = keeper or Keeper()
        self._batches: list[list[Sighting]] = []
        self._scores: dict[str, float] = {}
        self._video: _Video | None = None
        self.views: list[View] = []

    def add(self, picture: Picture) -> list[Finding]:
        """Take a photo, or the next frame of a video; frames of one video come in order and together.

        Returns:
            What was found in it.
        """
        parts = None if picture.class_map is None else PartMap(picture.class_map, self._names, self._rules)
        findings = find_damages(picture, self._names, self._rules, parts)
        if picture.frame is None:
            self._end_video()
            self._add_photo(picture, parts, findings)
        else:
            self._add_frame(picture, parts, findings)
        return findings

    def result(self) -> tuple[list[Damage], list[PartSummary]]:
        """Return the damages, the worst first, and the parts of the vehicle."""
        self._end_video()
        groups = merge(self._batches, self._rules.merging)
        damages = as_damages(groups, self._scores, self._rules)
        return damages, as_parts(self.views, damages, self._rules)

    def _add_photo(self, picture: Picture, parts: PartMap | None, findings: list[Finding]) -> None:
        """Take a photo."""
        check = check_photo(picture.image, parts, self._rules.photos)
        height, width = picture.image.shape[:2]
        seen = () if parts is None else parts.seen()
        self.views.append(
            View(name=picture.name, media="photo", width_px=width, height_px=height, parts=seen, check=check)
        )
        self._scores.update((finding.id, frame_score(finding, picture.image)) for finding in findings)
        if findings:
            self._batches.append([Sighting.of_photo(finding) for finding in findings])
        self._keeper.photo(picture, findings)

    def _add_frame(self, picture: Picture, parts: PartMap | None, findings: list[Finding]) -> None:
        """Take a frame."""
        if self._video is None or self._video.name != picture.name:
            self._end_video()
            height, width = picture.image.shape[:2]
            self._video = _Video(picture.name, (height, width), Tracker(self._rules))
        video, time = self._video, picture.time_s or 0.0
        video.frames, video.last_s = video.frames + 1, time
        if time >= video.next_check:
            video.checks.append(check_photo(picture.image, parts, self._rules.photos))
            video.next_check = time + 1 / self._rules.tracking.checks_per_second
        for seen in () if parts is None else parts.seen():
            if (seen.part, seen.place) not in video.parts or seen.area_px > video.parts[seen.part, seen.place].area_px:
                video.parts[seen.part, seen.place] = seen
        prefix = len(self.views)
        followed = video.tracker.update(
            picture,
            findings,
            lambda key, finding: self._keeper.best(f"{prefix}-{key[0]}-{key[1]}-{finding.part}", picture, finding),
        )
        self._keeper.frame(picture, findings, {one: f"{kind} {number}" for one, (kind, number) in followed.items()})

    def _end_video(self) -> None:
        """Close the video at hand."""
        if self._video is None:
            return
        video, self._video = self._video, None
        self._batches += video.tracker.sightings()
        self._scores.update(video.tracker.scores())
        self.views.append(
            View(
                name=video.name,
                media="video",
                width_px=video.size[1],
                height_px=video.size[0],
                frames_count=video.frames,
                duration_s=round(video.last_s, 3),
                parts=tuple(video.parts.values()),
                check=median_check(video.checks, self._rules.photos),
            )
        )
        self._keeper.end_video()
