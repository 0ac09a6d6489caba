"""The script that draws validation images anew: what it scores, and what it refuses."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from types import ModuleType

FILE = Path(__file__).resolve().parent.parent / "scripts" / "bootstrap_boxes.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap_boxes", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def image(right: list[bool], sure: list[float], labels: int = 1) -> tuple[np.ndarray, ...]:
    """Return what was found on an image: boxes of class 0, right or wrong at every IoU threshold."""
    tp = np.repeat(np.array(right, bool)[:, None], 10, axis=1)
    return tp, np.array(sure), np.zeros(len(right)), np.zeros(labels)


def test_all_right_is_one_and_half_found_is_half(script) -> None:
    """The base interpolates precision over 101 recalls; with one of two labels found, 50 and a half of them count."""
    right, wrong = image([True], [0.9]), image([False], [0.1])
    assert script.score({"a": right, "b": right}, ["a", "b"]) == pytest.approx(0.995, abs=0.001)
    assert script.score({"a": right, "b": wrong}, ["a", "b"]) == pytest.approx(0.5, abs=0.01)
    assert script.score({"a": right, "b": wrong}, ["a", "a"]) == pytest.approx(0.995, abs=0.001)


def test_a_detector_gains_nothing_over_itself(script) -> None:
    found = {f"{i}.jpg": image([i % 3 > 0, i % 5 > 0], [0.9, 0.3 + 0.01 * i], labels=2) for i in range(20)}
    assert not script.draw_gains(found, found, draws=20, seed=0).any()


def test_draws_are_paired_and_repeatable(script) -> None:
    """A detector that is better on every image is better in every draw."""
    better = {f"{i}.jpg": image([True, i % 4 == 0], [0.9, 0.2], labels=2) for i in range(20)}
    worse = {name: (rows[0] & (np.arange(2)[:, None] > 0), *rows[1:]) for name, rows in better.items()}
    gains = script.draw_gains(better, worse, draws=20, seed=1)
    assert (gains > 0).all()
    assert (gains == script.draw_gains(better, worse, draws=20, seed=1)).all()
    assert len(set(gains)) > 1


def test_other_labels_are_refused(script) -> None:
    with pytest.raises(SystemExit, match="other validation images or labels"):
        script.same_images({"a": image([True], [0.9])}, {"a": image([True], [0.9], labels=2)})
