"""What `yolo val` says of boxes beyond the base's metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ultralytics.utils import ops
from ultralytics.utils.metrics import ap_per_class, box_iou

from ayolom.evaluation import AREAS, Point, Reliability, fit_temperature, match_within, recall_at_precision
from ayolom.tasks.study import CONDITIONS, Study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ayolom.tasks.base import Task

LEAST = 1e-7  # distance of a score from 0 and 1 at which its logit is taken


class DetectStudy(Study):
    """Recall at fixed precision, calibration and slices of boxes; a box is right at an IoU of 0.5.

    The base's validator keeps all boxes anyway; with `slices` four more bytes are kept for each box and size.

    Attributes:
        everything: The point of all classes together, under one threshold.
        classes: The point of each class that has labels, by id.
    """

    support = "Instances"
    things = "boxes"
    shown = 0.25

    def __init__(self, task: Task, settings: Any) -> None:
        """Prepare (see `Study`)."""
        super().__init__(task, settings)
        self.everything = Point(None)
        self.classes: dict[int, Point] = {}
        self._conditions: list[frozenset[str]] = []  # of each image, in the order of the base's lists
        self._label_areas: list[np.ndarray] = []
        self._matches: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in AREAS}

    # Looking on -------------------------------------------------------------------------------------------------------
    def update(
        self, validator: Any, raw: Any, found: Any, batch: dict[str, Any], conditions: Sequence[frozenset[str]]
    ) -> None:
        """Match the boxes of each image to labels of each size, where slices are asked for."""
        if not self.settings.slices:
            return
        self._conditions += conditions
        for i, predicted in enumerate(found):
            labels = validator._prepare_batch(i, batch)
            iou = box_iou(labels["bboxes"], predicted["bboxes"]) * (labels["cls"][:, None] == predicted["cls"])
            label_areas, areas = _areas(labels["bboxes"], labels), _areas(predicted["bboxes"], labels)
            self._label_areas.append(label_areas)
            for name, limits in AREAS.items():
                match = match_within(iou.cpu().numpy(), label_areas, areas, limits, validator.iouv.cpu().numpy())
                self._matches[name].append((np.packbits(match[0], axis=1), np.packbits(match[1], axis=1)))

    def __iadd__(self, other: DetectStudy) -> DetectStudy:
        """Take in what the study of another process saw."""
        self._conditions += other._conditions
        self._label_areas += other._label_areas
        for name, matches in other._matches.items():
            self._matches[name] += matches
        return self

    # Results ----------------------------------------------------------------------------------------------------------
    def finish(self, validator: Any) -> None:
        """Compute points, calibration and slices from what the base gathered."""
        stats = {key: np.concatenate(values) for key, values in validator.metrics.stats.items() if values}
        if not stats:
            return
        right, sure = stats["tp"][:, 0].astype(bool), stats["conf"]
        self._find_points(right, sure, stats["pred_cls"], stats["target_cls"], float(validator.args.conf))
        self.reliability.add(sure, right)
        if self.settings.calibrate:
            self._fit(right, sure)
        if self.settings.slices:
            self._fill_slices(validator)

    def _find_points(
        self, right: np.ndarray, sure: np.ndarray, found: np.ndarray, labels: np.ndarray, floor: float
    ) -> None:
        """Find the point of all classes and of each class with labels."""
        least = self.settings.min_precision
        self.everything = recall_at_precision(sure, right, len(labels), least, floor)
        for index, count in zip(*np.unique(labels, return_counts=True), strict=True):
            own = found == index
            self.classes[int(index)] = recall_at_precision(sure[own], right[own], int(count), least, floor)

    def _fit(self, right: np.ndarray, sure: np.ndarray) -> None:
        """Fit the temperature T of sigmoid(logit / T) to whether boxes are right."""
        score = torch.as_tensor(sure, dtype=torch.float64).clamp(LEAST, 1 - LEAST)
        logits = score.logit()[:, None]
        self.temperature = fit_temperature(logits, torch.as_tensor(right).long())
        if self.temperature is not None:
            self.calibrated = Reliability()
            self.calibrated.add((logits[:, 0] / self.temperature).sigmoid().numpy(), right)

    # Slices -----------------------------------------------------------------------------------------------------------
    def _fill_slices(self, validator: Any) -> None:
        """Score all images, those of each condition, and the labels of each size."""
        stats, ious, floor = validator.metrics.stats, validator.iouv.numel(), float(validator.args.conf)
        keys = ("conf", "pred_cls", "target_cls")
        for name in ("all", *CONDITIONS):
            images = [i for i, held in enumerate(self._conditions) if name == "all" or name in held]
            sure, found, labels = ([stats[key][i] for i in images] for key in keys)
            right = [stats["tp"][i] for i in images]
            row = _scores(right, [np.zeros_like(one) for one in right], sure, found, labels, floor, self._least)
            self.slices.append({"slice": name, "Images": len(images), "Instances": sum(map(len, labels)), **row})
        for name, (low, high) in AREAS.items():
            right, aside = (
                [np.unpackbits(bits[k], axis=1, count=ious).astype(bool) for bits in self._matches[name]]
                for k in (0, 1)
            )
            inside = [(areas >= low) & (areas <= high) for areas in self._label_areas]
            labels = [classes[own] for classes, own in zip(stats["target_cls"], inside, strict=True)]
            row = _scores(right, aside, stats["conf"], stats["pred_cls"], labels, floor, self._least)
            holding = sum(bool(len(one)) for one in labels)
            self.slices.append({"slice": name, "Images": holding, "Instances": sum(map(len, labels)), **row})

    @property
    def _least(self) -> float:
        """The precision that is asked for."""
        return self.settings.min_precision

    # What is told -----------------------------------------------------------------------------------------------------
    def numbers(self) -> dict[str, float]:
        """Return recall at the asked precision, 0.0 where it is not reached, and the calibration error."""
        own = {} if self.everything.recall is None else {recall_name(self._least): self.everything.recall}
        return {**own, **super().numbers()}

    def class_columns(self, index: int) -> dict[str, Any]:
        """Return recall at the asked precision and the threshold that gives it, None where it is not reached."""
        point = self.classes.get(index, Point(None))
        return {f"R@P{100 * self._least:g}": point.recall, "conf": point.threshold}

    def to_dict(self) -> dict[str, Any]:
        """Return the results as plain data."""
        names = self.task.spec.names
        classes = {names[index]: _as_dict(point) for index, point in self.classes.items()}
        told = {"all": _as_dict(self.everything), "classes": classes}
        return {"min_precision": self._least, recall_name(self._least): told, **super().to_dict()}

    def lines(self, verbose: bool) -> list[str]:
        """Return the results for the log."""
        names, points = self.task.spec.names, [("all, one threshold", self.everything)]
        points += [(names[index], point) for index, point in self.classes.items()] if verbose and len(names) > 1 else []
        told = [f"{name:>22s}  {_said(point)}" for name, point in points if point.recall is not None]
        heading = [f"{self.task.name}: recall at a precision of {self._least:g} or more, IoU 0.5"] if told else []
        return [*heading, *told, *super().lines(verbose)]


def recall_name(least: float) -> str:
    """Return the name of the metric.

    >>> recall_name(0.8), recall_name(0.875)
    ('recall_at_p80', 'recall_at_p87.5')
    """
    return f"recall_at_p{100 * least:g}"


def _as_dict(point: Point) -> dict[str, Any]:
    """Return a point as plain data."""
    return {**vars(point), "reached": point.reached}


def _said(point: Point) -> str:
    """Return a point in words."""
    if point.reached:
        return f"{point.recall:.3f}  with conf={point.threshold:.4f}"
    best = "no boxes" if point.precision is None else f"the highest precision is {point.precision:.3f}"
    return f"not reached ({best})"


def _areas(boxes: torch.Tensor, image: dict[str, Any]) -> np.ndarray:
    """Return (N,) float, areas in the original image of boxes (N, 4) xyxy in pixels of the network's input."""
    if not len(boxes):
        return np.zeros(0)
    own = ops.scale_boxes(image["imgsz"], boxes.clone(), image["ori_shape"], image["ratio_pad"])
    return ((own[:, 2] - own[:, 0]) * (own[:, 3] - own[:, 1])).cpu().numpy().astype(np.float64)


