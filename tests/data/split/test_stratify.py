"""Stratification of groups: properties, and the shares reached."""

from __future__ import annotations

import numpy as np
import pytest

from ayolom.data.split import stratify
from ayolom.data.split._stratify import at_least, improve

RATIOS = (0.7, 0.2, 0.1)


def groups(seed: int = 0, count: int = 400) -> np.ndarray:
    """Return counts of groups of 1 to 12 images with classes from common to rare."""
    random = np.random.default_rng(seed)
    sizes = np.minimum(random.geometric(0.4, count), 12)
    return np.column_stack([sizes, *(random.binomial(sizes, share) for share in (0.5, 0.3, 0.1, 0.05))])


def shares(counts: np.ndarray, splits: np.ndarray) -> np.ndarray:
    return np.stack([counts[splits == s].sum(0) for s in range(len(RATIOS))]) / counts.sum(0)


@pytest.mark.parametrize("seed", range(4))
def test_images_and_classes_come_near_the_ratios(seed):
    counts = groups(seed)
    reached = shares(counts, stratify(counts, RATIOS, seed))
    np.testing.assert_allclose(reached[:, 0], RATIOS, atol=0.005)
    np.testing.assert_allclose(reached, np.repeat(np.array(RATIOS)[:, None], counts.shape[1], 1), atol=0.02)


def test_weights_beat_groups_taken_for_samples():
    """The library alone, told only whether a group has a class, misses the shares by more."""
    from iterstrat.ml_stratifiers import IterativeStratification

    counts = groups()
    plain = IterativeStratification(counts[:, 1:] > 0, np.array(RATIOS), np.random.RandomState(0))
    wanted = np.array(RATIOS)[:, None]
    assert (
        np.abs(shares(counts, stratify(counts, RATIOS)) - wanted).max() < np.abs(shares(counts, plain) - wanted).max()
    )


def test_the_seed_decides():
    counts = groups()
    one = stratify(counts, RATIOS, 5)
    np.testing.assert_array_equal(one, stratify(counts, RATIOS, 5))
    assert (one != stratify(counts, RATIOS, 6)).any()


def test_a_giant_group_stays_whole_and_the_others_make_room():
    counts = np.array([[60, 60]] + [[1, 1]] * 40)
    splits = stratify(counts, RATIOS)
    assert splits[0] == 0
    assert [int(counts[splits == s, 0].sum()) for s in range(3)] == [70, 20, 10]


def test_labels_of_a_group_are_powers_of_two_that_it_reaches():
    np.testing.assert_array_equal(
        at_least(np.array([[1, 0], [2, 1], [5, 0]])),
        [[True, False, False, False], [True, True, False, True], [True, True, True, False]],
    )


def test_moves_only_ever_improve():
    counts, random = groups(3, 60), np.random.RandomState(0)
    wanted = np.outer(RATIOS, counts.sum(0))

    def distance(splits):
        reached = np.stack([counts[splits == s].sum(0) for s in range(3)])
        return ((reached - wanted) ** 2 / wanted * [10, 1, 1, 1, 1]).sum()

    before = random.choice(3, len(counts))
    after = improve(counts, before, RATIOS, random)
    assert distance(after) < distance(before) / 10
    moved = [np.where(np.arange(len(after)) == i, s, after) for i in range(len(after)) for s in range(3)]
    assert min(map(distance, moved)) >= distance(after) - 1e-6  # no single move is left that helps
