"""Weights of classes and of folders, as a user gives them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ayolom.config import make_settings
from ayolom.data.class_weights import given_weights
from ayolom.data.folder_weights import repeated
from ayolom.errors import AyolomError
from ayolom.tasks import make_task
from ayolom.tasks.base import TaskSpec

ROOT = Path("/data")
FILES = [
    f"/data/images/{folder}/{split}/{i}.jpg" for folder in ("a", "b") for split in ("train", "val") for i in range(4)
]
PARTS = make_task(TaskSpec("parts", "semantic", {0: "background", 1: "hood", 2: "roof"}))


def times(weights: dict[str, float]) -> Counter[str]:
    """How often each file stands in the list."""
    return Counter(repeated(FILES, str, ROOT, weights))


# Folders --------------------------------------------------------------------------------------------------------------
def test_no_weights_change_nothing() -> None:
    assert repeated(FILES, str, ROOT, {}) == FILES


@pytest.mark.parametrize("name", ["b", "images/b"])
def test_a_folder_is_seen_as_often_as_it_weighs(name: str) -> None:
    found = times({name: 2})
    assert {found[file] for file in FILES if "/b/" in file} == {2}
    assert {found[file] for file in FILES if "/a/" in file} == {1}


def test_a_fraction_is_spread_evenly() -> None:
    found = times({"b": 1.5})
    assert sorted(found[file] for file in FILES if "/b/" in file) == [1, 1, 1, 1, 2, 2, 2, 2]


def test_weights_count_against_the_smallest() -> None:
    assert times({"a": 0.5, "b": 1.0}) == times({"b": 2})


def test_the_longest_folder_counts() -> None:
    found = times({"b": 3, "b/val": 1})
    assert {found[file] for file in FILES if "/b/val/" in file} == {1}
    assert {found[file] for file in FILES if "/b/train/" in file} == {3}


def test_a_folder_without_images_is_named_with_those_that_have_some() -> None:
    with pytest.raises(AyolomError, match=r"'c' holds no image; images lie in images/a/train, images/a/val"):
        times({"c": 2})


def test_a_part_of_a_name_is_no_folder() -> None:
    with pytest.raises(AyolomError, match="holds no image"):
        times({"mages/b": 2})


def test_weights_far_apart_are_refused() -> None:
    with pytest.raises(AyolomError, match="more than 100 times"):
        times({"b": 101})


# Classes --------------------------------------------------------------------------------------------------------------
def test_classes_are_weighed_by_name() -> None:
    found = given_weights({"parts": {"roof": 2.5}}, [PARTS])
    assert list(found) == ["parts"]
    np.testing.assert_array_equal(found["parts"], [1.0, 1.0, 2.5])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"part": {}}, "no task 'part' in the data. Did you mean 'parts'"),
        ({"parts": {"rof": 1}}, "parts: no class 'rof'. Did you mean 'roof'"),
        ({"parts": {"roof": -1}}, "must be a number from 0"),
        ({"parts": {"roof": float("nan")}}, "must be a number from 0"),
        ({"parts": {"background": 0, "hood": 0, "roof": 0}}, "every class weighs 0"),
        ({"parts": 2.0}, "must be weights by class name"),
    ],
    ids=["task", "class", "negative", "nan", "all zero", "no mapping"],
)
def test_wrong_class_weights(given: dict, message: str) -> None:
    with pytest.raises(AyolomError, match=message):
        given_weights(given, [PARTS])


# From a file ----------------------------------------------------------------------------------------------------------
def test_both_come_from_the_file_of_the_statistics(tmp_path: Path) -> None:
    file = tmp_path / "weights.yaml"
    file.write_text("class_weights: {parts: {roof: 2.5}}\nfolder_weights: {images/b: 2}\n")
    settings = make_settings({"class_weights": str(file), "folder_weights": str(file)})
    assert settings.class_weights == {"parts": {"roof": 2.5}}
    assert settings.folder_weights == {"images/b": 2}


def test_a_file_without_the_key(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("class_weights: {}\n")
    with pytest.raises(AyolomError, match="has no key 'folder_weights'; yolo data stats"):
        make_settings({"folder_weights": str(tmp_path / "w.yaml")})


@pytest.mark.parametrize("weight", [0, -1, "much", float("inf"), True], ids=str)
def test_wrong_folder_weights(weight: object) -> None:
    with pytest.raises(AyolomError, match="folder_weights: b: must be a number over 0"):
        make_settings({"folder_weights": {"b": weight}})
