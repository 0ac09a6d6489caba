"""Which classes are each other's mirror image."""

from __future__ import annotations

import pytest

from ayolom.data.flip_pairs import derive, parse
from ayolom.errors import AyolomError

NAMES = {0: "hood", 1: "left_door", 2: "right_door", 3: "driver", 4: "passenger"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["front_left_door", "front_right_door"], ((0, 1),), id="word in the middle"),
        pytest.param(["right mirror", "x", "left mirror"], ((0, 2),), id="right first"),
        pytest.param(["Left-Light", "Right-Light"], ((0, 1),), id="capital"),
        pytest.param(["LEFT_LAMP", "RIGHT_LAMP"], ((0, 1),), id="capitals"),
        pytest.param(["FrontLeftDoor", "FrontRightDoor"], ((0, 1),), id="camel case"),
        pytest.param(["frontLeft", "frontRight"], ((0, 1),), id="camel case at the end"),
        pytest.param(["좌측 도어", "우측 도어", "보닛"], ((0, 1),), id="korean"),
        pytest.param(["left_of_right_lamp", "right_of_left_lamp"], ((0, 1),), id="both words"),
        pytest.param(["a_left", "a_right", "b_left", "b_right"], ((0, 1), (2, 3)), id="two pairs"),
        pytest.param(["Front fender(R)", "Bonnet", "Front fender(L)", "A pillar(L)"], ((0, 2),), id="in brackets"),
        pytest.param(["문 (좌)", "문 (우)"], ((0, 1),), id="korean in brackets"),
        pytest.param(["L", "R", "size_l", "size_r"], (), id="letters"),
        pytest.param(["left_door", "hood"], (), id="no counterpart"),
        pytest.param(["bleft_x", "bright_x"], (), id="part of a word"),
        pytest.param(["leftover", "rightover"], (), id="begins a word"),
        pytest.param(["copyleft", "copyright"], (), id="ends a word"),
    ],
)
def test_pairs_are_read_off_names(names, expected):
    assert derive(dict(enumerate(names))) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(None, ((1, 2),), id="absent"),
        pytest.param(False, (), id="false"),
        pytest.param([], (), id="empty"),
        pytest.param([["driver", "passenger"]], ((3, 4),), id="names"),
        pytest.param([[3, 4], ["left_door", 2]], ((3, 4), (1, 2)), id="ids and names"),
    ],
)
def test_pairs_as_given(given, expected):
    assert parse(given, NAMES, "data.yaml") == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param("left_door", "must be false or a list of pairs", id="a word"),
        pytest.param([["left_door"]], "must be false or a list of pairs", id="one of a pair"),
        pytest.param([["left_dor", "right_door"]], "no such class 'left_dor'. Did you mean 'left_door'", id="typo"),
        pytest.param([[1, 9]], "no such class '9'", id="id beyond"),
        pytest.param([[1, 2], [2, 3]], "right_door stands in it more than once", id="twice"),
        pytest.param([[1, 1]], "left_door stands in it more than once", id="itself"),
    ],
)
def test_wrong_pairs_are_refused(given, message):
    with pytest.raises(AyolomError, match=f"data.yaml: {message}"):
        parse(given, NAMES, "data.yaml")
