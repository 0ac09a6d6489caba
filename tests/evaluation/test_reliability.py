"""Confidence against what comes true: worked by hand, and against scikit-learn's calibration curve."""

from __future__ import annotations

import numpy as np
import pytest

from ayolom.evaluation import BINS, Reliability


def test_worked_by_hand() -> None:
    counted = Reliability()
    counted.add(np.array([0.92, 0.94, 0.93, 0.91]), np.array([True, True, True, False]))  # 0.925 against 0.75
    counted.add(np.array([0.32, 0.34]), np.array([False, False]))  # 0.33 against 0
    assert counted.error() == pytest.approx((4 * 0.175 + 2 * 0.33) / 6)
    assert counted.error(0.5) == pytest.approx(0.175)
    assert counted.rows() == [
        {"from": 0.3, "to": 0.35, "count": 2, "confidence": 0.33, "right": 0.0},
        {"from": 0.9, "to": 0.95, "count": 4, "confidence": 0.925, "right": 0.75},
    ]


def test_an_edge_belongs_to_the_bin_below_and_0_to_the_first() -> None:
    counted = Reliability()
    counted.add(np.array([0.0, 0.05, 0.25, 1.0]), np.ones(4, bool))
    assert np.flatnonzero(counted.count).tolist() == [0, 4, BINS - 1]
    assert counted.count[0] == 2


def test_of_nothing_there_is_no_error() -> None:
    assert Reliability().error() is None
    assert Reliability().rows() == []


def test_what_is_right_as_often_as_it_is_sure_has_next_to_no_error() -> None:
    rng = np.random.default_rng(1)
    sure = rng.random(200_000)
    counted = Reliability()
    counted.add(sure, rng.random(len(sure)) < sure)
    assert counted.error() < 0.005


def test_bins_are_those_of_scikit_learn_and_parts_add_up() -> None:
    calibration = pytest.importorskip("sklearn.calibration")
    rng = np.random.default_rng(2)
    sure = rng.random(5000)
    right = rng.random(5000) < sure**2
    whole, half = Reliability(), Reliability()
    half.add(sure[:2000], right[:2000])
    whole.add(sure[2000:], right[2000:])
    whole += half
    frequency, confidence = calibration.calibration_curve(right, sure, n_bins=BINS)
    assert [row["right"] for row in whole.rows()] == pytest.approx(frequency, abs=1e-5)
    assert [row["confidence"] for row in whole.rows()] == pytest.approx(confidence, abs=1e-5)
