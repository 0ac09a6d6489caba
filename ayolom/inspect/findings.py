"""From boxes and part regions to findings: each damage with the parts it lies on. Pure functions of arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ayolom.inspect.appearance import describe
from ayolom.inspect.objects import LEVELS, Candidate, Finding
from ayolom.inspect.parts import PartMap
from ayolom.inspect.severity import rate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ayolom.inspect.detected import Damages, Picture
    from ayolom.inspect.objects import Level, State
    from ayolom.inspect.rules import Rules

Box = tuple[int, int, int, int]


def find_damages(
    picture: Picture, names: Mapping[int, str], rules: Rules, parts: PartMap | None = None
) -> list[Finding]:
    """Join each damage of a picture to the parts that it covers.

    Args:
        picture: The picture, its damages and its class map.
        names: Class names of parts by class id.
        rules: Rules of the inspection.
        parts: The parts of this picture, where they are known already.

    Returns:
        One finding for each damage that has an area inside the picture, in their order; doubles are left out.
    """
    if parts is None and picture.class_map is not None:
        parts = PartMap(picture.class_map, names, rules)
    found = (_finding(picture, i, parts, rules) for i in _unique(picture.damages, rules.pairing.duplicate_iou))
    return [finding for finding in found if finding is not None]


def pair(candidates: Sequence[Candidate], on_parts_share: float, rules: Rules) -> State:
    """Return whether a damage has one part, several, or none.

    Args:
        candidates: Parts that it touches, the largest share first.
        on_parts_share: Share of the damaged area that lies on parts.
        rules: Rules of the inspection.
    """
    if not candidates or on_parts_share < rules.pairing.least_on_parts_share:
        return "UNPAIRED"
    return "PAIRED" if candidates[0].share >= rules.pairing.paired_share else "AMBIGUOUS"


def worst(levels: Sequence[Level]) -> Level:
    """Return the highest level, "unrated" of none."""
    return max(levels, key=LEVELS.index, default="unrated")


def _unique(damages: Damages, most: float) -> list[int]:
    """Return the damages that no surer one of the same kind covers."""
    from ultralytics.utils.metrics import bbox_ioa

    kept: list[int] = []
    for i in np.argsort(-damages.confidences, kind="stable").tolist():
        same = [j for j in kept if damages.kinds[j] == damages.kinds[i]]
        if most >= 1 or not same or bbox_ioa(damages.boxes[[i]], damages.boxes[same], iou=True).max() <= most:
            kept.append(i)
    return sorted(kept)


def _finding(picture: Picture, index: int, parts: PartMap | None, rules: Rules) -> Finding | None:
    """Return the finding of one damage; None where it lies outside the picture."""
    damages, shape = picture.damages, picture.image.shape[:2]
    box = _clipped(damages.boxes[index], shape)
    mask = None if damages.masks is None else damages.masks[index, box[1] : box[3], box[0] : box[2]]
    area = int(np.count_nonzero(mask)) if mask is not None else (box[2] - box[0]) * (box[3] - box[1])
    if area <= 0:
        return None
    kind = damages.kinds[index]
    candidates = _candidates(kind, box, mask, parts, rules) if parts is not None else []
    on_parts = sum(candidate.area_px for candidate in candidates) / area
    judged = _judged(kind, candidates, on_parts, rules)
    left, top, right, bottom = (round(float(value), 1) for value in damages.boxes[index])
    return Finding(
        id=f"{picture.name}{'' if picture.frame is None else f'@{picture.frame}'}#{index + 1}",
        picture=picture.name,
        frame_index=picture.frame,
        time_s=None if picture.time_s is None else round(picture.time_s, 3),
        kind=kind,
        confidence=round(float(damages.confidences[index]), 4),
        box_xyxy_px=(left, top, right, bottom),
        region="box" if mask is None else "mask",
        area_px=area,
        on_parts_share=_share(on_parts),
        candidates=tuple(candidates),
        spot_on_part=_spot(box, mask, candidates, parts) if judged["state"] != "UNPAIRED" else None,
        appearance=describe(picture.image, box),
        **judged,
    )


def _judged(kind: str, candidates: Sequence[Candidate], on_parts_share: float, rules: Rules) -> dict[str, Any]:
    """Return the fields of a finding that say where it is and how bad; arguments as for `pair`."""
    state = pair(candidates, on_parts_share, rules)
    if state == "PAIRED":
        first = candidates[0]
        at = {"part": first.part, "place": first.place, "extent_share": first.extent_share}
        return {"state": state, **at, "severity": first.severity}
    if state == "AMBIGUOUS":
        level = worst([candidate.severity for candidate in candidates if candidate.is_possible])
    else:
        level = rate(kind, "", None, rules)
    return {"state": state, "part": None, "place": None, "extent_share": None, "severity": level}


def _clipped(box: np.ndarray, shape: tuple[int, ...]) -> Box:
    """Return the whole pixels of a box inside the picture, right and bottom exclusive."""
    height, width = shape
    x0, y0 = np.floor(box[:2] + 1e-6).astype(int).tolist()
    x1, y1 = np.ceil(box[2:] - 1e-6).astype(int).tolist()
    x0, y0 = min(max(x0, 0), width), min(max(y0, 0), height)
    return x0, y0, max(min(x1, width), x0), max(min(y1, height), y0)


def _candidates(kind: str, box: Box, mask: np.ndarray | None, parts: PartMap, rules: Rules) -> list[Candidate]:
    """Return every part under a region, the largest share first; equal shares by name."""
    window = parts.plane[box[1] : box[3], box[0] : box[2]]
    counts = np.bincount(window.ravel() if mask is None else window[mask], minlength=len(parts.pieces) + 1)
    total = int(counts[1:].sum())
    found = []
    for number in np.flatnonzero(counts[1:]) + 1:
        piece, area = parts.pieces[int(number)], int(counts[number])
        extent = _share(area / piece.area)
        found.append(
            Candidate(
                part=piece.part,
                place=piece.place,
                share=_share(area / total),
                area_px=area,
                part_area_px=piece.area,
                extent_share=extent,
                severity=rate(kind, piece.part, extent, rules),
                is_possible=area == counts[1:].max() or area >= rules.pairing.possible_share * total,
            )
        )
    return sorted(found, key=lambda candidate: (-candidate.area_px, candidate.part, candidate.place or ""))


def _spot(
    box: Box, mask: np.ndarray | None, candidates: Sequence[Candidate], parts: PartMap | None
) -> tuple[float, float] | None:
    """Return the middle of the damage within the bounds of its first candidate."""
    if parts is None or not candidates:
        return None
    first = (candidates[0].part, candidates[0].place)
    number = next(i for i, piece in parts.pieces.items() if (piece.part, piece.place) == first)
    where = parts.plane[box[1] : box[3], box[0] : box[2]] == number
    sums = cv2.moments((where if mask is None else where & mask).view(np.uint8), binaryImage=True)
    x, y, w, h = parts.bounds(number)
    u, v = ((sums[key] / sums["m00"] + 0.5 + start) for key, start in (("m10", box[0] - x), ("m01", box[1] - y)))
    u, v = u / w, v / h
    return _share(u), _share(v)


def _share(value: float) -> float:
    """Return a share in [0, 1] with the digits that are worth writing."""
    return round(float(min(max(value, 0.0), 1.0)), 4)
