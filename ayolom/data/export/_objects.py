"""From the labels of our data sets to labelled objects, the value that the readers of foreign formats hand over too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.data.convert import LabelledImage, LabelledObject
from ayolom.data.export._outline import region_polygon

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ayolom.tasks.base import Task

IGNORE = 255


def object_names(task: Task) -> dict[int, str]:
    """Return the classes of a task that are objects, by class id, or by pixel value for a task with a mask.

    The class named "background" is none; of a binary mask value 1 is the class.
    """
    if task.planes and task.spec.nc == 1:
        return {1: task.spec.names[0]}
    background = "background" if task.planes else None
    return {i: name for i, name in task.spec.names.items() if name.lower() != background}


def labelled_image(task: Task, label_file: Path, image_file: Path, shape: tuple[int, int]) -> LabelledImage:
    """Return what one task says of an image, in pixels.

    Args:
        task: The task.
        label_file: An existing file.
        image_file: The image.
        shape: (H, W) of the image.

    Returns:
        Boxes as `objects`; a mask as `class_map`, whose values are those of `object_names`, 255 where nothing is said.

    Raises:
        AyolomError: The label cannot be used.
    """
    if task.planes:
        plane = task.read_plane(label_file, shape).mask
        return LabelledImage(image_file.name, shape, path=image_file, class_map=plane)
    objects = box_objects(*task.instances(task.read(label_file, shape)), task.spec.names, shape)
    return LabelledImage(image_file.name, shape, objects, path=image_file)


def box_objects(
    classes: np.ndarray,
    boxes: np.ndarray,
    polygons: Sequence[np.ndarray],
    names: Mapping[int, str],
    shape: tuple[int, int],
) -> tuple[LabelledObject, ...]:
    """Return objects from boxes.

    Args:
        classes: (N,) class ids.
        boxes: (N, 4) xywh (centre and size) in [0, 1].
        polygons: Outlines (K, 2) in [0, 1]; empty or N of them.
        names: Class name by class id.
        shape: (H, W) of the image in pixels.
    """
    scale = np.array((shape[1], shape[0]), np.float64)
    found = []
    for i, (number, box) in enumerate(zip(classes.tolist(), boxes.astype(np.float64), strict=True)):
        centre, size = box[:2] * scale, box[2:] * scale
        (x1, y1), (x2, y2) = (centre - size / 2).tolist(), (centre + size / 2).tolist()
        outline = (polygons[i].astype(np.float64) * scale,) if len(polygons) else ()
        found.append(LabelledObject(names[int(number)], outline, (x1, y1, x2, y2)))
    return tuple(found)


def region_objects(
    class_map: np.ndarray, names: Mapping[int, str], simplify: float = 0.0, as_mask: bool = False
) -> tuple[LabelledObject, ...]:
    """Return one object for each region of a mask: pixels of one class that share edges.

    Args:
        class_map: (H, W) uint8.
        names: Class name by pixel value; other values are no objects.
        simplify: How far outlines may leave the pixel edges, in pixels.
        as_mask: Whether objects get masks (H, W) bool instead of polygons.
    """
    found = []
    for value in np.flatnonzero(np.bincount(class_map.ravel(), minlength=256)).tolist():
        if value not in names:
            continue
        is_class = (class_map == value).astype(np.uint8)
        count, numbers, stats, _ = cv2.connectedComponentsWithStats(is_class, connectivity=4)
        for number in range(1, count):
            x, y, width, height = (int(side) for side in stats[number, :4])
            box = (float(x), float(y), float(x + width), float(y + height))
            if as_mask:
                found.append(LabelledObject(names[value], (), box, numbers == number))
                continue
            region = numbers[y : y + height, x : x + width] == number
            outline = region_polygon(region, simplify)
            found.append(LabelledObject(names[value], (outline + np.array((x, y)),), box))
    return tuple(found)


def objects_of(
    image: LabelledImage, names: Mapping[int, str], simplify: float = 0.0, as_mask: bool = False
) -> tuple[LabelledObject, ...]:
    """Return the objects of an image, those of a class map traced; arguments as for `region_objects`."""
    if image.class_map is None:
        return image.objects
    return region_objects(image.class_map, names, simplify, as_mask)
