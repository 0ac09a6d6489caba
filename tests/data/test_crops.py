"""Other crops of one scene, on pictures with known maps between them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ayolom.data.crops import MATCHES, compare, corners_of, find_crops, fit
from ayolom.data.duplicates import near_duplicates, perceptual_hashes
from tests.data.pictures import scene_with_corners as scene

CUT = {
    "cut": lambda image: image[40:300, 60:380],
    "enlarged": lambda image: cv2.resize(image[100:280, 100:300], None, fx=1.8, fy=1.8),
    "stretched": lambda image: cv2.resize(image[20:340, 10:290], (400, 330)),
    "turned": lambda image: cv2.warpAffine(image, cv2.getRotationMatrix2D((200, 180), 8, 1.1), (400, 360)),
    "darker and compressed": lambda image: cv2.imdecode(
        cv2.imencode(".jpg", (image[30:, 30:] * 0.7).astype(np.uint8), [1, 50])[1], 0
    ),
}


def write(folder: Path, images: list[np.ndarray]) -> list[str]:
    """Write pictures and return their files."""
    files = [str(folder / f"{number}.png") for number in range(len(images))]
    for file, image in zip(files, images, strict=True):
        cv2.imwrite(file, image)
    return files


@pytest.mark.parametrize("change", CUT.values(), ids=CUT)
def test_a_crop_is_found_among_other_pictures(tmp_path: Path, change) -> None:
    images = [scene(1), scene(2), scene(3), change(scene(1)), scene(4)]
    found = find_crops(write(tmp_path, images))
    assert [(crop.first, crop.second) for crop in found] == [(0, 3)]
    assert found[0].correlation > 0.9
    assert found[0].matches >= MATCHES


def test_a_strong_cut_is_no_near_duplicate_by_hash() -> None:
    hashes = np.array([perceptual_hashes(scene(1)), perceptual_hashes(CUT["cut"](scene(1)))], np.uint64)
    assert near_duplicates(hashes[:, 0]).groups.tolist() == [0, 1]


def test_one_object_before_two_backgrounds_is_not_one_scene(tmp_path: Path) -> None:
    here, there = scene(1), scene(2)
    there[100:260, 100:300] = here[100:260, 100:300]  # one car model, photographed twice
    assert fit(corners_of(here), corners_of(there)) is not None, "its corners match"
    assert find_crops(write(tmp_path, [here, there])) == []


def test_the_map_is_the_one_that_cut_the_picture() -> None:
    whole = scene(5)
    affine, matches = fit(corners_of(whole), corners_of(whole[40:, 100:]))
    shift = affine[:, 2] / affine[[0, 1], [0, 1]]
    assert np.allclose(shift, (-100, -40), atol=2)  # in pixels of the whole, whose longer side is 400
    assert matches > 50
    assert compare(whole, whole[40:, 100:], affine) > 0.98


@pytest.mark.parametrize(
    "images",
    [[], [scene(1)], [np.full((60, 80), 9, np.uint8)] * 3, [scene(1), np.full((60, 80), 9, np.uint8)]],
    ids=["none", "one", "without corners", "one without corners"],
)
def test_nothing_to_compare(tmp_path: Path, images) -> None:
    assert find_crops(write(tmp_path, images)) == []


def test_an_unreadable_file_is_passed_over(tmp_path: Path) -> None:
    files = write(tmp_path, [scene(1), scene(2), scene(1)[30:, 30:]])
    Path(files[1]).write_bytes(b"no picture")
    seen: list[int] = []
    assert [(crop.first, crop.second) for crop in find_crops(files, progress=seen.append)] == [(0, 2)]
    assert sum(seen) == 3


def test_the_same_pictures_give_the_same_answer(tmp_path: Path) -> None:
    files = write(tmp_path, [scene(seed) for seed in range(6)] + [scene(seed)[20:, 50:] for seed in range(6)])
    found = find_crops(files)
    assert [(crop.first, crop.second) for crop in found] == [(seed, seed + 6) for seed in range(6)]
    assert find_crops(files) == found
