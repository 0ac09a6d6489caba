"""Pictures that are there more than once: in two splits, twice in one, with different labels."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np
from ultralytics.utils import TQDM

from ayolom.data.check._boxes import overlaps
from ayolom.data.check._values import LABEL_DIGEST, Row
from ayolom.data.crops import find_crops
from ayolom.data.duplicates import CORRELATION, near_duplicates
from ayolom.data.scan import read_one

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ayolom.data.check._spool import Spool
    from ayolom.data.check._values import Limits
    from ayolom.data.duplicates import Duplicates
    from ayolom.data.scan import Found
    from ayolom.tasks.base import Task

ALIKE = 0.9  # correlation of thumbnails from which two pictures look alike without being copies
SAME_BOX = 0.5  # IoU from which a box of one copy is that of the other
SAME_MASK = 0.97  # share of pixels in which the masks of two copies agree
GRID = (64, 64)  # (H, W) at which masks of copies are compared


def listed_twice(spool: Spool) -> Iterator[tuple[str, Row]]:
    """Yield the images that stand in more than one split."""
    query = """SELECT file, GROUP_CONCAT(DISTINCT split) FROM images GROUP BY file HAVING COUNT(DISTINCT split) > 1"""
    for file, splits in spool.query(query):
        yield "listed-twice", Row(file, splits.replace(",", " and "), detail="the same path")


def exact_copies(spool: Spool, tasks: list[Task]) -> Iterator[tuple[str, Row]]:
    """Yield the images whose bytes are those of an earlier image, one row for each but the first.

    A copy that is not labelled for a task contradicts nothing: labels differ where both have one.
    """
    query = """SELECT b.file, b.split, b.labels, a.file, a.split, a.labels FROM images b JOIN
        (SELECT digest, MIN(id) AS first FROM images WHERE digest IS NOT NULL GROUP BY digest HAVING COUNT(*) > 1) g
        ON b.digest = g.digest JOIN images a ON a.id = g.first WHERE b.file != a.file"""
    for file, split, labels, other, other_split, other_labels in spool.query(query):
        across = split != other_split
        detail = f"in {other_split} and {split}" if across else f"twice in {split}"
        yield ("copy-across" if across else "copy-within"), Row(file, split, detail=detail, other=other)
        for task, one, two in zip(tasks, _digests(labels), _digests(other_labels), strict=True):
            if any(one) and any(two) and one != two:
                yield (
                    "copies-differ",
                    Row(file, split, task.name, f"{task.name}: every byte alike, other labels", other, 1),
                )


def versions(spool: Spool) -> Iterator[tuple[str, Row]]:
    """Yield the pictures of which a Roboflow export made several images, one row for each picture."""
    query = """SELECT version, COUNT(*), GROUP_CONCAT(DISTINCT split), COUNT(DISTINCT split)
        FROM picture JOIN images USING (id) GROUP BY version HAVING COUNT(*) > 1"""
    ends = "SELECT file FROM picture JOIN images USING (id) WHERE version = ? ORDER BY split {0}, file {0} LIMIT 1"
    for name, count, splits, different in spool.query(query):
        first, last = (spool.query(ends.format(order), name).fetchone()[0] for order in ("ASC", "DESC"))
        where = splits.replace(",", " and ")
        kind = "roboflow-across" if different > 1 else "roboflow-within"
        yield kind, Row(first, where, detail=f"{count} versions of {name} in {where}", other=last, weight=count)


def near_copies(spool: Spool, tasks: list[Task], root: Path, limits: Limits) -> Iterator[tuple[str, Row]]:
    """Yield near-duplicates that are not equal byte for byte, one row for each link between them, and other crops.

    Args:
        spool: What was kept of the images.
        tasks: Tasks whose labels are compared.
        root: Folder of the data set.
        limits: Where to draw the lines.
    """
    usable = np.flatnonzero(spool.readable)
    search = partial(_search, spool, usable)
    near = search("finding copies", limits.near, CORRELATION)
    for edge in near.edges:
        first, second = int(usable[edge["first"]]), int(usable[edge["second"]])
        yield from _near(spool, tasks, root, (first, second), int(edge["distance"]), bool(edge["mirrored"]))
    if len(spool.query("SELECT DISTINCT split FROM images LIMIT 2").fetchall()) > 1:
        for edge in search("finding look-alikes", max(limits.near, limits.alike), ALIKE).edges:
            first, second = int(edge["first"]), int(edge["second"])
            if near.groups[first] != near.groups[second]:
                yield from _alike(spool, int(usable[first]), int(usable[second]), int(edge["distance"]))
    if len(usable) <= limits.crops:
        yield from _crops(spool, usable, near.groups)


def _search(spool: Spool, usable: np.ndarray, title: str, distance: int, correlation: float) -> Duplicates:
    """Return the near-duplicates among the images that can be read, numbered among those."""
    hashes, thumbnails = spool.hashes[usable], _Chosen(spool, usable)
    with TQDM(total=len(usable), desc=title) as bar:
        return near_duplicates(hashes[:, 0], hashes[:, 1], thumbnails, distance, correlation, bar.update)


def _alike(spool: Spool, first: int, second: int, distance: int) -> Iterator[tuple[str, Row]]:
    """Yield two images that look alike, if they lie in two splits."""
    (split, file, digest, _), (other_split, other, other_digest, _) = spool.image(first), spool.image(second)
    if split != other_split and digest != other_digest:
        detail = f"in {split} and {other_split}; {distance} of 64 bits differ"
        yield "alike-across", Row(other, other_split, detail=detail, other=file, weight=-distance)


def _crops(spool: Spool, usable: np.ndarray, groups: np.ndarray) -> Iterator[tuple[str, Row]]:
    """Yield the pairs of images that are crops of one scene and no near-duplicates."""
    images = [spool.image(int(number)) for number in usable]
    with TQDM(total=len(usable), desc="finding other crops") as bar:
        found = find_crops([file for _, file, _, _ in images], progress=bar.update)
    for crop in found:
        (split, file, digest, _), (other_split, other, other_digest, _) = images[crop.first], images[crop.second]
        if digest != other_digest and groups[crop.first] != groups[crop.second]:
            where = f"in {split} and {other_split}" if split != other_split else f"both in {split}"
            detail = f"{where}; {crop.matches} corners match, correlation {crop.correlation:.2f}"
            kind = "crop-across" if split != other_split else "crop-within"
            yield kind, Row(other, other_split, detail=detail, other=file, weight=crop.correlation)


class _Chosen:
    """The thumbnails of some images, fetched one by one."""

    def __init__(self, spool: Spool, numbers: np.ndarray) -> None:
        """Take the spool and the numbers of the images."""
        self._spool, self._numbers = spool, numbers

    def __getitem__(self, number: int) -> np.ndarray:
        """Return one thumbnail."""
        return self._spool.thumbnail(int(self._numbers[number]))


def _near(
    spool: Spool, tasks: list[Task], root: Path, pair: tuple[int, int], distance: int, mirrored: bool
) -> Iterator[tuple[str, Row]]:
    """Yield what one link between two images says."""
    (split, file, digest, labels), (other_split, other, other_digest, other_labels) = map(spool.image, pair)
    if digest == other_digest:
        return
    across = split != other_split
    kind = "near-across" if across else "near-within"
    detail = f"in {split} and {other_split}" if across else f"both in {split}"
    detail += f"; {distance} of 64 bits differ" + (", mirrored" if mirrored else "")
    yield kind, Row(other, other_split, detail=detail, other=file, weight=-distance)
    if labels == other_labels and not mirrored:
        return  # which spares reading them again
    one, two = read_one(file, tasks, root), read_one(other, tasks, root)
    for task in tasks:
        if task.name in one.labels and task.name in two.labels:
            reason = _difference(task, (file, one), (other, two), root, mirrored)
            if reason:
                yield "copies-differ", Row(other, other_split, task.name, reason, file)


def _digests(labels: bytes) -> list[bytes]:
    """Return the digest of the label of each task; zeros where there is none."""
    return [labels[start : start + LABEL_DIGEST] for start in range(0, len(labels), LABEL_DIGEST)]


def _difference(task: Task, one: tuple[str, Found], two: tuple[str, Found], root: Path, mirrored: bool) -> str:
    """Return how the labels of two copies differ, "" when they say the same."""
    if task.planes:
        first, second = (
            task.plane(found.labels[task.name], task.label_file(file, root), GRID) for file, found in (one, two)
        )
        if mirrored:
            first = cv2.LUT(np.ascontiguousarray(first[:, ::-1]), _exchange(task).astype(np.uint8))
        agreeing = float(np.mean(first == second))
        return "" if agreeing >= SAME_MASK else f"{task.name}: the masks agree in {agreeing:.0%} of the pixels"
    (classes, boxes, _), (other_classes, other_boxes, _) = (
        task.instances(found.labels[task.name]) for _, found in (one, two)
    )
    if mirrored:
        classes, boxes = _exchange(task)[classes], boxes * (-1, 1, 1, 1) + (1, 0, 0, 0)
    if len(classes) != len(other_classes):
        return f"{task.name}: {_count(other_classes)} in the first, {_count(classes)} in the second"
    matching = (overlaps(other_boxes, boxes) >= SAME_BOX) & (other_classes[:, None] == classes[None])
    lonely = int((~matching.any(1)).sum()) if len(classes) else 0
    return f"{task.name}: {lonely} of {_count(classes)} elsewhere or of another class" if lonely else ""


def _count(boxes: np.ndarray) -> str:
    """Return how many boxes there are, in words."""
    return f"{len(boxes)} box{'' if len(boxes) == 1 else 'es'}"


def _exchange(task: Task) -> np.ndarray:
    """Return by class id the id that it has in a mirror, (256 or more,)."""
    table = np.arange(max(256, task.spec.nc))
    for a, b in task.spec.flip_pairs:
        table[[a, b]] = b, a
    return table
