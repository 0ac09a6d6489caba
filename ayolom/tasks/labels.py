"""Label files as plain arrays: pure parsers and the polygon raster; no folder is walked and nothing is written here.

Text labels hold one object a line, `class x y w h` (a box) or `class x1 y1 x2 y2 x3 y3 ...` (a polygon), all
coordinates as fractions of the image's width and height. An empty text says that there is nothing to find.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.errors import AyolomError
from ayolom.tasks.png import read_png

if TYPE_CHECKING:
    from collections.abc import Sequence

SLACK = 0.01  # how far beyond [0, 1] a coordinate may lie before the label counts as broken, a fraction of the image
BOX_COLUMNS = 5
POLYGON_COLUMNS = 7
IGNORE = 255
EXACT = 2**24  # pixels up to which OpenCV's histogram, whose counts are float32 in the end, is exact
MOST_CLASSES = 2**31  # class ids are kept in 32 bits


def read_text(file: str | Path) -> str:
    """Return the text of a label file, UTF-8 with or without a byte-order mark.

    Raises:
        AyolomError: The file cannot be read or is no text.
    """
    try:
        return Path(file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise AyolomError(f"{file}: is not UTF-8 text ({error.reason}, byte {error.start}); export it again") from None
    except OSError as error:
        raise AyolomError(f"{file}: cannot be read ({error.strerror}); check the file's permissions") from None


def read_boxes(text: str, nc: int, file: str | Path, single_cls: bool = False) -> dict[str, np.ndarray]:
    """Parse the boxes of one image.

    Rows of boxes and of polygons are both accepted; a polygon's box is its bounds. Repeated rows and boxes without
    area are dropped; what reaches over the image's edge is cut there.

    Args:
        text: Content of the label file.
        nc: Number of classes.
        file: Name for messages.
        single_cls: Whether all classes, any number of them, become class 0.

    Returns:
        `cls` (N,) int32 and `bboxes` (N, 4) float32 xywh (centre and size) in [0, 1]. When all rows are polygons also
        `points` (P, 2) float32 xy in [0, 1], the polygons one after the other, and `lengths` (N,) int32, their points.

    Raises:
        AyolomError: A row is malformed; the message names file and line.
    """
    classes, boxes, polygons = [], [], []
    for number, values in _rows(text, file):
        classes.append(_class_id(values[0], None if single_cls else nc, file, number))
        if len(values) == BOX_COLUMNS:
            boxes.append(_box(values[1:], file, number))
        else:
            polygons.append(_polygon(values[1:], file, number))
            boxes.append(_bounds(polygons[-1]))
    cls = np.array(classes, np.int32).reshape(-1)
    bboxes = np.array(boxes, np.float32).reshape(-1, 4)
    keep = _first_of_each(np.column_stack((cls, bboxes)))
    keep = keep[(bboxes[keep, 2:] > 0).all(1)]
    label = {"cls": np.zeros(len(keep), np.int32) if single_cls else cls[keep], "bboxes": bboxes[keep]}
    if polygons and len(polygons) == len(boxes):
        label["points"], label["lengths"] = join_polygons([polygons[i] for i in keep])
    return label


def read_polygons(text: str, nc: int, file: str | Path, single_cls: bool = False) -> dict[str, np.ndarray]:
    """Parse the polygons of one image.

    Args:
        text: Content of the label file.
        nc: Number of classes.
        file: Name for messages.
        single_cls: Whether all classes, any number of them, become class 0.

    Returns:
        `cls` (N,) int32, `points` (P, 2) float32 xy in [0, 1], the polygons one after the other, and `lengths` (N,)
        int32, the number of points of each.

    Raises:
        AyolomError: A row is malformed or a box; the message names file and line.
    """
    classes, polygons = [], []
    for number, values in _rows(text, file):
        if len(values) == BOX_COLUMNS:
            raise AyolomError(
                f"{file}, line {number}: is a box (5 values) where polygons are wanted (class x1 y1 x2 y2 x3 y3 ...); "
                "draw polygons, or name the folder under `labels:` of a task of kind detect"
            )
        classes.append(_class_id(values[0], None if single_cls else nc, file, number))
        polygons.append(_polygon(values[1:], file, number))
    cls = np.array(classes, np.int32).reshape(-1)
    points, lengths = join_polygons(polygons)
    return {"cls": np.zeros_like(cls) if single_cls else cls, "points": points, "lengths": lengths}


def join_polygons(polygons: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Put polygons [(K, 2)] one after the other: points (P, 2) float32 and lengths (N,) int32."""
    lengths = np.array([len(polygon) for polygon in polygons], np.int32).reshape(-1)
    points = np.concatenate(polygons) if len(polygons) else np.zeros((0, 2))
    return points.astype(np.float32).reshape(-1, 2), lengths


