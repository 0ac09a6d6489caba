"""Pictures that show the same scene in another crop: matched corners find them, the pixels under the match confirm it.

A perceptual hash knows a picture that was scaled or compressed anew, not one that was cut, zoomed or taken a second
time from the same spot. Corners do: those of ORB (Rublee et al., "ORB: an efficient alternative to SIFT or SURF", ICCV
2011) are matched by the ratio test (Lowe, IJCV 2004), and an affine map that many matches agree on is fitted with
RANSAC. Two photographs of one car model match as well, so the mapped picture must also correlate with the other one
where they overlap, background and all.

Which pairs are worth matching is told by words, a few bits of each descriptor (locality-sensitive hashing: Indyk and
Motwani, STOC 1998): pictures that share many rare words come first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from ayolom.data.entries import in_order
from ayolom.data.images import read_image
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST = 2000  # images up to which commands look for crops unasked: about 20 ms each
SIDE = 400  # pixels of the longer side at which corners are found
CORNERS = 400
TABLES, BITS = 4, 16  # words of a descriptor, bits of a word
COMMON = 0.05  # share of the images from which a word says nothing
CANDIDATES = 5  # pictures that each is matched with
RATIO = 0.8  # of the distances of the best match and the next
REACH = 6.0  # pixels by which a match may miss the map
MATCHES = 12  # that agree on the map
CORRELATION = 0.75  # of the pixels where the pictures overlap; two cars of one model reach 0.69
OVERLAP = 0.3  # share of the smaller picture that lies in the other
ZOOM = 4.0  # most by which one is larger


class Corners(NamedTuple):
    """What a picture is recognised by.

    Attributes:
        places: (K, 2) float32, x and y in pixels of the picture with its longer side scaled to `SIDE`.
        descriptors: (K, 32) uint8.
    """

    places: np.ndarray
    descriptors: np.ndarray


@dataclass(frozen=True)
class Crop:
    """Two pictures that show the same.

    Attributes:
        first: Number of the earlier picture.
        second: Number of the later.
        matches: Corners that agree on how one lies in the other.
        correlation: Of the grey levels where they overlap, -1 to 1.
    """

    first: int
    second: int
    matches: int
    correlation: float


def find_crops(
    files: Sequence[str], threads: int = 2, progress: Callable[[int], object] | None = None, seed: int = 0
) -> list[Crop]:
    """Return the pairs of pictures that show the same scene. Some 20 kB an image stay in memory while it looks.

    Mirrored copies are not found here (the hashes of `near_duplicates` find them), nor are pictures without corners.

    Args:
        files: Images; those that cannot be read are passed over.
        threads: Files read at once.
        progress: Called with 1 for every image that was read.
        seed: Seed of the words and of RANSAC.
    """
    seen: list[Corners] = []
    for corners in in_order(_read_corners, files, threads):
        seen.append(corners)
        if progress is not None:
            progress(1)
    cv2.setRNGSeed(seed)
    found = (_crop(pair, files, seen) for pair in _candidates(seen, seed))
    return [crop for crop in found if crop is not None]


def corners_of(grey: np.ndarray) -> Corners:
    """Return the corners of a picture.

    Args:
        grey: (H, W) uint8.
    """
    small = _reduced(grey)
    places, descriptors = cv2.ORB_create(CORNERS, fastThreshold=10).detectAndCompute(small, None)
    if descriptors is None:
        return Corners(np.zeros((0, 2), np.float32), np.zeros((0, 32), np.uint8))
    return Corners(np.array([place.pt for place in places], np.float32), descriptors)


def fit(one: Corners, other: Corners) -> tuple[np.ndarray, int] | None:
    """Return (map, matches): the affine map (2, 3) from one picture to the other that most matches agree on.

    None where fewer than `MATCHES` do, or where it enlarges or reduces by more than `ZOOM` or mirrors.
    """
    if min(len(one.places), len(other.places)) < MATCHES:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(one.descriptors, other.descriptors, 2)
    good = [best for best, second in pairs if best.distance < RATIO * second.distance]
    if len(good) < MATCHES:
        return None
    here, there = one.places[[m.queryIdx for m in good]], other.places[[m.trainIdx for m in good]]
    affine, agreeing = cv2.estimateAffine2D(here, there, method=cv2.RANSAC, ransacReprojThreshold=REACH)
    if affine is None or int(agreeing.sum()) < MATCHES:
        return None
    area = float(np.linalg.det(affine[:, :2]))
    return (affine, int(agreeing.sum())) if ZOOM**-2 <= area <= ZOOM**2 else None


def compare(one: np.ndarray, other: np.ndarray, affine: np.ndarray) -> float:
    """Return the correlation of two pictures where they overlap, 0.0 where they hardly do.

    Args:
        one: (H, W) uint8 grey.
        other: (H', W') uint8 grey.
        affine: (2, 3), from the one to the other, both with their longer side scaled to `SIDE`.
    """
    one, other = (cv2.GaussianBlur(_reduced(grey), (0, 0), 2) for grey in (one, other))
    size = other.shape[::-1]
    mapped = cv2.warpAffine(one, affine, size)
    inside = cv2.warpAffine(np.ones_like(one), affine, size, flags=cv2.INTER_NEAREST) > 0
    smaller = min(float(other.size), abs(float(np.linalg.det(affine[:, :2]))) * one.size)
    a, b = mapped[inside].astype(np.float32), other[inside].astype(np.float32)
    if a.size < OVERLAP * smaller or min(a.std(), b.std()) < 1:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _read_corners(file: str) -> Corners:
    """Return the corners of an image file, none when it cannot be read."""
    try:
        return corners_of(_read_grey(file))
    except AyolomError:
        return Corners(np.zeros((0, 2), np.float32), np.zeros((0, 32), np.uint8))


def _read_grey(file: str) -> np.ndarray:
    """Return an image (H, W) uint8."""
    return read_image(file, cv2.IMREAD_GRAYSCALE)[..., 0]


def _reduced(grey: np.ndarray) -> np.ndarray:
    """Return a picture with its longer side scaled to `SIDE`."""
    scale = SIDE / max(grey.shape)
    return cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def _candidates(seen: Sequence[Corners], seed: int) -> list[tuple[int, int]]:
    """Return the pairs of pictures, the earlier first, that share the most of rare words."""
    chosen = np.random.default_rng(seed).permuted(np.tile(np.arange(256), (TABLES, 1)), axis=1)[:, :BITS]
    words = [_words(corners.descriptors, chosen) for corners in seen]
    images = np.repeat(np.arange(len(words)), [len(some) for some in words])
    order = np.argsort(np.concatenate([*words, np.zeros(0, np.int64)]), kind="stable")
    counts = np.bincount(np.concatenate([*words, np.zeros(0, np.int64)]), minlength=TABLES << BITS)
    holders = np.split(images[order], np.cumsum(counts)[:-1])  # by word the images that have it
    rare = (counts > 1) & (counts <= max(COMMON * len(seen), 2 * CANDIDATES))
    weights = np.log(1 + len(seen) / np.maximum(counts, 1))
    pairs = set()
    for number, some in enumerate(words):
        some = some[rare[some]]
        others = np.concatenate([*(holders[word] for word in some), np.zeros(0, np.int64)])
        scores = np.bincount(others, np.repeat(weights[some], counts[some]), minlength=len(seen))
        scores[number] = 0
        best = np.argsort(-scores, kind="stable")[:CANDIDATES]
        pairs |= {(min(number, other), max(number, other)) for other in best[scores[best] > 0].tolist()}
    return sorted(pairs)


def _words(descriptors: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the words of a picture, each once, ascending.

    Args:
        descriptors: (K, 32) uint8.
        chosen: (tables, bits) which of the 256 bits make the word of each table.
    """
    bits = np.unpackbits(descriptors, axis=1)
    values = bits[:, chosen] @ (1 << np.arange(BITS)) + (np.arange(TABLES) << BITS)
    return np.unique(values)


def _crop(pair: tuple[int, int], files: Sequence[str], seen: Sequence[Corners]) -> Crop | None:
    """Return what a pair is, None where the pictures show different things."""
    fitted = fit(seen[pair[0]], seen[pair[1]])
    if fitted is None:
        return None
    first, second = pair
    correlation = compare(_read_grey(files[first]), _read_grey(files[second]), fitted[0])
    return Crop(first, second, fitted[1], correlation) if correlation >= CORRELATION else None
