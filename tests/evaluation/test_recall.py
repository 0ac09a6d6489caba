"""Recall at fixed precision: worked by hand, against scikit-learn, and as `conf=` would apply it."""

from __future__ import annotations

import numpy as np
import pytest

from ayolom.evaluation import Point, recall_at_precision

# Ten labels; detections in falling confidence, right or wrong, with the precision after each:
#   0.9 r 1/1   0.8 r 2/2   0.7 w 2/3   0.6 r 3/4   0.5 r 4/5   0.4 w 4/6   0.3 r 5/7   0.2 w 5/8
SURE = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
RIGHT = np.array([1, 1, 0, 1, 1, 0, 1, 0], bool)


@pytest.mark.parametrize(
    ("least", "recall", "precision", "threshold"),
    [
        pytest.param(1.0, 0.2, 1.0, 0.75, id="only the two on top"),
        pytest.param(0.8, 0.4, 0.8, 0.45, id="reached again below a dip"),
        pytest.param(0.7, 0.5, 5 / 7, 0.25, id="all that are right"),
        pytest.param(0.6, 0.5, 5 / 7, 0.25, id="no more false alarms than needed"),
    ],
)
def test_worked_by_hand(least, recall, precision, threshold) -> None:
    shuffled = np.random.default_rng(0).permutation(len(SURE))
    point = recall_at_precision(SURE[shuffled], RIGHT[shuffled], 10, least)
    assert vars(point) == pytest.approx({"recall": recall, "precision": precision, "threshold": threshold})
    assert point.reached


def test_a_precision_that_no_threshold_gives_is_said_not_to_be_reached() -> None:
    point = recall_at_precision(SURE, ~RIGHT, 10, 0.8)
    assert point == Point(0.0, 0.375, None)  # the highest: three of all eight
    assert not point.reached


def test_detections_of_equal_confidence_stand_and_fall_together() -> None:
    sure, right = np.array([0.9, 0.5, 0.5, 0.5]), np.array([True, True, False, False])
    assert recall_at_precision(sure, right, 2, 0.6).recall == 0.5  # not 1.0, of the first of the three
    assert recall_at_precision(sure, right, 2, 0.5).recall == 1.0


def test_without_labels_there_is_no_recall_and_without_detections_none_is_found() -> None:
    assert recall_at_precision(SURE, ~RIGHT, 0, 0.8) == Point(None)
    assert recall_at_precision(np.zeros(0), np.zeros(0, bool), 3, 0.8) == Point(0.0)


def test_where_all_are_kept_the_threshold_lies_above_what_was_looked_at() -> None:
    point = recall_at_precision(np.array([0.6, 0.4]), np.array([True, True]), 2, 0.8, floor=0.1)
    assert point.threshold == pytest.approx(0.25)


@pytest.mark.parametrize("least", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_point_of_scikit_learns_curve(seed, least) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    sure = rng.integers(1, 40, 200) / 40  # many are equal
    right = rng.random(200) < sure
    precision, recall, thresholds = metrics.precision_recall_curve(right, sure)
    point = recall_at_precision(sure, right, int(right.sum()), least)
    best = recall[:-1][precision[:-1] >= least].max()
    assert point.recall == pytest.approx(best)
    lowest = thresholds[(precision[:-1] >= least) & (recall[:-1] == best)].max()
    assert lowest - 1 / 40 < point.threshold < lowest
    kept = sure > point.threshold  # as `conf=` keeps boxes
    assert right[kept].mean() >= least
    assert right[kept].sum() / right.sum() == pytest.approx(point.recall)
