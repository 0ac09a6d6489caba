"""How often the images of each task are seen where one task has fewer labels than another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ultralytics.utils import LOGGER

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ayolom.data.dataset import MultiTaskConcat

COUNTS, PASSES, ORDER = range(3)  # what a random number is for


class TaskSampler:
    """Numbers of images for epoch after epoch, groups of images in given shares.

    An epoch takes from each group its share of the draws, to the next whole number, in expectation exactly. Within a
    group no image is drawn again before all others were, over the borders of epochs too. All follows from the seed and
    the epoch, so that a run that goes on sees what it would have seen.

    Attributes:
        epoch: The epoch whose numbers come next.
    """

    def __init__(
        self, sizes: Sequence[int], shares: Sequence[float], length: int, seed: int = 0, epoch: int = 0
    ) -> None:
        """Take the groups.

        Args:
            sizes: Images of each group; a group's numbers follow those of the groups before it.
            shares: Share of each group in the draws; they sum to 1.
            length: Draws of an epoch.
            seed: Seed of the run.
            epoch: Epoch to begin with.
        """
        self.sizes, self.shares, self.length, self.seed, self.epoch = list(sizes), list(shares), length, seed, epoch
        self._before = [np.zeros(len(self.sizes), int)]  # draws of each group before each epoch

    def __len__(self) -> int:
        """Return the draws of an epoch."""
        return self.length

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch's numbers come next."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        """Return the numbers of the epoch, and go on to the next."""
        self.epoch += 1
        return iter(self.numbers(self.epoch - 1).tolist())

    def counts(self, epoch: int) -> np.ndarray:
        """Return (groups,) the draws of each group in an epoch."""
        edges = np.floor(np.cumsum(self.shares) * self.length + self._random(COUNTS, epoch).random())
        edges[-1] = self.length
        return np.diff(np.minimum(edges, self.length), prepend=0).astype(int)

    def numbers(self, epoch: int) -> np.ndarray:
        """Return (length,) the images of an epoch in order."""
        while len(self._before) <= epoch:
            self._before.append(self._before[-1] + self.counts(len(self._before) - 1))
        before = self._before[epoch]
        offsets = np.cumsum([0, *self.sizes[:-1]])
        drawn = [
            offset + self._of_group(group, before[group], count)
            for group, (offset, count) in enumerate(zip(offsets, self.counts(epoch), strict=True))
        ]
        return self._random(ORDER, epoch).permutation(np.concatenate(drawn))

    def _of_group(self, group: int, start: int, count: int) -> np.ndarray:
        """Return (count,) images of a group, `start` draws of which are over; each pass has an order of its own."""
        size = self.sizes[group]
        if not count:
            return np.zeros(0, int)
        first, last = start // size, (start + count - 1) // size
        passes = [self._random(PASSES, group, number).permutation(size) for number in range(first, last + 1)]
        return np.concatenate(passes)[start - first * size :][:count]

    def _random(self, *purpose: int) -> np.random.Generator:
        """Return random numbers that depend on the seed and the purpose alone."""
        return np.random.default_rng([self.seed, *purpose])


def task_shares(labelled: Mapping[str, int], how: str, temperature: float) -> dict[str, float]:
    """Return by task its share in the draws.

    "temperature" gives p_t = n_t ^ (1 / T) / sum_k n_k ^ (1 / T) of n_t labelled images (Raffel et al. 2020,
    https://arxiv.org/abs/1910.10683, section 3.5.2): 1 is proportional, and large values come near to "equal".

    Args:
        labelled: Labelled images by task; a task without any has no share.
        how: "equal" or "temperature".
        temperature: T, over 0.

    Raises:
        AyolomError: The temperature is no finite number over 0.
    """
    if not 0 < temperature < float("inf"):
        raise AyolomError(f"task_temperature={temperature}: must be a number over 0")
    power = 0.0 if how == "equal" else 1 / temperature
    most = max(labelled.values(), default=1)
    sizes = {task: (number / most) ** power for task, number in labelled.items() if number}
    return {task: size / sum(sizes.values()) for task, size in sizes.items()}


def group_shares(groups: Sequence[tuple[Collection[str], int]], shares: Mapping[str, float]) -> list[float]:
    """Return the share of each group when a task is drawn first, then one of its labelled images.

    An image that is labelled for several tasks can come up for each of them.

    Args:
        groups: Names of the labelled tasks, and number of images, of each group.
        shares: Share of each task; see `task_shares`.
    """
    labelled = {task: sum(number for names, number in groups if task in names) for task in shares}
    return [sum(shares[task] * number / labelled[task] for task in names if task in shares) for names, number in groups]


def make_sampler(dataset: MultiTaskConcat, how: str, temperature: float, seed: int, epoch: int) -> TaskSampler | None:
    """Return the sampler of a training set and log what an epoch holds; None where there is one group only.

    An epoch keeps as many draws as there are images (with the repetitions of `folder_weights`), so that steps, warm-up
    and schedule are those of a training without it.

    Args:
        dataset: The training set, in groups by labelled tasks.
        how: "equal" or "temperature".
        temperature: See `task_shares`.
        seed: Seed of the run.
        epoch: Epoch to begin with.

    Raises:
        AyolomError: The temperature is no finite number over 0.
    """
    groups = [(tuple(part.records[0].labels), len(part)) for part in dataset.datasets]
    if len(groups) == 1:
        LOGGER.info(f"task_sampling={how}: changes nothing, all images are labelled for the same tasks")
        return None
    labelled = {task.name: sum(n for names, n in groups if task.name in names) for task in dataset.tasks}
    shares = group_shares(groups, task_shares(labelled, how, temperature))
    length = len(dataset)
    told = []
    for task, number in labelled.items():
        draws = length * sum(share for share, (names, _) in zip(shares, groups, strict=True) if task in names)
        told.append(f"{draws:.0f} labelled for {task} (of {number} images)")
    LOGGER.info(f"task_sampling={how}: an epoch has {length} draws, as many as images: {', '.join(told)}")
    return TaskSampler([number for _, number in groups], shares, length, seed, epoch)


def sampled(loader: Any, how: str, temperature: float, seed: int, epoch: int) -> Any:
    """Return the base's training loader with a sampler of `make_sampler` in place of its own, if there is one.

    Args:
        loader: A loader that has not been read from, over a `MultiTaskConcat`.
        how: "equal" or "temperature".
        temperature: See `task_shares`.
        seed: Seed of the run.
        epoch: Epoch to begin with.
    """
    sampler = make_sampler(loader.dataset, how, temperature, abs(seed), epoch)
    if sampler is None:
        return loader
    same = ("num_workers", "collate_fn", "worker_init_fn", "generator", "drop_last", "pin_memory", "prefetch_factor")
    given = {name: getattr(loader, name) for name in same}
    return type(loader)(dataset=loader.dataset, batch_size=loader.batch_size, sampler=sampler, **given)
