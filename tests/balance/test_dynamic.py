"""Dynamic weight average: factors by hand, where an epoch ends, and that a run that goes on has the same."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from ayolom.balance import DynamicBalance
from ayolom.errors import AyolomError


def epoch(balance: DynamicBalance, *batches: dict[str, float], scale: float = 4) -> None:
    balance.train()
    for losses in batches:
        balance({name: torch.tensor(value) for name, value in losses.items()}, scale)


def factors(first: float, second: float) -> list[float]:
    """K exp(r / T) / sum exp(r / T) of two tasks at T = 2."""
    both = [math.exp(ratio / 2) for ratio in (first, second)]
    return [2 * one / sum(both) for one in both]


def test_factors_worked_by_hand():
    """From 40 to 20 a half, from 8 to 8 one: exp(0.25) and exp(0.5)."""
    balance = DynamicBalance({"damage": 1.0, "parts": 3.0})
    epoch(balance, {"damage": 40.0, "parts": 8.0})
    epoch(balance, {"damage": 20.0, "parts": 8.0})
    assert balance.table() == {"damage": 1.0, "parts": 3.0}  # two epochs are needed
    balance.train()
    expected = factors(0.5, 1.0)
    assert list(balance.table().values()) == pytest.approx([expected[0], 3 * expected[1]])
    total = balance({"damage": torch.tensor(2.0), "parts": torch.tensor(5.0)}, 4)
    assert total.item() == pytest.approx(2 * expected[0] + 3 * 5 * expected[1])


def test_factors_sum_to_the_number_of_tasks():
    balance = DynamicBalance({"a": 1.0, "b": 1.0, "c": 1.0})
    for losses in ({"a": 3.0, "b": 9.0, "c": 1.0}, {"a": 2.0, "b": 7.0, "c": 5.0}):
        epoch(balance, losses)
    balance.train()
    table = balance.table()
    assert sum(table.values()) == pytest.approx(3)
    assert table["c"] > table["b"] > table["a"]  # its loss rose; fell by 2/9; fell by a third


def test_how_labels_fall_into_batches_does_not_matter():
    """Three batches, two images labelled for damage with a loss of 10 each: in one batch or in two."""
    together, apart = (DynamicBalance({"damage": 1.0, "parts": 1.0}) for _ in range(2))
    for balance in (together, apart):
        epoch(balance, {"damage": 40.0, "parts": 8.0}, {"parts": 8.0}, {"parts": 8.0})
    epoch(together, {"damage": 20.0, "parts": 8.0}, {"parts": 8.0}, {"parts": 8.0})
    epoch(apart, {"damage": 10.0, "parts": 8.0}, {"damage": 10.0, "parts": 8.0}, {"parts": 8.0})
    assert together.train().table() == pytest.approx(apart.train().table())
    assert list(apart.table().values()) == pytest.approx(factors(0.5, 1.0))


def test_a_task_absent_for_an_epoch_stays_as_it_is():
    balance = DynamicBalance({"damage": 1.0, "parts": 1.0})
    epoch(balance, {"damage": 40.0, "parts": 8.0})
    epoch(balance, {"damage": 20.0})
    assert list(balance.train().table().values()) == pytest.approx(factors(0.5, 1.0))
    epoch(balance, {"damage": 20.0, "parts": 4.0})
    assert list(balance.train().table().values()) == pytest.approx(factors(1.0, 0.5))


def test_scoring_and_training_mode_twice_change_nothing():
    balance = DynamicBalance({"damage": 1.0, "parts": 1.0})
    epoch(balance, {"damage": 40.0, "parts": 8.0})
    epoch(balance, {"damage": 20.0, "parts": 8.0})
    balance.eval()
    balance({"damage": torch.tensor(900.0)}, 4)
    before = balance.train().table()
    assert balance.train().table() == before
    assert list(before.values()) == pytest.approx(factors(0.5, 1.0))


def test_a_loss_that_is_no_number_is_left_out():
    balance = DynamicBalance({"damage": 1.0, "parts": 1.0})
    epoch(balance, {"damage": 40.0, "parts": 8.0})
    epoch(balance, {"damage": math.inf, "parts": math.nan}, {"damage": 20.0, "parts": 8.0})
    assert list(balance.train().table().values()) == pytest.approx(factors(0.5, 1.0))


def test_a_run_that_goes_on_has_the_same_factors():
    """Saved at the end of an epoch, as checkpoints are."""
    balance = DynamicBalance({"damage": 1.0, "parts": 1.0})
    epoch(balance, {"damage": 40.0, "parts": 8.0})
    epoch(balance, {"damage": 20.0, "parts": 8.0})
    resumed = DynamicBalance({"damage": 1.0, "parts": 1.0})
    resumed.load_state_dict(balance.state_dict())
    assert resumed.train().table() == copy.deepcopy(balance).train().table() == balance.train().table()
    assert not list(balance.parameters())


def test_gradient_is_weight_times_factor():
    balance = DynamicBalance({"damage": 2.0, "parts": 1.0})
    for losses in ({"damage": 40.0, "parts": 8.0}, {"damage": 20.0, "parts": 8.0}):
        epoch(balance, losses)
    balance.train()
    given = {name: torch.tensor(3.0, requires_grad=True) for name in ("damage", "parts")}
    balance(given, 4).backward()
    assert [float(loss.grad) for loss in given.values()] == pytest.approx(list(balance.table().values()))


def test_several_processes_are_refused(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    with pytest.raises(AyolomError, match="needs all images in one process"):
        epoch(DynamicBalance({"damage": 1.0}), {"damage": 1.0})
