"""Shared by the tests of drawings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ayolom.draw import _legend, find_font

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_kept_legends() -> None:
    """Forget the legends that were drawn before."""
    _legend._plate.cache_clear()
    _legend._line.cache_clear()


@pytest.fixture
def grey() -> np.ndarray:
    """A plain image of 480 rows and 640 columns."""
    return np.full((480, 640, 3), 128, np.uint8)


@pytest.fixture
def hangul_font() -> Path:
    """A font that writes Korean."""
    font = find_font("한글")
    if font is None:
        pytest.skip("no font for Korean is installed; the extra `fonts` brings one")
    return font
