"""What the readers of foreign formats hand over: images with objects in pixels, and a report of the unusable."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np

EXAMPLES = 5  # enough to find the cause, few enough to read


class Report:
    """What an import met and could not use as it stood, counted by kind with a few places each.

    Attributes:
        counts: How often each kind of problem occurred.
        notes: How often something was met that is worth telling and loses nothing, such as a box cut at the border.
        examples: The first places of each kind.
    """

    def __init__(self) -> None:
        """Start with nothing to report."""
        self.counts: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}

    def add(self, what: str, where: str, image: str = "") -> None:
        """Count one problem.

        Args:
            what: The kind, such as "unknown category id".
            where: File and entry in which it was met, such as "a.txt: line 3".
            image: The image that it concerns, where that is known.
        """
        self.counts[what] += 1
        self._remember(what, where)

    def note(self, what: str, where: str, image: str = "") -> None:
        """Count something that is worth telling and loses nothing; the arguments are those of `add`."""
        self.notes[what] += 1
        self._remember(what, where)

    def _remember(self, what: str, where: str) -> None:
        """Keep a place as an example while there are few."""
        places = self.examples.setdefault(what, [])
        if len(places) < EXAMPLES and where not in places:
            places.append(where)

    def update(self, other: Report) -> None:
        """Take over the counts and places of another report."""
        self.counts.update(other.counts)
        self.notes.update(other.notes)
        for what, places in other.examples.items():
            mine = self.examples.setdefault(what, [])
            mine.extend(place for place in places[: EXAMPLES - len(mine)] if place not in mine)

    def lines(self) -> list[str]:
        """Return one line for each kind of problem, then of note, the most frequent first."""
        listed = [*self.counts.most_common(), *self.notes.most_common()]
        return [f"{n} x {what} ({', '.join(self.examples[what])})" for what, n in listed]


@dataclass(frozen=True)
class LabelledObject:
    """One annotation as its source has it: nothing is clipped or rounded yet.

    Attributes:
        label: Class name in the source.
        polygons: Outlines, each (K, 2) float64 x, y in pixels from the image's top left corner; together one object.
        box: (x1, y1, x2, y2) in the same frame, or None when the source has none.
        mask: (H, W) bool, the object's pixels, where the source stores those (run-length masks); then no polygons.
        crowd: Whether it stands for many objects that were not told apart (COCO's `iscrowd`): teaches nothing there.
        where: File and line or entry that it comes from, for the report, such as "a.json: annotations[3]".
        problem: Why its class cannot be told; empty where it can.
        shapeless: Why it has no place in boxes and masks, such as a point; empty where it has. A map may drop it.
    """

    label: str
    polygons: tuple[np.ndarray, ...] = ()
    box: tuple[float, float, float, float] | None = None
    mask: np.ndarray | None = None
    crowd: bool = False
    where: str = ""
    problem: str = ""
    shapeless: str = ""


@dataclass(frozen=True)
class LabelledImage:
    """One image's annotations.

    Attributes:
        file: Path of the image, relative to the source's image folder.
        shape: (H, W) in pixels as the source says, or as read from the image where it says nothing.
        objects: The annotations in the order of the source.
        path: The image file; None where the reader does not look for images.
        split: "train", "val" or "test" where the source tells, else None.
        class_map: (H, W) uint8 positions in the layer's `names`, 255 for what teaches nothing, where the source has a
            class for each pixel; then no objects.
        complete: False when an annotation of this image could not be used: what is missing would be learned as
            "nothing there".
    """

    file: str
    shape: tuple[int, int]
    objects: tuple[LabelledObject, ...] = ()
    path: Path | None = None
    split: str | None = None
    class_map: np.ndarray | None = None
    complete: bool = True


@dataclass(frozen=True)
class Annotations:
    """What one source says.

    Attributes:
        images: Images in the order of the source.
        names: Declared class names in the order of their ids; classes that occur nowhere are still listed.
        report: What could not be used.
    """

    images: list[LabelledImage]
    names: list[str]
    report: Report = field(default_factory=Report)


def used_classes(sources: Iterable[Annotations]) -> list[str]:
    """Return the class names that label at least one object, in the order in which the sources declare them.

    Parent classes, which exports put first and never use, fall away here.
    """
    declared: dict[str, None] = {}
    used: set[str] = set()
    for source in sources:
        declared.update(dict.fromkeys(source.names))
        used.update(item.label for image in source.images for item in image.objects)
    return [name for name in declared if name in used]
