"""How often tasks come up: shares by hand, over many draws, and that a run that goes on sees the same."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from torch.utils.data import DataLoader, Dataset
from ultralytics.data.build import InfiniteDataLoader

from ayolom.data.task_sampling import TaskSampler, group_shares, make_sampler, sampled, task_shares
from ayolom.errors import AyolomError

BOXES, MASK, BOTH = ("damage",), ("parts",), ("damage", "parts")


class Groups(Dataset):
    """Stands in for a training set: numbers in groups."""

    def __init__(self, *groups: tuple[tuple[str, ...], int]) -> None:
        record = [SimpleNamespace(labels=dict.fromkeys(names)) for names, _ in groups]
        self.datasets = [_Part([r], n) for r, (_, n) in zip(record, groups, strict=True)]
        self.tasks = [SimpleNamespace(name=name) for name in BOTH]
        self.number = sum(n for _, n in groups)

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index: int) -> int:
        return index


class _Part(SimpleNamespace):
    def __init__(self, records: list, number: int) -> None:
        super().__init__(records=records, number=number)

    def __len__(self) -> int:
        return self.number


@pytest.mark.parametrize(
    ("how", "temperature", "expected"),
    [
        pytest.param("equal", 2.0, [0.5, 0.5], id="equal"),
        pytest.param("temperature", 1.0, [0.9, 0.1], id="T 1 is proportional"),
        pytest.param("temperature", 2.0, [0.75, 0.25], id="T 2: roots of 900 and 100"),
        pytest.param("temperature", 1e9, [0.5, 0.5], id="hot is equal"),
    ],
)
def test_shares_worked_by_hand(how: str, temperature: float, expected: list[float]) -> None:
    shares = task_shares({"damage": 900, "parts": 100, "lane": 0}, how, temperature)
    assert list(shares) == ["damage", "parts"]
    assert list(shares.values()) == pytest.approx(expected)


def test_images_of_two_tasks_come_up_for_both() -> None:
    """Half the draws for each: of 300 damage images 100 have both, of 100 parts images all."""
    groups = [(BOXES, 200), (BOTH, 100), ((), 40)]
    assert group_shares(groups, {"damage": 0.5, "parts": 0.5}) == pytest.approx([1 / 3, 1 / 6 + 1 / 2, 0])


def test_shares_over_many_draws_and_every_image_alike() -> None:
    sampler = TaskSampler([90, 7, 3], [0.5, 0.3, 0.2], length=101, seed=4)
    epochs = [list(sampler) for _ in range(60)]
    assert {len(epoch) for epoch in epochs} == {len(sampler)} == {101}
    drawn = Counter(number for epoch in epochs for number in epoch)
    groups = [range(90), range(90, 97), range(97, 100)]
    for group, share in zip(groups, (0.5, 0.3, 0.2), strict=True):
        assert sum(drawn[i] for i in group) == pytest.approx(60 * 101 * share, rel=0.02)
        times = [drawn[i] for i in group]
        assert max(times) - min(times) <= 1  # none again before all others
    assert epochs[0] != epochs[1]


def test_a_group_whose_share_is_less_than_a_draw_comes_up_in_time() -> None:
    sampler = TaskSampler([1000, 1], [0.999, 0.001], length=100, seed=1)
    drawn = [1000 in epoch for epoch in (list(sampler) for _ in range(400))]
    assert 20 <= sum(drawn) <= 60  # 40 expected


def test_counts_are_whole_and_add_up() -> None:
    sampler = TaskSampler([5, 5, 5], [1 / 3, 1 / 3, 1 / 3], length=10, seed=0)
    counts = np.array([sampler.counts(epoch) for epoch in range(300)])
    assert (counts.sum(1) == 10).all()
    assert set(counts.ravel()) == {3, 4}
    assert counts.mean(0) == pytest.approx([10 / 3] * 3, abs=0.1)


def test_seed_and_epoch_alone_decide() -> None:
    first, second, other = (TaskSampler([9, 4], [0.5, 0.5], 13, seed) for seed in (7, 7, 8))
    whole = [list(first) for _ in range(4)]
    second.set_epoch(2)
    assert [list(second), list(second)] == whole[2:]
    assert list(other) != whole[0]


@pytest.mark.parametrize("workers", [0, 1])
def test_the_loader_of_the_base_goes_on_epoch_by_epoch(workers: int) -> None:
    data = Groups((BOXES, 9), (MASK, 3))
    plain = InfiniteDataLoader(data, batch_size=5, shuffle=True, num_workers=workers)
    loader = sampled(plain, "equal", 2.0, seed=3, epoch=0)
    assert isinstance(loader, InfiniteDataLoader)
    assert isinstance(loader, DataLoader)
    expected = TaskSampler([9, 3], [0.5, 0.5], 12, seed=3)
    for _ in range(3):
        batches = [batch.tolist() for batch in loader]
        assert [len(batch) for batch in batches] == [5, 5, 2]
        assert [number for batch in batches for number in batch] == list(expected)
    loader.close()


def test_what_an_epoch_holds_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr("ayolom.data.task_sampling.LOGGER.info", lines.append)
    assert make_sampler(Groups((BOXES, 900), (MASK, 100)), "temperature", 2.0, 0, 0)
    assert make_sampler(Groups((BOTH, 900)), "equal", 2.0, 0, 0) is None
    assert lines == [
        "task_sampling=temperature: an epoch has 1000 draws, as many as images: "
        "750 labelled for damage (of 900 images), 250 labelled for parts (of 100 images)",
        "task_sampling=equal: changes nothing, all images are labelled for the same tasks",
    ]


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
def test_wrong_temperatures_are_refused(temperature: float) -> None:
    with pytest.raises(AyolomError, match=r"task_temperature=.*: must be a number over 0"):
        task_shares({"damage": 1}, "temperature", temperature)
