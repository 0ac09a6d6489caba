"""What several commands share: files that were not used, and options of a model's prediction."""

from __future__ import annotations

from typing import Any

import pytest

from ayolom.commands._prediction import sides, thresholds, tile_side
from ayolom.commands._unused import SHOWN, unused


@pytest.mark.parametrize(("count", "lines"), [(0, 0), (1, 1), (SHOWN, SHOWN), (SHOWN + 1, SHOWN + 1), (99, SHOWN + 1)])
def test_unused_files_are_named_up_to_a_number(count: int, lines: int) -> None:
    found = unused([f"{i}.jpg: is damaged" for i in range(count)], indent="  ")
    assert len(found) == lines
    assert all(line.startswith("  ") for line in found)
    assert found[:1] == ["  not used: 0.jpg: is damaged"][: len(found)]
    more = "".join(found[SHOWN:])
    assert more == (f"  ... and {count - SHOWN} more files; yolo data check names them all" if count > SHOWN else "")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0.4, 0.4),
        (1, 1.0),
        ("{damage: 0.4, parts: 1}", {"damage": 0.4, "parts": 1.0}),
        ({"damage": 0}, {"damage": 0.0}),
    ],
    ids=str,
)
def test_thresholds(given: Any, expected: Any) -> None:
    assert thresholds(given) == expected


@pytest.mark.parametrize("given", [1.5, -0.1, "high", "{damage: 2}", "{damage", True], ids=str)
def test_no_thresholds(given: Any) -> None:
    with pytest.raises(ValueError, match="must be a number"):
        thresholds(given)


@pytest.mark.parametrize(
    ("given", "expected"), [(640, 640), ("640", [640]), ("384,672", [384, 672]), ([384, 672], [384, 672])], ids=str
)
def test_sides(given: Any, expected: Any) -> None:
    assert sides(given) == expected


@pytest.mark.parametrize("given", ["384,672,3", "wide", "", 0, [384, "x"]], ids=repr)
def test_no_sides(given: Any) -> None:
    with pytest.raises(ValueError, match="must be a"):
        sides(given)


@pytest.mark.parametrize(("given", "expected"), [(0, 0), (32, 32), (640, 640)], ids=repr)
def test_tile_side(given: Any, expected: int) -> None:
    assert tile_side(given) == expected


@pytest.mark.parametrize("given", [31, 1, -640, "wide", 0.5, True], ids=repr)
def test_no_tile_side(given: Any) -> None:
    with pytest.raises(ValueError, match="must be a whole number"):
        tile_side(given)
