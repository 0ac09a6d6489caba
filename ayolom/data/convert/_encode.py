"""The label of one image for one task, as the bytes of its file."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.data.convert._labels import box_rows, class_map
from ayolom.data.convert._outlines import outlines
from ayolom.data.convert._problems import AsNotes
from ayolom.data.convert._settle import IGNORE_NAME, IGNORED, Judge, lookup

if TYPE_CHECKING:
    from ayolom.data.convert._values import LabelledImage

IGNORE = 255


class Encoder:
    """Turns images of one layer into label files of one task."""

    def __init__(self, judge: Judge, names: tuple[str, ...]) -> None:
        """Bind to a task.

        Args:
            judge: Judges the objects and names.
            names: The layer's class names; of class maps, by value.
        """
        self.judge, self.task, self.names = judge, judge.task, names
        self._registered = False
        self._lookup: tuple[np.ndarray, dict[int, str]] | None = None

    def encode(self, image: LabelledImage) -> tuple[bytes, Counter[str]] | None:
        """Return the bytes of the label and how many objects of each class it has; None when it is put aside.

        Of a class map, the count is 1 for each class that occurs.
        """
        if image.class_map is not None:
            return self._from_map(image, image.class_map)
        self._register()
        objects = self.judge.objects(image)
        if objects is None:
            return None
        ids = {item.label: IGNORE if item.label == IGNORED else self.task.class_id(item.label) for item in objects}
        settled = replace(image, objects=objects)
        notes = AsNotes(self.judge.report, image.file)
        if self.task.store == "masks":
            counts = Counter(item.label for item in objects if item.label != IGNORED)
            return png(class_map(settled, ids, notes, self.task.background)), counts
        if self.task.store == "polygons":
            return self._polygons(settled, ids), Counter(item.label for item in objects)
        rows = box_rows(settled, ids, notes)
        text = "".join(row_text(int(row[0]), row[1:]) for row in rows)
        return text.encode(), Counter(self.task.names[int(row[0])] for row in rows)

    def _register(self) -> None:
        """Give the layer's classes their ids, in its order, before the first object."""
        if self._registered:
            return
        self._registered = True
        if self.task.is_mask:
            self.task.need_background()
        for name in self.names:
            with suppress(KeyError):  # an unknown name is reported where it labels something
                target = self.judge.target(name)
                if target is not None and target != IGNORE_NAME:
                    self.task.class_id(target)

    def _polygons(self, image: LabelledImage, ids: dict[str, int]) -> bytes:
        """Return rows of polygons; an object with a box alone is a row of a box."""
        size = np.array(image.shape[::-1], dtype=np.float64)
        rows: dict[str, None] = {}
        for item in image.objects:
            for points in item.polygons if item.mask is None else outlines(item.mask):
                rows[row_text(ids[item.label], (points / size).ravel())] = None
            if item.mask is None and not item.polygons and item.box is not None:
                low, high = np.array(item.box).reshape(2, 2) / size
                if (high > low).all():
                    rows[row_text(ids[item.label], np.concatenate(((low + high) / 2, high - low)))] = None
        return "".join(rows).encode()

    def _from_map(self, image: LabelledImage, values: np.ndarray) -> tuple[bytes, Counter[str]] | None:
        """Return the label of an image that has a class for each pixel."""
        if self._lookup is None:
            self._lookup = lookup(self.names, self.judge)
        table, unknown = self._lookup
        present = np.flatnonzero(np.bincount(values.ravel(), minlength=256)).tolist()
        for value in sorted(set(present) & set(unknown)):
            where = f"{image.path or image.file}: mask"
            self.judge.report.add(f"class '{unknown[value]}' is not in the map", where, image.file)
        label = cv2.LUT(np.ascontiguousarray(values), table)
        ids = np.flatnonzero(np.bincount(label.ravel(), minlength=256)).tolist()
        counts = Counter(self.task.names[i] for i in ids if i != IGNORE)
        if self.task.store == "masks":
            return png(label), counts
        if IGNORE in ids:
            return None
        size, rows = np.array(label.shape[::-1], dtype=np.float64), []
        for i in ids:
            rows += [row_text(i, (one / size).ravel()) for one in outlines(label == i) if i != self.task.background]
        return "".join(rows).encode(), counts


def png(mask: np.ndarray) -> bytes:
    """Return a mask (H, W) uint8 as the bytes of a grey PNG."""
    return cv2.imencode(".png", mask)[1].tobytes()


def row_text(class_id: int, values: np.ndarray) -> str:
    """Return one row of a label file."""
    return f"{class_id} " + " ".join(f"{value:.6f}" for value in np.clip(values, 0.0, 1.0)) + "\n"
