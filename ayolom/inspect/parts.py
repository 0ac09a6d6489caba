"""The parts in one picture: their pieces, sizes and places."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.inspect._names import end_of, is_repeated, joined, parts_of, shows, side_of
from ayolom.inspect.objects import PartSeen, Side
from ayolom.tasks.labels import count_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ayolom.inspect.objects import Place
    from ayolom.inspect.rules import Rules

SMALLEST = 20  # pixels below which a piece of a repeated part is not placed
SIDES: tuple[Side, ...] = ("front", "back", "left", "right")
OPPOSITE: dict[Side, Side] = {"front": "back", "back": "front", "left": "right", "right": "left"}


@dataclass(frozen=True)
class Piece:
    """A part, or one of several equal pieces of it.

    Attributes:
        part: Class name.
        place: Where it sits, for classes that stand for several pieces.
        area: Pixels.
    """

    part: str
    place: Place | None
    area: int


class PartMap:
    """The parts of a picture.

    Attributes:
        pieces: Pieces by number, from 1.
        plane: (H, W) uint8, the number of the piece at each pixel, 0 where there is no part.
    """

    def __init__(self, class_map: np.ndarray, names: Mapping[int, str], rules: Rules) -> None:
        """Number the pieces.

        Args:
            class_map: (H, W) class ids; ids without a name are no part.
            names: Class names of the parts by class id, background included.
            rules: Rules of the inspection.
        """
        self._rules, self._names = rules, parts_of(names, rules)
        self._classes = np.ascontiguousarray(class_map, np.uint8)
        areas = count_values(self._classes)
        table = np.zeros(256, np.uint8)
        self.pieces: dict[int, Piece] = {}
        repeated = []
        for number, name in self._names.items():
            if number < 255 and areas[number]:
                if is_repeated(name, rules.places):
                    repeated.append(number)
                else:
                    table[number] = self._add(Piece(name, None, int(areas[number])))
        self.plane = cv2.LUT(self._classes, table)
        for number in repeated:
            self._split(number)

    @cached_property
    def area(self) -> int:
        """Pixels of the vehicle."""
        return sum(piece.area for piece in self.pieces.values())

    def bounds(self, number: int) -> tuple[int, int, int, int]:
        """Return the box (x, y, w, h) of a piece in pixels."""
        x, y, w, h = cv2.boundingRect(cv2.compare(self.plane, float(number), cv2.CMP_EQ))
        return x, y, w, h

    def seen(self) -> tuple[PartSeen, ...]:
        """Return the parts in view."""
        return tuple(PartSeen(part=p.part, place=p.place, area_px=p.area) for p in self.pieces.values())

    def sides(self) -> tuple[Side, ...]:
        """Return the sides of the vehicle in view; of two opposite ones only that with more pixels."""
        least = self._rules.sides.least_share * max(self.area, 1)
        areas = {side: sum(p.area for p in self.pieces.values() if shows(p.part, side, self._rules)) for side in SIDES}
        return tuple(side for side in SIDES if areas[side] >= max(least, areas[OPPOSITE[side]] + 1))

    def _add(self, piece: Piece) -> int:
        """Give a piece its number."""
        number = len(self.pieces) + 1
        self.pieces[number] = piece
        return number

    def _split(self, class_id: int) -> None:
        """Part a class into its pieces, those of one place together."""
        member = cv2.compare(self._classes, float(class_id), cv2.CMP_EQ)
        left, top, width, height = cv2.boundingRect(member)
        window = (slice(top, top + height), slice(left, left + width))
        _, labels, stats, _ = cv2.connectedComponentsWithStats(member[window])
        by_place: dict[Place | None, list[int]] = {}
        for i, (x, y, w, h, area) in enumerate(stats.tolist()):
            if i:
                piece = labels[y : y + h, x : x + w] == i
                place = self._place(class_id, piece, (left + x, top + y)) if area >= SMALLEST else None
                by_place.setdefault(place, []).append(i)
        table = np.zeros(len(stats), np.uint8)
        for place, components in by_place.items():
            area = int(stats[components, cv2.CC_STAT_AREA].sum())
            table[components] = self._add(Piece(self._names[class_id], place, area))
        self.plane[window] = np.maximum(self.plane[window], table[labels])

    def _place(self, class_id: int, piece: np.ndarray, corner: tuple[int, int]) -> Place | None:
        """Return where a piece (h, w) bool whose corner lies at (x, y) sits, by the parts next to it."""
        (x, y), (h, w) = corner, piece.shape
        reach = round(self._rules.places.reach_share * max(w, h)) + 1
        around = cv2.dilate(
            cv2.copyMakeBorder(piece.view(np.uint8), *[reach] * 4, cv2.BORDER_CONSTANT, value=0),
            np.ones((2 * reach + 1, 2 * reach + 1), np.uint8),
        )
        height, width = self._classes.shape
        inside = around[max(0, reach - y) : reach + height - y, max(0, reach - x) : reach + width - x]
        window = self._classes[max(0, y - reach) : y + h + reach, max(0, x - reach) : x + w + reach]
        counts = cv2.calcHist([window], [0], inside, [256], [0, 256]).ravel()
        ends: Counter[str] = Counter()
        sides: Counter[str] = Counter()
        for number, name in self._names.items():
            if number != class_id and number < 255 and counts[number]:
                for votes, word in (
                    (ends, end_of(name, self._rules.places)),
                    (sides, side_of(name, self._rules.places)),
                ):
                    if word:
                        votes[word] += int(counts[number])
        return joined(self._elected(ends), self._elected(sides))

    def _elected(self, votes: Counter[str]) -> str | None:
        """Return the word with enough of the votes."""
        if not votes:
            return None
        word, count = votes.most_common(1)[0]
        return word if count >= self._rules.places.least_vote_share * votes.total() else None


def tellable_sides(names: Mapping[int, str], rules: Rules) -> tuple[Side, ...]:
    """Return the sides of a vehicle that class names can tell."""
    return tuple(side for side in SIDES if any(shows(name, side, rules) for name in parts_of(names, rules).values()))