def _scores(
    right: list[np.ndarray],
    aside: list[np.ndarray],
    sure: list[np.ndarray],
    found: list[np.ndarray],
    labels: list[np.ndarray],
    floor: float,
    least: float,
) -> dict[str, float | None]:
    """Return mAP50, mAP50-95 and recall at a precision of some images.

    Args:
        right: For each image (D, T) bool, whether a box is right at each IoU.
        aside: For each image (D, T) bool, whether it does not count.
        sure: For each image (D,) confidences.
        found: For each image (D,) classes of the boxes.
        labels: For each image (G,) classes of the labels that count.
        floor: Confidence down to which boxes were looked at.
        least: The precision.
    """
    names = ("mAP50", "mAP50-95", recall_name(least))
    if not sum(map(len, labels)):
        return dict.fromkeys(names)
    right_, aside_, sure_, found_, labels_ = (np.concatenate(one) for one in (right, aside, sure, found, labels))
    aside_ = aside_.astype(bool)
    means = []
    for t in range(right_.shape[1]):
        own = ~aside_[:, t]
        means.append(float(ap_per_class(right_[own, t : t + 1], sure_[own], found_[own], labels_)[5].mean()))
    own = ~aside_[:, 0]
    point = recall_at_precision(sure_[own], right_[own, 0].astype(bool), len(labels_), least, floor)
    return dict(zip(names, (means[0], float(np.mean(means)), point.recall), strict=True))
