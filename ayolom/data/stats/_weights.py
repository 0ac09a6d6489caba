"""Weights that even out how often classes occur, all of mean 1; a class that does not occur gets 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

METHODS = ("inverse_frequency", "effective_number", "enet", "median_frequency")
BETA = 0.999


def inverse_frequency(counts: np.ndarray) -> np.ndarray:
    """Return weights 1 / count; what training makes by itself of `cls_pw=1`.

    Args:
        counts: (C,) how often each class occurs.

    >>> inverse_frequency(np.array([1.0, 3.0, 0.0])).tolist()
    [1.5, 0.5, 1.0]
    """
    return _mean_one(counts, lambda present: 1 / present)


def effective_number(counts: np.ndarray, beta: float = BETA) -> np.ndarray:
    """Return weights (1 - beta) / (1 - beta^count): the more samples there are, the less another one adds.

    Cui, Jia, Lin, Song and Belongie, "Class-Balanced Loss Based on Effective Number of Samples", 2019,
    https://arxiv.org/abs/1901.05555.

    Args:
        counts: (C,) samples of each class: boxes, or images with it; of millions of pixels all numbers are the same.
        beta: In [0, 1); 0 gives equal weights, towards 1 those of the inverse frequency.
    """
    # expm1 and log1p keep the digits that 1 - beta^count loses where beta is near 1
    return _mean_one(
        counts, lambda present: (1 - beta) / -np.expm1(present * np.log1p(beta - 1)) if beta else present**0
    )


def enet(counts: np.ndarray) -> np.ndarray:
    """Return weights 1 / ln(1.02 + share), which lie within a factor of 36 of each other.

    Paszke, Chaurasia, Kim and Culurciello, "ENet", 2016, https://arxiv.org/abs/1606.02147, section 5.2.

    Args:
        counts: (C,) how often each class occurs.
    """
    return _mean_one(counts, lambda present: 1 / np.log(1.02 + present / present.sum()))


def median_frequency(counts: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return weights median / frequency, the frequency taken among images in which the class occurs.

    Eigen and Fergus, "Predicting Depth, Surface Normals and Semantic Labels", 2015, https://arxiv.org/abs/1411.4734,
    section 6.3.2.

    Args:
        counts: (C,) how often each class occurs.
        where: (C,) how much of any class there is in the images in which it occurs.
    """
    share = counts / where.clip(min=1)
    return _mean_one(share, lambda present: np.median(present) / present)


def _mean_one(counts: np.ndarray, weigh: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return weights (C,) of mean 1 from a formula for the classes that occur."""
    counts = np.asarray(counts, np.float64)
    weights = np.ones(len(counts))
    present = counts > 0
    if present.any():
        some = weigh(counts[present])
        weights[present] = some / some.mean()
    return weights
