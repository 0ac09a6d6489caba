"""Rules about the whole data set, once every image has been seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ayolom.data.check._sides import SideModel
from ayolom.data.check._values import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ayolom.data.check._spool import Spool
    from ayolom.data.check._values import ClassTable, Limits
    from ayolom.tasks.base import Task

LEARNING, SCORING = "train", "val"
MANY = 20  # images before "all of one size" says anything
MOSTLY = 0.95


def class_findings(tables: dict[str, dict[str, ClassTable]], tasks: list[Task]) -> Iterator[tuple[str, Row]]:
    """Yield classes and tasks that lack examples.

    Args:
        tables: By split and task.
        tasks: The tasks.
    """
    for task in tasks:
        mine = {split: of_split[task.name] for split, of_split in tables.items()}
        for split, table in mine.items():
            if split in (LEARNING, SCORING) and not table.states["labelled"]:
                states = ", ".join(f"{count} {state}" for state, count in table.states.items() if count)
                yield "task-unlabelled", Row(split=split, task=task.name, detail=f"{task.name} in {split}: {states}")
        yield from _missing_classes(mine, task)
        learning = mine.get(LEARNING)
        if learning and learning.states["labelled"] and not learning.states["empty"] and not task.planes:
            count = learning.states["labelled"]
            detail = f"{task.name}: each of the {count} labelled images holds something"
            yield "no-empty", Row(split=LEARNING, task=task.name, detail=detail)


def _missing_classes(tables: dict[str, ClassTable], task: Task) -> Iterator[tuple[str, Row]]:
    """Yield the classes of one task that occur nowhere or not where they must."""
    kept = task.spec.classes
    for number, name in task.spec.names.items():
        if (kept is not None and number not in kept) or not any(t.states["labelled"] for t in tables.values()):
            continue
        images = {split: int(table.images[number]) for split, table in tables.items()}
        where = ", ".join(f"{split} {count}" for split, count in images.items())
        row = Row(task=task.name, detail=f"{task.name}: {number} {name} (images: {where})", weight=sum(images.values()))
        if not any(images.values()):
            yield "class-unused", row
        elif not images.get(SCORING, 1):
            yield "class-not-in-val", row
        elif not images.get(LEARNING, 1):
            yield "class-not-in-train", row


def image_findings(spool: Spool, limits: Limits) -> Iterator[tuple[str, Row]]:
    """Yield what the sizes of the images tell."""
    query = """SELECT file, split, height, width, MAX(height, width) * 1.0 / MIN(height, width) AS ratio FROM images
        WHERE ratio >= ?"""
    for file, split, height, width, ratio in spool.query(query, limits.stretched):
        yield "image-long", Row(file, split, detail=f"{width} x {height}", weight=ratio)
    total = spool.query("SELECT COUNT(*) FROM images WHERE height IS NOT NULL").fetchone()[0]
    common = sizes(spool, 1)
    if common and total >= MANY:
        height, width, count = common[0]
        if height == width and count >= MOSTLY * total:
            yield "square", Row(detail=f"{count} of {total} images are {width} x {height}")


def sizes(spool: Spool, most: int) -> list[tuple[int, int, int]]:
    """Return (H, W, images) of the most frequent sizes."""
    query = """SELECT height, width, COUNT(*) FROM images WHERE height IS NOT NULL GROUP BY height, width
        ORDER BY COUNT(*) DESC, width, height LIMIT ?"""
    return [(int(h), int(w), int(n)) for h, w, n in spool.query(query, most)]


def shared_labels(spool: Spool) -> Iterator[tuple[str, Row]]:
    """Yield the label files that several images claim."""
    query = """SELECT label.file, MIN(images.file), MAX(images.file), COUNT(DISTINCT images.file)
        FROM label JOIN images USING (id) GROUP BY label.file HAVING COUNT(DISTINCT images.file) > 1"""
    for label, first, last, count in spool.query(query):
        yield "label-shared", Row(first, detail=f"{count} images, one label {label}", other=last)


def side_findings(spool: Spool, task: Task) -> Iterator[tuple[str, Row]]:
    """Yield the images whose left and right look exchanged."""
    model, names = SideModel(task.spec.nc, task.spec.flip_pairs), task.spec.names
    for _, classes, centres in spool.sides(task.name):
        model.add(classes, centres)
    for number, classes, centres in spool.sides(task.name):
        suspicion = model.judge(classes, centres)
        if suspicion is None:
            continue
        pairs = ", ".join(f"{names[a]} / {names[b]}" for a, b in suspicion.pairs)
        reason = "hardly ever seen together" if suspicion.together else f"exchanged? (score {suspicion.gain:.1f})"
        split, file = spool.image(number)[:2]
        yield "sides", Row(file, split, task.name, f"{pairs}: {reason}", weight=suspicion.gain)
