"""Packing masks: every byte survives, and what transforms fill unpacks to "ignored"."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ayolom.data.masks import look_up, pack, unpack
from ayolom.errors import AyolomError

COUNTS = [1, 2, 3, 4, 5, 6]


def planes_of(count, seed=0, shape=(31, 47)):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)


def test_all_pairs_of_bytes_survive():
    a, b = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    np.testing.assert_array_equal(unpack(pack([a, b]), 2), np.stack([a, b]))


@pytest.mark.parametrize("count", COUNTS)
def test_every_byte_survives_in_every_plane(count):
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    planes = np.stack([np.roll(every, 37 * k) for k in range(count)])
    np.testing.assert_array_equal(unpack(pack(planes), count), planes)


@pytest.mark.parametrize("count", COUNTS)
def test_the_fill_value_unpacks_to_ignored(count):
    filled = np.full((2, 3), 255, pack(planes_of(count)).dtype)
    assert (unpack(filled, count) == 255).all()


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(
    "move",
    [
        pytest.param(
            lambda m: cv2.warpAffine(
                m, np.float32([[1.1, 0.2, 3], [-0.1, 0.9, 4]]), (60, 45), flags=cv2.INTER_NEAREST, borderValue=255
            ),
            id="affine",
        ),
        pytest.param(
            lambda m: cv2.warpPerspective(
                m,
                np.float32([[1.1, 0.2, 3], [-0.1, 0.9, 4], [1e-3, 5e-4, 1]]),
                (60, 45),
                flags=cv2.INTER_NEAREST,
                borderValue=255,
            ),
            id="perspective",
        ),
        pytest.param(lambda m: cv2.resize(m, (23, 19), interpolation=cv2.INTER_NEAREST), id="resize"),
        pytest.param(lambda m: cv2.copyMakeBorder(m, 1, 2, 3, 4, cv2.BORDER_CONSTANT, value=255), id="border"),
        pytest.param(np.fliplr, id="mirror"),
    ],
)
def test_moving_packed_masks_moves_each_mask(count, move):
    planes = planes_of(count)
    expected = np.stack([move(plane) for plane in planes])
    np.testing.assert_array_equal(unpack(move(pack(planes)), count), expected)


@pytest.mark.parametrize("count", COUNTS)
def test_tables_change_their_own_plane_only(count):
    planes = planes_of(count)
    table = np.random.default_rng(1).permutation(256).astype(np.uint8)
    tables = [table if k == count - 1 else None for k in range(count)]
    before = pack(planes).copy()
    packed = pack(planes)
    changed = unpack(look_up(packed, tables), count)
    np.testing.assert_array_equal(changed[:-1], planes[:-1])
    np.testing.assert_array_equal(changed[-1], table[planes[-1]])
    np.testing.assert_array_equal(packed, before)  # the masks in a cache must stay as they are


def test_seven_masks_are_too_many():
    with pytest.raises(AyolomError, match="at most 6 tasks with a mask"):
        pack(planes_of(7))
