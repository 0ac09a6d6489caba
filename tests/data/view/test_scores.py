"""Scores of one image, against numbers worked by hand and scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest

from ayolom.data.view import Findings, box_f1, map_iou, score

LEFT, RIGHT = [0, 0, 0.5, 1], [0.5, 0, 1, 1]


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 6)


@pytest.mark.parametrize(
    ("label", "predicted", "expected"),
    [
        pytest.param(boxes(), boxes(), 1.0, id="nothing-and-nothing"),
        pytest.param(boxes(), boxes([*LEFT, 0.9, 0]), 0.0, id="false-alarm"),
        pytest.param(boxes([*LEFT, 1, 0]), boxes(), 0.0, id="missed"),
        pytest.param(boxes([*LEFT, 1, 0]), boxes([*LEFT, 0.9, 0]), 1.0, id="found"),
        pytest.param(boxes([*LEFT, 1, 0]), boxes([*LEFT, 0.9, 1]), 0.0, id="wrong-class"),
        pytest.param(boxes([*LEFT, 1, 0], [*RIGHT, 1, 0]), boxes([*LEFT, 0.9, 0]), 2 / 3, id="one-of-two"),
        pytest.param(boxes([*LEFT, 1, 0]), boxes([*LEFT, 0.9, 0], [*LEFT, 0.8, 0]), 2 / 3, id="found-twice"),
        pytest.param(boxes([*LEFT, 1, 0]), boxes([0, 0, 0.25, 1, 0.9, 0]), 1.0, id="overlap-of-exactly-half"),
        pytest.param(boxes([*LEFT, 1, 0]), boxes([0, 0, 0.24, 1, 0.9, 0]), 0.0, id="overlap-below-half"),
        pytest.param(boxes([0, 0, 1e-4, 1e-4, 1, 0]), boxes([0, 0, 1e-4, 1e-4, 0.9, 0]), 1.0, id="very-small"),
        pytest.param(boxes([0, 0, 0, 0, 1, 0]), boxes([0, 0, 0, 0, 0.9, 0]), 0.0, id="no-area"),
    ],
)
def test_boxes_by_f1(label, predicted, expected):
    assert box_f1(label, predicted) == pytest.approx(expected)


def test_the_confident_box_chooses_first():
    label = boxes([0, 0, 0.5, 1, 1, 0], [0.2, 0, 0.7, 1, 1, 0])
    predicted = boxes([0, 0, 0.5, 1, 0.3, 0], [0.05, 0, 0.55, 1, 0.9, 0])
    # The second takes the first label (0.82 against 0.54); the first is left with 0.43 of the other.
    assert box_f1(label, predicted) == pytest.approx(0.5)


def test_maps_by_mean_iou_as_scikit_learn_counts_it():
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(0)
    label = generator.integers(0, 4, (20, 30)).astype(np.uint8)
    predicted = generator.integers(0, 4, (20, 30)).astype(np.uint8)
    expected = metrics.jaccard_score(label.ravel(), predicted.ravel(), average="macro")
    assert map_iou(label, predicted) == pytest.approx(expected)


def test_maps_leave_ignored_pixels_out_and_count_unsaid_ones_as_wrong():
    label = np.array([[0, 1], [255, 255]], np.uint8)
    assert map_iou(label, np.array([[0, 1], [1, 0]], np.uint8)) == 1.0
    assert map_iou(label, np.array([[0, 255], [1, 0]], np.uint8)) == 0.5
    assert map_iou(np.full((2, 2), 255, np.uint8), label) is None


def test_a_smaller_map_is_compared_at_the_size_of_the_label():
    label = np.kron(np.array([[0, 1], [2, 3]], np.uint8), np.ones((4, 4), np.uint8))
    assert map_iou(label, np.array([[0, 1], [2, 3]], np.uint8)) == 1.0


def test_boxes_and_maps_are_not_compared():
    assert score(Findings(boxes=boxes()), Findings(class_map=np.zeros((2, 2), np.uint8))) is None
    assert score(Findings(boxes=boxes()), Findings()) is None
