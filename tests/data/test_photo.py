"""Sharpness and brightness of pictures: against NumPy, over the whole and over a region."""

from __future__ import annotations

import numpy as np
import pytest

from ayolom.data.photo import brightness, sharpness, small_grey


@pytest.fixture
def grey() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)


def laplacian(grey: np.ndarray) -> np.ndarray:
    """Return what the four neighbours are brighter, the border mirrored about its own pixels."""
    wide = np.pad(grey.astype(float), 1, mode="reflect")
    return wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4 * wide[1:-1, 1:-1]


def test_sharpness_is_the_variance_of_the_laplacian(grey) -> None:
    assert sharpness(grey) == pytest.approx(laplacian(grey).var(), rel=1e-5)
    assert sharpness(np.zeros((0, 0), np.uint8)) == 0.0
    assert sharpness(np.full_like(grey, 77)) == 0.0


def test_a_region_counts_alone(grey) -> None:
    where = np.zeros_like(grey)
    where[5:20, 10:50] = 1
    assert sharpness(grey, where) == pytest.approx(laplacian(grey)[where > 0].var(), rel=1e-5)
    assert brightness(grey, where) == pytest.approx(grey[where > 0].mean())
    assert brightness(grey) == pytest.approx(grey.mean())


def test_only_large_pictures_are_made_smaller(grey) -> None:
    picture = np.repeat(grey[..., None], 3, 2)
    assert np.array_equal(small_grey(picture, 640), grey)
    assert small_grey(picture, 30).shape == (20, 30)
    assert small_grey(picture, 30).mean() == pytest.approx(grey.mean(), abs=1)
