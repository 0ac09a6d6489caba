"""What a check is told and what it finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ayolom.data.crops import MOST

if TYPE_CHECKING:
    from collections.abc import Iterator

SEVERITIES = ("error", "warning", "note")
LABEL_DIGEST = 8  # bytes that stand for the label of one task
STATES = ("labelled", "unlabelled", "empty", "broken")


@dataclass(frozen=True)
class Limits:
    """Where a check draws its lines.

    Attributes:
        imgsz: Size of training in pixels: boxes are measured with the image's longer side scaled to it.
        tiny: A box with a shorter side below this many pixels of training is tiny.
        huge: A box that covers this share of its image or more is huge.
        near: Most bits in which the hashes of near-duplicates differ.
        alike: The same of images that only look alike, such as two photographs from one spot.
        crops: Most images among which other crops of one scene are looked for; that reads each image again.
        dark: Mean grey level, 0 to 255, below which an image is very dark.
        flat: Standard deviation of grey levels below which an image is nearly one colour.
        twin: IoU from which two boxes of one class are one object labelled twice.
        stretched: Ratio of longer to shorter side from which an image is unusually long.
    """

    imgsz: int = 640
    tiny: float = 4.0
    huge: float = 0.9
    near: int = 6
    alike: int = 14
    crops: int = MOST
    dark: float = 20.0
    flat: float = 4.0
    twin: float = 0.9
    stretched: float = 3.0


@dataclass(frozen=True)
class Row:
    """One thing found.

    Attributes:
        file: The image or label it concerns; empty where it concerns a class or a whole task.
        split: Its split, "" where it has none.
        task: Name of the task, "" where it is about the image.
        detail: What was found there, in words.
        other: The other image of a pair, else "".
        weight: How bad: the worst is shown first.
    """

    file: str = ""
    split: str = ""
    task: str = ""
    detail: str = ""
    other: str = ""
    weight: float = 0.0


@dataclass
class TaskSeen:
    """What one image holds for one task.

    Attributes:
        state: One of `STATES`.
        classes: (K,) ids of the classes seen, each once.
        instances: (K,) boxes of each; 0 in masks.
        pixels: (K,) pixels of each: of a mask, or the boxes' areas.
        centres: (K,) mean horizontal place of each in [0, 1].
        boxes: (N, 2) width and height of the boxes as shares of the image.
        digest: 8 bytes that are equal for equal labels; b"" where there are none.
    """

    state: str
    classes: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    instances: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(0))
    centres: np.ndarray = field(default_factory=lambda: np.zeros(0))
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    digest: bytes = b""


@dataclass
class Seen:
    """What one image and its labels hold.

    Attributes:
        number: Its number in the spool.
        split: Its split.
        file: Its path.
        shape: (H, W), None when it cannot be read.
        digest: 16 bytes that are equal for equal files.
        hashes: Perceptual hash and that of the mirror image.
        thumbnail: (32, 32) uint8 grey, None when the image cannot be read.
        tasks: By task name.
        findings: (kind, row) of what stands out in it alone.
    """

    number: int
    split: str
    file: str
    shape: tuple[int, int] | None = None
    digest: bytes = b""
    hashes: tuple[int, int] = (0, 0)
    thumbnail: np.ndarray | None = None
    tasks: dict[str, TaskSeen] = field(default_factory=dict)
    findings: list[tuple[str, Row]] = field(default_factory=list)


@dataclass
class ClassTable:
    """Counts of one task in one split, each (nc,): images, boxes and pixels of every class; images by state."""

    images: np.ndarray
    instances: np.ndarray
    pixels: np.ndarray
    states: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))

    @classmethod
    def zeros(cls, nc: int) -> ClassTable:
        """Return a table without counts."""
        return cls(np.zeros(nc, np.int64), np.zeros(nc, np.int64), np.zeros(nc))

    def add(self, seen: TaskSeen) -> None:
        """Count an image."""
        self.states[seen.state] += 1
        if seen.state == "empty":
            self.states["labelled"] += 1
        self.images[seen.classes] += 1
        self.instances[seen.classes] += seen.instances
        self.pixels[seen.classes] += seen.pixels


@dataclass(frozen=True)
class Finding:
    """All that was found of one kind.

    Attributes:
        kind: Its key, such as "near-across".
        severity: One of `SEVERITIES`.
        title: What it is.
        advice: What to do.
        count: How many rows there are.
        first: The worst of them.
    """

    kind: str
    severity: str
    title: str
    advice: str
    count: int
    first: tuple[Row, ...]


@dataclass
class Result:
    """What a check found; the rows of all findings lie in the spool.

    Attributes:
        data: Name of the data set.
        images: Images by split.
        tables: By split and task.
        names: Class names by task and id.
        findings: The worst severity first.
        sizes: (H, W, images), the most frequent first.
        boxes: By task a sample of (width, height, class), shares of the image.
        seconds: What reading took.
        notes: What was not looked for, and how to have it looked for.
    """

    data: str
    images: dict[str, int]
    tables: dict[str, dict[str, ClassTable]]
    names: dict[str, dict[int, str]]
    findings: list[Finding] = field(default_factory=list)
    sizes: list[tuple[int, int, int]] = field(default_factory=list)
    boxes: dict[str, np.ndarray] = field(default_factory=dict)
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    def count(self, severity: str) -> int:
        """Return how many things of a severity were found."""
        return sum(finding.count for finding in self.findings if finding.severity == severity)

    def plain(self) -> Iterator[tuple[str, Any]]:
        """Yield (key, plain data) of all but the findings."""
        yield "data", self.data
        yield "images", self.images
        yield "seconds", round(self.seconds, 2)
        yield "notes", self.notes
        yield "sizes", [{"width": w, "height": h, "images": n} for h, w, n in self.sizes]
        yield "tasks", {name: self._task(name) for name in self.names}

    def _task(self, name: str) -> dict[str, Any]:
        """Return plain counts of one task."""
        tables = {split: tables[name] for split, tables in self.tables.items()}
        classes = [
            {
                "id": i,
                "name": label,
                **{
                    split: {
                        "images": int(table.images[i]),
                        "instances": int(table.instances[i]),
                        "pixels": round(float(table.pixels[i])),
                    }
                    for split, table in tables.items()
                },
            }
            for i, label in self.names[name].items()
        ]
        return {"states": {split: table.states for split, table in tables.items()}, "classes": classes}