def split_polygons(label: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Return the polygons [(K, 2)] of a label with `points` and `lengths`, or an empty list when it has none."""
    if "lengths" not in label or not len(label["lengths"]):
        return []
    return np.split(label["points"], np.cumsum(label["lengths"])[:-1])


def read_mask(file: str | Path, shape: tuple[int, int] | None, nc: int, ignore: int = IGNORE) -> np.ndarray:
    """Read a PNG mask of class ids; see `count_mask`, whose counts are left out here."""
    return count_mask(file, shape, nc, ignore)[0]


def count_mask(
    file: str | Path, shape: tuple[int, int] | None, nc: int, ignore: int = IGNORE
) -> tuple[np.ndarray, np.ndarray]:
    """Read a PNG mask of class ids and count them: grey levels of grey pictures, indices (not colours) of palettes.

    With one class the mask is binary: 0 is background, 1 the class. Where `ignore` is not 255, a binary mask may be
    drawn in 0 and 255.

    Args:
        file: A PNG file.
        shape: (H, W) of the image in pixels; None when size and ids were checked before.
        nc: Number of classes.
        ignore: Value of pixels that teach nothing.

    Returns:
        (H, W) uint8 class ids, 255 where the mask teaches nothing; (256,) int64 pixels of each value.

    Raises:
        AyolomError: No PNG, a colour picture, of another size, or with ids beyond the classes.
    """
    mask = read_png(file, shape)
    counts = count_values(mask) if mask.dtype == np.uint8 else np.bincount(mask.ravel())
    present = np.flatnonzero(counts)
    ids = max(nc, 2)
    lookup = _lookup(len(counts), nc, ids, ignore)
    if shape is not None:
        _check_ids(present[lookup[present] < 0], ids, ignore, file)
    values = lookup.astype(np.uint8)  # as bytes, -1 is 255: ids beyond the classes are ignored where not refused
    if np.array_equal(values[present], present):
        return mask.astype(np.uint8, copy=False), np.bincount(present, counts[present], 256).astype(np.int64)
    mask = cv2.LUT(mask, values) if mask.dtype == np.uint8 else values[mask]
    return mask, np.bincount(values, counts, 256).astype(np.int64)


def count_values(mask: np.ndarray) -> np.ndarray:
    """Return (256,) int64, the pixels of each value of a mask (H, W) uint8."""
    if mask.size > EXACT:
        return np.bincount(mask.ravel(), minlength=256)
    return cv2.calcHist([mask], [0], None, [256], [0, 256]).ravel().astype(np.int64)


def rasterise(label: dict[str, np.ndarray], shape: tuple[int, int], nc: int, background: int) -> np.ndarray:
    """Draw the polygons of a label as a mask, smaller ones over larger ones.

    Args:
        label: `cls` (N,), `points` (P, 2) xy in [0, 1], `lengths` (N,).
        shape: (H, W) of the mask in pixels.
        nc: Number of classes; with one class the mask is binary: 0 outside, 1 inside.
        background: Class id of pixels that no polygon covers.

    Returns:
        (H, W) uint8 class ids.
    """
    height, width = shape
    mask = np.full(shape, 0 if nc == 1 else background, np.uint8)
    # A pixel's centre lies half a pixel from its corner, where normalised coordinates start.
    polygons = [polygon * (width, height) - 0.5 for polygon in split_polygons(label)]
    for i in sorted(range(len(polygons)), key=lambda i: -_area(polygons[i])):
        colour = 1 if nc == 1 else int(label["cls"][i])
        cv2.fillPoly(mask, [np.rint(polygons[i]).astype(np.int32)], colour)
    return mask


def _rows(text: str, file: str | Path) -> list[tuple[int, list[float]]]:
    """Return line number (from 1) and values of every line that is not blank."""
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            values = [float(word) for word in words]
        except ValueError:
            raise AyolomError(
                f"{file}, line {number}: holds something that is no number (got '{line.strip()[:60]}'); "
                "write `class x y w h` or `class x1 y1 x2 y2 x3 y3 ...`, separated by spaces"
            ) from None
        if len(values) != BOX_COLUMNS and (len(values) < POLYGON_COLUMNS or len(values) % 2 == 0):
            raise AyolomError(
                f"{file}, line {number}: has {len(values)} values; a box has 5 (class x y w h) and a polygon an odd "
                "number from 7 on (class x1 y1 x2 y2 x3 y3 ...)"
            )
        if not np.isfinite(values).all():
            raise AyolomError(f"{file}, line {number}: holds NaN or infinity; remove the row or draw it again")
        rows.append((number, values))
    return rows


def _class_id(value: float, nc: int | None, file: str | Path, number: int) -> int:
    """Return the class id of a row; None allows any number of classes."""
    if value != int(value) or (nc is None and not 0 <= value < MOST_CLASSES):
        raise AyolomError(f"{file}, line {number}: the class id must be a whole number from 0 on (got {value:g})")
    if nc is not None and not 0 <= value < nc:
        raise AyolomError(
            f"{file}, line {number}: class {value:g} does not exist, the task has {nc} (ids 0 to {nc - 1}); "
            "correct the id or add the class to `names:`"
        )
    return int(value)


def _fractions(values: Sequence[float], file: str | Path, number: int) -> np.ndarray:
    """Return coordinates clipped to [0, 1]."""
    array = np.array(values, np.float64)
    worst = array[np.argmax(np.abs(array - 0.5))]
    if not -SLACK <= worst <= 1 + SLACK:
        raise AyolomError(
            f"{file}, line {number}: coordinates are fractions of the image's width and height, 0 to 1 "
            f"(got {worst:g}); divide pixels by the image's size"
        )
    return np.clip(array, 0.0, 1.0)


def _box(values: Sequence[float], file: str | Path, number: int) -> np.ndarray:
    """Return a box (4,) xywh, cut at the image's edges."""
    x, y, w, h = _fractions(values, file, number)
    inside = x >= w / 2 and y >= h / 2 and x + w / 2 <= 1 and y + h / 2 <= 1
    if inside:  # as written: cutting would add rounding errors
        return np.array((x, y, w, h))
    corners = np.clip(((x - w / 2, y - h / 2), (x + w / 2, y + h / 2)), 0.0, 1.0)
    return _bounds(corners)


def _polygon(values: Sequence[float], file: str | Path, number: int) -> np.ndarray:
    """Return a polygon (K, 2) xy."""
    return _fractions(values, file, number).reshape(-1, 2)


def _bounds(points: np.ndarray) -> np.ndarray:
    """Return the box (4,) xywh round points (K, 2)."""
    low, high = points.min(0), points.max(0)
    return np.concatenate(((low + high) / 2, high - low))


def _first_of_each(rows: np.ndarray) -> np.ndarray:
    """Return the indices of the rows without repetitions, in order."""
    places: dict[tuple[float, ...], int] = {}
    for place, row in enumerate(rows.tolist()):  # quicker than np.unique up to thousands of rows
        places.setdefault(tuple(row), place)
    return np.array(list(places.values()), np.int64)


def _area(points: np.ndarray) -> float:
    """Return the area of a polygon (K, 2), by the shoelace formula."""
    x, y = points.T
    return 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))


def _lookup(length: int, nc: int, ids: int, ignore: int) -> np.ndarray:
    """Return (length,) int32, the class id of each value of a mask, 255 for ignored ones, -1 for unknown ones."""
    lookup = np.full(length, -1, np.int32)
    lookup[:ids] = np.arange(min(ids, length))
    if length > IGNORE:
        lookup[IGNORE] = 1 if nc == 1 and ignore != IGNORE else IGNORE
    if 0 <= ignore < length:
        lookup[ignore] = IGNORE
    return lookup


def _check_ids(unknown: np.ndarray, ids: int, ignore: int, file: str | Path) -> None:
    """Raise when there are values (K,) that are no class id."""
    if len(unknown):
        listed = ", ".join(map(str, unknown[:5])) + (", ..." if len(unknown) > 5 else "")
        raise AyolomError(
            f"{file}: the mask holds ids {listed} beyond the classes (0 to {ids - 1}, {ignore} = ignored); "
            "correct the mask or add the classes to `names:`"
        )
