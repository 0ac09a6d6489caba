"""Pictures that are the same: a perceptual hash finds candidates, small grey copies confirm them.

Two pictures count as near-duplicates when their 64-bit hashes differ in at most 6 bits and their grey thumbnails of
32x32 pixels correlate at 0.985 or more. Scaling, recompression and slight changes of brightness pass that; another crop
or another view of the same car does not. Mirrored copies count too.

The hash is the DCT hash of pHash (https://www.phash.org): the signs, against their median, of the 8x8 lowest
frequencies of the thumbnail, bit for bit what the package `imagehash` makes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE = 32  # pixels of a thumbnail's side
LOW = 8  # frequencies of the hash, each way
DISTANCE = 6  # bits
CORRELATION = 0.985
FLAT = 2.0  # standard deviation of grey levels below which a thumbnail shows too little to be compared
ROWS, COLUMNS = 64, 8192  # hashes compared at once: a few megabytes

# The transform here has length 1 in every frequency; the usual hash takes it without that norm.
WEIGHTS = np.outer(*[np.where(np.arange(LOW) == 0, np.sqrt(2), 1)] * 2).astype(np.float32)

EDGE = np.dtype([("first", np.int64), ("second", np.int64), ("distance", np.int64), ("mirrored", bool)])


class Thumbnails(Protocol):
    """Thumbnails (32, 32) uint8 by number: an array, a memory map, or anything that fetches them."""

    def __getitem__(self, number: int, /) -> np.ndarray:
        """Return one."""


@dataclass(frozen=True)
class Duplicates:
    """Which of N pictures are near-duplicates.

    Attributes:
        groups: (N,) int64; pictures of one group have the same number, that of the group's first picture.
        edges: The links found, `EDGE` records: no more than are needed to hold the groups together, so a group of K
            pictures has K - 1 of them, and a group that lies in two splits has one that crosses them.
    """

    groups: np.ndarray
    edges: np.ndarray


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Return the grey copy (32, 32) uint8 that two pictures are compared by.

    Args:
        image: (H, W) grey or (H, W, 3) BGR, uint8.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
    return cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def perceptual_hashes(image: np.ndarray) -> tuple[int, int]:
    """Return the 64-bit hash of a picture and that of its mirror image.

    Args:
        image: (H, W) grey or (H, W, 3) BGR, uint8; a thumbnail gives the same as the picture it was made of.
    """
    low = cv2.dct(thumbnail(image).astype(np.float32))[:LOW, :LOW] * WEIGHTS
    mirrored = low.copy()
    mirrored[:, 1::2] *= -1  # waves of odd frequency change their sign when the picture is mirrored
    return _bits(low), _bits(mirrored)


def near_duplicates(
    hashes: np.ndarray,
    mirrored: np.ndarray | None = None,
    thumbnails: Thumbnails | None = None,
    distance: int = DISTANCE,
    correlation: float = CORRELATION,
    progress: Callable[[int], object] | None = None,
) -> Duplicates:
    """Group near-duplicates. The time grows with N squared: about half a minute for 100,000 pictures.

    Args:
        hashes: (N,) uint64.
        mirrored: (N,) uint64 hashes of the mirror images; None does not look for mirrored copies.
        thumbnails: (N, 32, 32) uint8, may be a memory map, or what fetches one of them; None trusts the hashes alone.
            With them, pictures that are nearly one colour are never duplicates: they have nothing to compare.
        distance: Most bits in which two hashes may differ.
        correlation: Least correlation of two thumbnails.
        progress: Called with the number of hashes compared with all others, 64 or so at a time.
    """
    hashes = np.ascontiguousarray(hashes, np.uint64)
    search = _Search(hashes, thumbnails, distance, correlation)
    for start in range(0, len(hashes), ROWS):
        search.compare(start, hashes, mirrored=False)
        if mirrored is not None:
            search.compare(start, np.ascontiguousarray(mirrored, np.uint64), mirrored=True)
        if progress is not None:
            progress(min(ROWS, len(hashes) - start))
    return Duplicates(search.roots(np.arange(len(hashes))), np.array(search.edges, EDGE))


class _Search:
    """A search under way: the groups so far, as a forest in which every picture points towards the first of its group.

    A picture that was found to have the hash of an earlier one is not compared with others again, so thousands of
    copies of one picture cost little.
    """

    def __init__(self, hashes: np.ndarray, thumbnails: Thumbnails | None, distance: int, correlation: float) -> None:
        """Start with each picture in a group of its own."""
        self.hashes, self.thumbnails = hashes, thumbnails
        self.distance, self.correlation = distance, correlation
        self.parents = np.arange(len(hashes))
        self.copies = np.zeros(len(hashes), bool)
        self.edges: list[tuple[int, int, int, bool]] = []
        # Used again for every block: asking the system for new memory takes longer than the comparison.
        self._buffers = tuple(np.empty((ROWS, COLUMNS), kind) for kind in (np.uint64, np.uint8, bool))

    def roots(self, pictures: np.ndarray) -> np.ndarray:
        """Return the first picture of the group of each picture, (K,)."""
        found = self.parents[pictures]
        while len(above := np.flatnonzero(self.parents[found] != found)):
            found[above] = self.parents[found[above]]
        return found

    def compare(self, first: int, others: np.ndarray, mirrored: bool) -> None:
        """Compare the next `ROWS` pictures with all later ones, block by block."""
        rows = np.arange(first, min(first + ROWS, len(self.hashes)))
        rows = rows[~self.copies[rows]]
        for start in range(first, len(others) if len(rows) else first, COLUMNS):
            some, block = self.hashes[rows, None], others[None, start : start + COLUMNS]
            differing, bits, near = (buffer[: len(some), : block.shape[1]] for buffer in self._buffers)
            np.bitwise_xor(some, block, out=differing)
            _count_bits(differing, bits)
            np.less_equal(bits, self.distance, out=near)
            if not near.any():
                continue
            i, j = np.nonzero(near)
            counts = bits[i, j]
            i, j = rows[i], j + start
            later = i < j
            self._join(i[later], j[later], counts[later], mirrored)

    def _join(self, i: np.ndarray, j: np.ndarray, bits: np.ndarray, mirrored: bool) -> None:
        """Join the groups of candidates that the thumbnails confirm, the closest first within each picture."""
        while len(i):
            apart = self.roots(i) != self.roots(j)
            i, j, bits = i[apart], j[apart], bits[apart]
            if not len(i):
                return
            mine = i == i[0]
            order = np.argsort(bits[mine], kind="stable")
            others, counts = j[mine][order], bits[mine][order]
            same = self._confirm(int(i[0]), others, mirrored)
            for other, count in zip(others[same].tolist(), counts[same].tolist(), strict=True):
                self._link(int(i[0]), other, count, mirrored)
            i, j, bits = i[~mine], j[~mine], bits[~mine]

    def _link(self, i: int, j: int, bits: int, mirrored: bool) -> None:
        """Make one group of two, if they are not one yet."""
        first, second = sorted(self.roots(np.array([i, j])).tolist())
        if first != second:
            self.parents[second] = first
            self.parents[[i, j]] = first
            self.edges.append((i, j, bits, mirrored))
            self.copies[j] |= bits == 0

    def _confirm(self, i: int, others: np.ndarray, mirrored: bool) -> np.ndarray:
        """Return which of the other pictures (K,) have a thumbnail like that of picture i, (K,) bool."""
        if self.thumbnails is None:
            return np.ones(len(others), bool)
        mine = np.asarray(self.thumbnails[i])
        mine = mine[:, ::-1] if mirrored else mine
        same = [correlate(mine, self.thumbnails[j]) >= self.correlation for j in others.tolist()]
        return np.array(same, bool)


def correlate(one: np.ndarray, other: np.ndarray) -> float:
    """Return Pearson's correlation of two thumbnails (32, 32) uint8, 0.0 where one of them is nearly one colour."""
    a, b = (np.asarray(values, np.float32).ravel() for values in (one, other))
    if min(a.std(), b.std()) < FLAT:
        return 0.0
    return float(np.mean((a - a.mean()) * (b - b.mean())) / (a.std() * b.std()))


