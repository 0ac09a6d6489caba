"""Left and right that look exchanged: what a data set's own majority says of the order of parts.

For each class a and each other class b the images tell how often b is absent, left of a, or right of a while a is seen.
Every image counts a second time mirrored, with left and right exchanged, as the world has no preference. The logarithm
of these frequencies, added up over all pairs of classes of an image, says how usual its labels are. Where exchanging
left and right (of one pair of classes, or of all) makes them much more usual, the labels are suspect. That covers a
view from the front (its left lamp stands right of the hood), from behind, and from one side (the front door's place
beside the back door). Classes of both sides, such as doors, that hardly ever occur in one image are suspect where they
do, whatever their order. An image does not vote on itself.

Limits: it needs some tens of images of each class; views that the set hardly holds look suspect; parts that stand alone
in an image cannot be judged; when most of a set is wrong, the minority looks wrong; a car with open doors on both sides
is rare, and so suspect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ABSENT, LEFT, RIGHT = 0, 1, 2  # of another class, seen from this one
MIRROR = np.array([ABSENT, RIGHT, LEFT])
PRIOR = 0.5  # images of each kind taken for seen beforehand
LEAST_GAIN = 1.0  # of real photographs the wrong ones lie from 2.0 on, all others below 0
LEAST_IMAGES = 20  # of each of a pair before "hardly ever together" says anything
TOGETHER = 0.02  # share of the images of either that hold both: below it, that is hardly ever


@dataclass(frozen=True)
class Suspicion:
    """An image whose left and right look exchanged.

    Attributes:
        pairs: The pairs of class ids whose exchange makes the labels more usual, or that hardly ever occur together.
        gain: By how much more usual: the natural logarithm of a ratio of likelihoods, divided by the classes seen.
        together: Whether it is their being together that is unusual.
    """

    pairs: tuple[tuple[int, int], ...]
    gain: float
    together: bool = False


class SideModel:
    """Counts of which classes stand left and right of one another."""

    def __init__(self, nc: int, flip_pairs: tuple[tuple[int, int], ...]) -> None:
        """Start without any image.

        Args:
            nc: Number of classes.
            flip_pairs: Pairs of class ids that change places in a mirror.
        """
        self.pairs = flip_pairs
        self.exchange = np.arange(nc)
        for a, b in flip_pairs:
            self.exchange[[a, b]] = b, a
        self.counts = np.zeros((nc, 3, nc))

    def add(self, classes: np.ndarray, centres: np.ndarray, times: int = 1) -> None:
        """Count an image and its mirror image.

        Args:
            classes: (K,) ids of the classes seen, each once.
            centres: (K,) where on the horizontal axis each lies.
            times: How often; -1 takes an image out again.
        """
        states = self._states(classes, centres)
        others = np.arange(len(self.exchange))
        self.counts[classes[:, None], states, others] += times
        self.counts[self.exchange[classes][:, None], MIRROR[states], self.exchange] += times

    def judge(self, classes: np.ndarray, centres: np.ndarray) -> Suspicion | None:
        """Return what exchange of left and right would suit an image better than its labels, if any.

        Args:
            classes: (K,) ids of the classes seen, each once; the image must have been counted.
            centres: (K,) where on the horizontal axis each lies.
        """
        seen = set(classes.tolist())
        present = tuple(pair for pair in self.pairs if seen.intersection(pair))
        if len(classes) < 2 or not present:
            return None
        self.add(classes, centres, -1)
        found = self._judge(classes, centres, present, seen)
        self.add(classes, centres)
        return found

    def _judge(
        self, classes: np.ndarray, centres: np.ndarray, present: tuple[tuple[int, int], ...], seen: set[int]
    ) -> Suspicion | None:
        """Judge an image that is not counted."""
        given = self._usual(classes, centres)
        ideas = [(pair,) for pair in present] + ([present] if len(present) > 1 else [])
        gains = [(self._usual(self._swapped(classes, idea), centres) - given) / len(classes) for idea in ideas]
        best = int(np.argmax(gains))
        if gains[best] >= LEAST_GAIN:
            return Suspicion(ideas[best], gains[best])
        strange = tuple(pair for pair in present if seen.issuperset(pair) and self._hardly_together(*pair))
        return Suspicion(strange, LEAST_GAIN, together=True) if strange else None

    def _hardly_together(self, a: int, b: int) -> bool:
        """Return whether two classes, each seen often, hardly ever occur in one image."""
        images = self.counts[a, :, b].sum()  # those of either, as every image counts mirrored too
        both = images - self.counts[a, ABSENT, b]
        return bool(images >= 2 * LEAST_IMAGES and both / images < TOGETHER)

    def _states(self, classes: np.ndarray, centres: np.ndarray) -> np.ndarray:
        """Return (K, nc): for each class seen, whether each class is absent, left or right of it."""
        states = np.zeros((len(classes), len(self.exchange)), np.int64)
        states[:, classes] = np.where(centres[None] < centres[:, None], LEFT, RIGHT)
        return states

    def _usual(self, classes: np.ndarray, centres: np.ndarray) -> float:
        """Return the logarithm of how usual the labels are."""
        states = self._states(classes, centres)
        rows = self.counts[classes]  # (K, 3, nc)
        shares = (rows + PRIOR) / (rows.sum(1, keepdims=True) + 3 * PRIOR)
        logs = np.log(np.take_along_axis(shares, states[:, None], 1)[:, 0])
        logs[np.arange(len(classes)), classes] = 0.0
        return float(logs.sum())

    @staticmethod
    def _swapped(classes: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
        """Return the class ids with those of the pairs exchanged."""
        swapped = classes.copy()
        for a, b in pairs:
            swapped[classes == a] = b
            swapped[classes == b] = a
        return swapped
