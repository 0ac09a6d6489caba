"""Groups of images dealt out so that every split has its share of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST_MOVES = 2000
CANDIDATES = 20_000  # groups looked at for one move
SIZE_WEIGHT = 10.0  # the number of images counts as much as that many classes
LEAST_GAIN = 1e-6


def stratify(counts: np.ndarray, ratios: Sequence[float], seed: int = 0) -> np.ndarray:
    """Deal out groups of unequal size, so that images, and images with each class, come near the ratios.

    The iterative stratification of Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-Label Data", 2011,
    https://doi.org/10.1007/978-3-642-23808-6_10 (package iterative-stratification) knows samples that have a label or
    have it not. A group is made such a sample by labels that say "at least 1, 2, 4, 8 ... images", of any kind and with
    each class, so groups of like size and content are spread alike. Then groups change splits, one at a time, the best
    first, while that brings the sums nearer to the ratios.

    Args:
        counts: (G, C) images of each group: column 0 all of them, the others those with some label.
        ratios: Share of each split, together 1.
        seed: Seed of ties.

    Returns:
        (G,) the number of each group's split.

    Raises:
        AyolomError: The package is not installed.
    """
    labels = at_least(counts)
    random = np.random.RandomState(seed)  # what the package takes
    splits = _library()(labels, np.asarray(ratios, np.float64), random)
    return improve(counts, np.asarray(splits), ratios, random)


def at_least(counts: np.ndarray) -> np.ndarray:
    """Return (G, L) bool, a column for each column of (G, C) counts and each power of two that it reaches."""
    columns = []
    for column in counts.T:
        step = 1
        while column.size and step <= column.max():
            columns.append(column >= step)
            step *= 2
    return np.stack(columns, axis=1) if columns else np.ones((len(counts), 1), bool)


def improve(
    counts: np.ndarray, splits: np.ndarray, ratios: Sequence[float], random: np.random.RandomState
) -> np.ndarray:
    """Move groups between splits while that lowers the distance from the ratios.

    The distance is the sum over splits and columns of (count - wanted)^2 / wanted, as in the chi-squared test.

    Args:
        counts: (G, C) as for `stratify`.
        splits: (G,) number of each group's split.
        ratios: Share of each split.
        random: Draws the groups looked at where there are many.

    Returns:
        (G,) the splits after the moves.
    """
    splits, shares = splits.copy(), np.asarray(ratios, np.float64)
    columns = np.flatnonzero(counts.sum(0))
    values = counts[:, columns].astype(np.float64)
    wanted = np.outer(shares, values.sum(0))  # (S, C)
    weights = np.where(columns == 0, SIZE_WEIGHT, 1.0) / wanted
    excess = np.stack([values[splits == s].sum(0) for s in range(len(shares))]) - wanted
    for _ in range(MOST_MOVES):
        many = len(values) > CANDIDATES
        chosen = random.choice(len(values), CANDIDATES, replace=False) if many else np.arange(len(values))
        gain = _gains(values[chosen], splits[chosen], excess, weights)
        best, to = np.unravel_index(gain.argmax(), gain.shape)
        if gain[best, to] <= LEAST_GAIN:
            break
        group = chosen[best]
        excess[splits[group]] -= values[group]
        excess[to] += values[group]
        splits[group] = to
    return splits


def _gains(values: np.ndarray, splits: np.ndarray, excess: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return (G, S) by how much the distance falls when a group goes to a split."""
    squares = values**2
    out = 2 * values @ (excess * weights).T - squares @ weights.T  # falls when a group leaves a split
    into = -2 * values @ (excess * weights).T - squares @ weights.T
    gain = into + out[np.arange(len(values)), splits][:, None]
    gain[np.arange(len(values)), splits] = 0
    return gain


def _library() -> Callable[[np.ndarray, np.ndarray, np.random.RandomState], np.ndarray]:
    """Return the package's function."""
    try:
        from iterstrat.ml_stratifiers import IterativeStratification  # type: ignore[import-untyped]
    except ImportError:
        raise AyolomError(
            'yolo data split needs the package iterative-stratification: pip install "ayolom[data]"'
        ) from None
    return IterativeStratification