def _bits(low: np.ndarray) -> int:
    """Return the 64 signs of frequencies (8, 8) against their median, the first as the highest bit."""
    values = low.ravel()
    middle = np.partition(values, (LOW * LOW // 2 - 1, LOW * LOW // 2))[LOW * LOW // 2 - 1 : LOW * LOW // 2 + 1]
    # The median of an even number of values, in a fifth of np.median's time.
    return int.from_bytes(np.packbits(values > middle.mean()).tobytes(), "big")


def _count_bits(values: np.ndarray, counts: np.ndarray) -> None:
    """Write how many bits are set in each uint64 into an array of uint8."""
    if hasattr(np, "bitwise_count"):
        np.bitwise_count(values, out=counts)
    else:
        counts[...] = count_bits_by_halves(values)


def count_bits_by_halves(values: np.ndarray) -> np.ndarray:
    """Return how many bits are set in each uint64, as uint8, where numpy is older than 2.

    Sums of neighbouring bits, then of pairs, then of fours, then of bytes: the usual way without an instruction for it
    (https://graphics.stanford.edu/~seander/bithacks.html#CountBitsSetParallel).
    """
    twos, fours, bytes_ = (np.uint64(mask) for mask in (0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F))
    values = values - ((values >> np.uint64(1)) & twos)
    values = (values & fours) + ((values >> np.uint64(2)) & fours)
    values = (values + (values >> np.uint64(4))) & bytes_
    return ((values * np.uint64(0x0101010101010101)) >> np.uint64(56)).astype(np.uint8)
