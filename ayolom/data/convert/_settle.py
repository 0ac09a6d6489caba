"""Objects of a source judged for one task: renamed, dropped, refused, cut at the border."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ayolom.data.convert._description import BACKGROUND, BACKGROUND_NAMES
from ayolom.data.convert._geometry import clip_polygon

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ayolom.data.convert._description import GrowingTask
    from ayolom.data.convert._values import LabelledImage, LabelledObject, Report

IGNORE_NAME = "ignore"  # target in a map: teaches nothing in masks, is left out of boxes
IGNORED = "\0ignored"  # class of regions that teach nothing; no source can name it
SLACK = 0.01  # share of a side by which a coordinate may leave the image, at least SLACK_PIXELS
SLACK_PIXELS = 2.0
ROUNDING = 0.05  # pixels; below it, leaving the image is the rounding of the file
NO_BOX = (0.0, 0.0, 0.0, 0.0)


class Judge:
    """Judges the objects of a source for one task."""

    def __init__(self, task: GrowingTask, mapping: Mapping[str, str | None] | None, report: Report) -> None:
        """Bind to a task.

        Args:
            task: Receives the classes, in the order in which they are met.
            mapping: Target by source name, None for a name that is dropped; None takes names as they are.
            report: Receives what is put aside.
        """
        self.task, self.mapping, self.report = task, mapping, report

    def target(self, label: str) -> str | None:
        """Return the class that a source's name stands for, None when it is dropped or is background.

        Raises:
            KeyError: The map does not have the name.
        """
        label = label.strip()
        name = self.mapping[label] if self.mapping is not None else label
        if name is not None and self.task.is_mask and name.lower() in BACKGROUND_NAMES:
            return None
        return name

    def objects(self, image: LabelledImage) -> tuple[LabelledObject, ...] | None:
        """Return the objects of an image as the task has them; None when the image's label cannot be trusted.

        With masks, what is unknown or a crowd becomes a region that teaches nothing; with boxes, a crowd is left out,
        and an unknown object costs the image its label: the network would learn that nothing is there.
        """
        kept: list[LabelledObject] = []
        complete = image.complete
        for number, item in enumerate(image.objects):
            where = item.where or f"{image.path or image.file}: object {number}"
            judged = self._judge(item, where, image)
            complete &= judged is not None
            if judged is not None and judged.label:
                kept.append(judged)
        return tuple(kept) if complete else None

    def _judge(self, item: LabelledObject, where: str, image: LabelledImage) -> LabelledObject | None:
        """Return an object of the task, one without a label when it is left out, None when it spoils the image."""
        name = self._name(item, where, image)
        if name is None:
            self._note_by_map(item, "dropped", where, image)
            return replace(item, label="")
        if item.shapeless:
            return self._without_shape(item, name, where, image)
        inside = self._inside(item, where, image)
        if inside is None or name == IGNORED:
            return inside and self._region(inside)
        if name == IGNORE_NAME:
            self._note_by_map(item, "ignored", where, image)
            return self._region(inside) or replace(inside, label="")
        if item.crowd:
            self.report.note(f"crowd ({'teaches nothing' if self.task.is_mask else 'left out'})", where, image.file)
            return self._region(inside) or replace(inside, label="")
        return self._labelled(inside, name, where, image)

    def _name(self, item: LabelledObject, where: str, image: LabelledImage) -> str | None:
        """Return the class that an object is of, None when it is dropped, IGNORED when that cannot be told."""
        problem = item.problem
        if not problem:
            try:
                return self.target(item.label)
            except KeyError:
                problem = f"class '{item.label}' is not in the map"
        self.report.add(problem, where, image.file)
        return IGNORED

    def _labelled(self, item: LabelledObject, name: str, where: str, image: LabelledImage) -> LabelledObject | None:
        """Return an object of a class in the form that the task stores; None where a mask has but its box."""
        if self.task.is_mask and not item.polygons and item.mask is None:
            self.report.add("box without an outline (its region teaches nothing)", where, image.file)
            return self._region(item)
        if self.task.store == "boxes" and len(item.polygons) > 1:
            self.report.note(f"'{name}' of several outlines (one box round them all)", where, image.file)
        return replace(item, label=name)

    def _without_shape(
        self, item: LabelledObject, name: str, where: str, image: LabelledImage
    ) -> LabelledObject | None:
        """Return an object without a shape as left out where the map ignores it; None where it spoils the image."""
        if name == IGNORE_NAME:
            self._note_by_map(item, "ignored", where, image)
            return replace(item, label="")
        if name != IGNORED:
            self.report.add(item.shapeless, where, image.file)
        return None

    def _note_by_map(self, item: LabelledObject, fate: str, where: str, image: LabelledImage) -> None:
        """Note an object that the map leaves out; background as such is nothing to tell."""
        if item.label.strip().lower() not in BACKGROUND_NAMES:
            self.report.note(f"class '{item.label.strip()}' is {fate} by the map", where, image.file)

    def _region(self, item: LabelledObject) -> LabelledObject | None:
        """Return the region of an object that teaches nothing; None where labels cannot say that."""
        if self.task.store != "masks":
            return None
        polygons = item.polygons
        if not polygons and item.mask is None:
            x1, y1, x2, y2 = item.box or NO_BOX
            polygons = (np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], dtype=np.float64),)
        return replace(item, label=IGNORED, polygons=polygons)

    def _inside(self, item: LabelledObject, where: str, image: LabelledImage) -> LabelledObject | None:
        """Return an object cut at the border; None when it reaches so far out that it must be of another image."""
        corners = [np.array(item.box).reshape(2, 2)] if item.box is not None else []
        points = [*item.polygons, *corners]
        if not points:
            return item
        size = np.array(image.shape[::-1], dtype=np.float64)
        every = np.concatenate(points)
        beyond = np.maximum(-every, every - size).max(axis=0)
        if (beyond > np.maximum(SLACK * size, SLACK_PIXELS)).any():
            self.report.add("coordinates outside the image", f"{where}, by {beyond.max():.0f} px", image.file)
            return None
        if beyond.max() <= 0:
            return item
        if beyond.max() > ROUNDING:
            self.report.note("reaches a little outside the image (cut)", where, image.file)
        cut = tuple(clip_polygon(one, image.shape) for one in item.polygons)
        box = None if item.box is None else tuple(np.clip(corners[0], 0, size).ravel().tolist())
        return replace(item, polygons=tuple(one for one in cut if len(one) > 2), box=box)


def lookup(names: tuple[str, ...], judge: Judge) -> tuple[np.ndarray, dict[int, str]]:
    """Return what the values of a source's class maps become.

    Args:
        names: The source's class names by value.
        judge: Judges the names.

    Returns:
        (256,) uint8 class ids by value, 255 for what teaches nothing, and the unknown names by value.
    """
    table, unknown = np.full(256, 255, np.uint8), {}
    for value, name in enumerate(names[:255]):
        try:
            target = judge.target(name)
        except KeyError:
            unknown[value] = name
            continue
        if target == IGNORE_NAME:
            continue
        table[value] = judge.task.class_id(BACKGROUND if target is None else target)
    return table, unknown
