"""How often images with rare classes are seen."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ayolom.config import make_settings
from ayolom.data.class_sampling import class_factors, image_factors, whole_copies
from ayolom.errors import AyolomError


def test_factors_of_classes_by_hand() -> None:
    """Of 16 images all hold the first class, one the second, four the third, none the fourth."""
    present = np.zeros((16, 4), bool)
    present[:, 0], present[:1, 1], present[:4, 2] = True, True, True
    assert class_factors(present, 0.25).tolist() == [1.0, 2.0, 1.0, 1.0]
    assert class_factors(present, 1.0).tolist() == [1.0, 4.0, 2.0, 1.0]
    assert image_factors(present, np.array([1.0, 4.0, 2.0, 1.0])).tolist() == [4.0, 2.0, 2.0, 2.0, *[1.0] * 12]


def test_no_images_and_images_without_classes() -> None:
    assert class_factors(np.zeros((0, 2), bool), 0.5).tolist() == [1.0, 1.0]
    assert image_factors(np.zeros((3, 2), bool), np.array([4.0, 4.0])).tolist() == [1.0, 1.0, 1.0]


def test_copies_keep_to_the_factors() -> None:
    factors = 1 + 3 * np.random.default_rng(0).random(500)
    copies = whole_copies(factors)
    assert copies.min() >= 1
    assert np.abs(np.cumsum(copies) - np.cumsum(factors)).max() <= 0.5 + 1e-9
    assert set((copies - np.floor(factors)).tolist()) <= {0, 1}


@pytest.fixture
def one_rare(folder):
    """Nine images with boxes and masks; one has a scratch and a door, another a scratch alone, which is no mask's."""
    for i in range(9):
        folder.image(f"a{i}")
        folder.boxes(f"a{i}", "0 0.5 0.5 0.4 0.4\n" + ("1 0.5 0.5 0.2 0.2\n" if i == 4 else ""))
        mask = np.zeros((40, 60))
        mask[:, :30] = i == 7
        folder.mask(f"a{i}", mask)
    return folder


def seen(data) -> Counter[str]:
    return Counter(Path(file).stem for file in data.im_files)


def test_images_with_a_rare_class_stand_more_often(one_rare, build) -> None:
    plain = build()
    for given, often in (
        ({"damage": 1.0}, {"a4": 3}),
        ({"parts": 1.0}, {"a7": 3}),
        ({"damage": 1.0, "parts": 1.0}, {"a4": 3, "a7": 3}),
        ({"damage": 0.1}, {}),
    ):
        data = build(class_sampling=given)
        assert seen(data) == {f"a{i}": 1 for i in range(9)} | often
    assert seen(plain) == {f"a{i}": 1 for i in range(9)}


def test_weights_of_folders_multiply(one_rare, build) -> None:
    assert seen(build(class_sampling={"damage": 1.0}, folder_weights={"images/train": 2.0}))["a4"] == 3
    one_rare.image("b/c")
    one_rare.boxes("b/c", "0 0.5 0.5 0.4 0.4\n")
    often = seen(build(class_sampling={"damage": 1.0}, folder_weights={"b": 0.5}))
    assert (often["a4"], often["a0"], often["c"]) == (6, 2, 1)


def test_unknown_task(one_rare, build) -> None:
    with pytest.raises(AyolomError, match=r"class_sampling: no task 'damages' in the data. Did you mean 'damage'"):
        build(class_sampling={"damages": 0.5})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"damage": 0}, "damage: must be a number over 0"),
        ({"damage": 1.5}, "damage: must be a share of the images"),
        (0.5, "must be a mapping from task to value"),
    ],
    ids=["zero", "over one", "no mapping"],
)
def test_wrong_shares(given: object, message: str) -> None:
    with pytest.raises(AyolomError, match=f"class_sampling.*{message}"):
        make_settings({"class_sampling": given})
