"""Left and right exchanged: cars drawn as rows of parts, and the known mistakes of a real set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ayolom.data.check._sides import SideModel
from ayolom.data.flip_pairs import derive

NAMES = ["hood", "trunk", "left_lamp", "right_lamp", "left_door", "right_door", "left_mirror", "right_mirror"]
# What is seen from each side, from the left of the image to its right; a mirror shows on the side of its car.
VIEWS = {
    "front": ["right_mirror", "right_lamp", "hood", "left_lamp", "left_mirror"],
    "back": ["left_mirror", "trunk", "right_mirror"],
    "left": ["left_lamp", "hood", "left_mirror", "left_door", "trunk"],
    "right": ["trunk", "right_door", "right_mirror", "hood", "right_lamp"],
}
PAIRS = derive(dict(enumerate(NAMES)))

Image = tuple[np.ndarray, np.ndarray]


def image(view: str, random: np.random.Generator, **changed: str) -> Image:
    """Return class ids and places of the parts of a view; some parts are hidden, some labelled as others."""
    parts = [part for part in VIEWS[view] if part in changed or random.random() > 0.2]
    classes = np.array([NAMES.index(changed.get(part, part)) for part in parts], np.int64)
    return classes, np.sort(random.random(len(parts)))


def judged(images: list[Image]) -> list[tuple[int, list[str], bool]]:
    """Return (number, names of the first of each suspect pair, together) of the suspect images."""
    model = SideModel(len(NAMES), PAIRS)
    for one in images:
        model.add(*one)
    found = [(number, model.judge(*one)) for number, one in enumerate(images)]
    return [(number, [NAMES[a] for a, _ in one.pairs], one.together) for number, one in found if one]


@pytest.fixture
def images() -> list[Image]:
    """Two hundred cars, seen from every side."""
    random = np.random.default_rng(0)
    return [image(list(VIEWS)[number % 4], random) for number in range(200)]


def test_right_labels_are_not_suspect(images: list[Image]) -> None:
    assert judged(images) == []


@pytest.mark.parametrize(
    ("view", "changed", "pair"),
    [
        ("left", {"left_door": "right_door", "hood": "hood", "left_lamp": "left_lamp"}, "left_door"),
        ("front", {"left_lamp": "right_lamp", "right_lamp": "left_lamp", "hood": "hood"}, "left_lamp"),
        ("back", {"left_mirror": "right_mirror", "right_mirror": "left_mirror", "trunk": "trunk"}, "left_mirror"),
        ("right", {"right_mirror": "left_mirror", "right_door": "right_door", "hood": "hood"}, "left_mirror"),
    ],
    ids=["door of the other side", "lamps exchanged", "mirrors exchanged from behind", "mirror of the other side"],
)
def test_exchanged_parts_are_found(images: list[Image], view: str, changed: dict[str, str], pair: str) -> None:
    images[77] = image(view, np.random.default_rng(1), **changed)
    assert judged(images) == [(77, [pair], False)]


def test_a_mirrored_image_is_found(images: list[Image]) -> None:
    classes, places = image(
        "front", np.random.default_rng(1), hood="hood", left_lamp="left_lamp", right_lamp="right_lamp"
    )
    images[5] = classes, 1 - places
    assert [number for number, _, _ in judged(images)] == [5]


def test_doors_of_both_sides_are_found(images: list[Image]) -> None:
    ids = [NAMES.index(part) for part in ("left_lamp", "hood", "left_mirror", "left_door", "right_door", "trunk")]
    images[9] = np.array(ids), np.linspace(0.1, 0.9, len(ids))
    found = judged(images)
    assert [number for number, _, _ in found] == [9]


def test_few_images_say_nothing() -> None:
    random = np.random.default_rng(0)
    assert judged([image("front", random) for _ in range(3)]) == []


def test_judging_leaves_the_counts_as_they_were(images: list[Image]) -> None:
    model = SideModel(len(NAMES), PAIRS)
    for one in images:
        model.add(*one)
    before = model.counts.copy()
    for one in images:
        model.judge(*one)
    np.testing.assert_array_equal(model.counts, before)
    assert model.counts.min() >= 0


@pytest.mark.shared_data
def test_known_mistakes_of_dsmlr(shared_data: Path) -> None:
    """The README of the set names three; places are taken from the annotation boxes, not from masks."""
    places: dict[str, Image] = {}
    for part in ("trainingset", "testset"):
        content = json.loads((shared_data / "dsmlr" / part / "annotations.json").read_text(encoding="utf-8"))
        names = {entry["id"]: entry["name"] for entry in content["categories"]}
        files = {entry["id"]: Path(entry["file_name"]).stem for entry in content["images"]}
        centres: dict[int, dict[int, list[float]]] = {}
        for one in content["annotations"]:
            of_image = centres.setdefault(one["image_id"], {})
            of_image.setdefault(one["category_id"], []).append(one["bbox"][0] + one["bbox"][2] / 2)
        for number, found in centres.items():
            classes = np.array(sorted(found))
            places[files[number]] = classes, np.array([np.mean(found[i]) for i in classes.tolist()])
    model = SideModel(max(names) + 1, derive(names))
    for one in places.values():
        model.add(*one)
    suspect = {stem for stem, one in places.items() if model.judge(*one)}
    assert {"train304", "train359", "te48"} <= suspect
    assert len(suspect) <= 15
