"""Boxes of annotations: what is one, and what is none."""

from __future__ import annotations

from typing import Any

import pytest

from ayolom.data.convert._shapes import box_of


@pytest.mark.parametrize(
    ("values", "sized", "expected"),
    [
        pytest.param([1, 2, 3, 4], False, (1, 2, 3, 4), id="edges"),
        pytest.param([1, 2, 3, 4], True, (1, 2, 4, 6), id="size"),
        pytest.param(["1", "2.5", "3e1", " 4 "], False, (1, 2.5, 30, 4), id="text"),
        pytest.param([1, 2, 1, 2], False, (1, 2, 1, 2), id="no area"),
        pytest.param([3, 2, 1, 4], False, None, id="turned over"),
        pytest.param([1, 2, -1, 4], True, None, id="negative width"),
        pytest.param([1, 2, 3], False, None, id="three numbers"),
        pytest.param([1, 2, 3, 4, 5], False, None, id="five numbers"),
        pytest.param([1, 2, 3, "wide"], False, None, id="a word"),
        pytest.param([1, 2, 3, [4]], False, None, id="a list"),
        pytest.param([1, 2, 3, float("nan")], False, None, id="nan"),
        pytest.param([1, 2, float("inf"), 4], False, None, id="infinite"),
        pytest.param([1e308, 2, 1e308, 4], True, None, id="infinite edge"),
        pytest.param([1, 2, 10**400, 4], False, None, id="beyond floats"),
        pytest.param((entry["x"] for entry in ({"x": 1}, {})), False, None, id="missing key"),
    ],
)
def test_box_of_four_values(values: Any, sized: bool, expected: Any) -> None:
    assert box_of(values, sized) == expected
