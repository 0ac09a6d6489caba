"""Near-duplicates, against `imagehash` and against pairs compared one by one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from ayolom.data import duplicates
from ayolom.data.duplicates import correlate, near_duplicates, perceptual_hashes, thumbnail


def scene(seed: int, size: tuple[int, int] = (120, 160)) -> np.ndarray:
    """Return a picture (H, W, 3) with soft shapes, different for each seed."""
    random = np.random.default_rng(seed)
    return cv2.resize(random.integers(0, 256, (7, 9, 3), np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)


def search(images: list[np.ndarray], **options: object) -> duplicates.Duplicates:
    """Return the near-duplicates of pictures."""
    hashes = np.array([perceptual_hashes(image) for image in images], np.uint64)
    thumbnails = np.stack([thumbnail(image) for image in images])
    return near_duplicates(hashes[:, 0], hashes[:, 1], thumbnails, **options)


def test_hash_is_that_of_imagehash() -> None:
    imagehash = pytest.importorskip("imagehash")
    for seed in range(20):
        small = thumbnail(scene(seed))
        witness = imagehash.phash(Image.fromarray(small))
        assert perceptual_hashes(small)[0] == int(str(witness), 16), f"seed {seed}"


def test_mirrored_hash_is_the_hash_of_the_mirrored_picture() -> None:
    for seed in range(20):
        image = scene(seed)
        differing = perceptual_hashes(image)[1] ^ perceptual_hashes(image[:, ::-1])[0]
        assert differing.bit_count() <= 1, f"seed {seed}"  # the last bit of a sum may differ at the median


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda image: image, True),
        (lambda image: cv2.resize(image, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA), True),
        (lambda image: cv2.imdecode(cv2.imencode(".jpg", image, [1, 40])[1], 1), True),
        (lambda image: cv2.convertScaleAbs(image, alpha=0.9, beta=8), True),
        (lambda image: image[:, ::-1], True),
        (lambda image: image[::-1], False),
        (lambda image: image[20:, 40:], False),
        (lambda image: 255 - image, False),
    ],
    ids=["copy", "smaller", "recompressed", "darker", "mirrored", "upside down", "cropped", "negative"],
)
def test_what_counts_as_a_duplicate(change, same) -> None:
    for seed in range(5):
        found = search([scene(100), scene(seed), scene(101), change(scene(seed))])
        assert (found.groups.tolist() == [0, 1, 2, 1]) is same, f"seed {seed}"


def test_edges_say_what_was_found() -> None:
    found = search([scene(0), scene(1), scene(0)[:, ::-1], scene(0)])
    assert found.groups.tolist() == [0, 1, 0, 0]
    rows = [(int(edge["first"]), int(edge["second"]), bool(edge["mirrored"])) for edge in found.edges]
    assert rows == [(0, 3, False), (0, 2, True)]


def test_groups_match_those_of_every_pair_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "ROWS", 5)
    monkeypatch.setattr(duplicates, "COLUMNS", 7)
    random = np.random.default_rng(0)
    centres = random.integers(0, 2**64, 12, dtype=np.uint64)
    hashes = centres[random.integers(0, 12, 60)]
    for bit in (3, 17, 40, 63):
        hashes = hashes ^ (random.integers(0, 2, 60, dtype=np.uint64) << np.uint64(bit))
    found = near_duplicates(hashes, distance=3)
    expected = list(range(60))
    for i in range(60):
        for j in range(i + 1, 60):
            if int(hashes[i] ^ hashes[j]).bit_count() <= 3:
                old, new = max(expected[i], expected[j]), min(expected[i], expected[j])
                expected = [new if group == old else group for group in expected]
    assert found.groups.tolist() == expected
    assert len(found.edges) == 60 - len(set(expected))


def test_flat_pictures_are_not_duplicates() -> None:
    grey = np.full((64, 64), 90, np.uint8)
    assert search([grey, grey.copy(), grey + 1]).groups.tolist() == [0, 1, 2]


def test_no_pictures_and_one() -> None:
    assert near_duplicates(np.zeros(0, np.uint64)).groups.shape == (0,)
    assert search([scene(0)]).groups.tolist() == [0]


def test_correlation_is_numpys() -> None:
    one, other = thumbnail(scene(0)), thumbnail(scene(1))
    assert correlate(one, other) == pytest.approx(np.corrcoef(one.ravel(), other.ravel())[0, 1], abs=1e-5)


def test_bits_are_counted_alike_without_numpy_2() -> None:
    values = np.random.default_rng(0).integers(0, 2**64, 500, dtype=np.uint64)
    values[:2] = 0, 2**64 - 1
    assert duplicates.count_bits_by_halves(values).tolist() == [int(value).bit_count() for value in values]


def test_thousands_of_copies_are_quick() -> None:
    hashes = np.full(6000, 12345678901234567890, np.uint64)
    found = near_duplicates(hashes, hashes)
    assert not found.groups.any()
    assert len(found.edges) == 5999
