"""Boxes with labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ayolom.draw._canvas import blend, canvas, fill, stroke, text_size
from ayolom.draw._colors import box_color, text_color
from ayolom.draw._placement import place_labels
from ayolom.draw._text import Typeface

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ayolom.draw._colors import Color


def draw_boxes(
    image: np.ndarray,
    boxes: np.ndarray,
    classes: np.ndarray,
    scores: np.ndarray | None,
    names: Mapping[int, str],
    *,
    ids: np.ndarray | None = None,
    line_width: int | None = None,
    show_labels: bool = True,
    show_conf: bool = True,
) -> np.ndarray:
    """Draw boxes in the colours of their classes, and beside each its track id, name and confidence.

    The labels of confident boxes choose their place first; labels stay inside the image and off one another where
    there is room.

    Args:
        image: (H, W, 3) uint8 BGR; drawn on in place where its memory allows.
        boxes: (N, 4) xyxy in pixels of the image. A row that holds NaN or infinity is left out.
        classes: (N,) class ids.
        scores: (N,) confidences in [0, 1], or None.
        names: Class names by class id; an id without a name is written as a number.
        ids: (N,) track ids, or None.
        line_width: Width of the lines in pixels; None follows the size of the image.
        show_labels: Whether to write names and track ids.
        show_conf: Whether to write confidences.

    Returns:
        The drawn image.
    """
    image = canvas(image)
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    order = np.flatnonzero(np.isfinite(boxes).all(1))
    if scores is not None:
        order = order[np.argsort(-np.asarray(scores)[order], kind="stable")]
    boxes = _inside(boxes[order], image.shape[:2])
    classes = np.asarray(classes).astype(np.int64)[order]
    colors = [box_color(class_id) for class_id in classes]
    width = max(1, int(line_width or stroke(image)))
    _outline(image, boxes, colors, width)
    confidences = np.asarray(scores)[order] if scores is not None and show_conf else None
    tracks = np.asarray(ids)[order] if ids is not None else None
    if show_labels:
        outer = boxes + np.array([-1, -1, 1, 1]) * (width // 2)
        typeface = Typeface(names.values(), text_size(image))
        _label(image, outer, _texts(classes, names, confidences, tracks), colors, typeface)
    return image


def _inside(boxes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return boxes cut at the image's borders, whole pixels, so that the line of a border is still seen."""
    limits = np.array([shape[1], shape[0]] * 2) - 1
    return np.clip(np.rint(boxes), 0, limits).astype(np.int64)


def _outline(image: np.ndarray, boxes: np.ndarray, colors: list[Color], width: int) -> None:
    """Draw rectangles, the most confident last; a dark rim keeps them apart from tinted regions and bright paint."""
    rim = max(1, width // 3)
    for box, color in zip(boxes[::-1].tolist(), colors[::-1], strict=True):
        first, last = box[:2], box[2:]
        cv2.rectangle(image, first, last, (24, 24, 24), width + 2 * rim)
        cv2.rectangle(image, first, last, color, width)


def _texts(
    classes: np.ndarray, names: Mapping[int, str], scores: np.ndarray | None, ids: np.ndarray | None
) -> list[str]:
    """Return "#track name confidence" for each box, without what is not known."""
    texts = [names.get(class_id, str(class_id)) for class_id in classes.tolist()]
    if ids is not None:
        texts = [f"#{int(track)} {text}" for track, text in zip(ids, texts, strict=True)]
    if scores is not None:
        texts = [f"{text}{_gap(text)}{score:.2f}" for text, score in zip(texts, scores, strict=True)]
    return texts


def _gap(text: str) -> str:
    """Return the space between name and number: two where the script, as Hangul, has a narrow one."""
    return " " if text.isascii() else "  "


def _label(image: np.ndarray, boxes: np.ndarray, texts: list[str], colors: list[Color], typeface: Typeface) -> None:
    """Write a label on a plate for each box, the most confident last."""
    if not texts:
        return
    height, width = image.shape[:2]
    margin = max(2, round(typeface.size / 3))
    texts = [typeface.shorten(text, width - 2 * margin) for text in texts]
    masks = [typeface.mask(text) for text in texts]
    sizes = np.array([mask.shape[::-1] for mask in masks]) + 2 * np.array([margin, max(1, margin // 2)])
    plates = place_labels(boxes, np.minimum(sizes, (width, height)), (height, width))
    for mask, plate, color in list(zip(masks, plates.tolist(), colors, strict=True))[::-1]:
        fill(image, tuple(plate), color)
        blend(image, mask, (plate[0] + margin, plate[1] + max(1, margin // 2)), text_color(color))
