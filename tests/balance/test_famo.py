"""FAMO against torchjd's, and what torchjd's has not: absent tasks, and a run that goes on."""

from __future__ import annotations

import copy

import pytest
import torch

from ayolom.balance import FamoBalance, Run
from ayolom.errors import AyolomError

WEIGHTS = {"damage": 1.0, "parts": 1.0, "lane": 1.0}


def losses(*values: float, names: tuple[str, ...] = tuple(WEIGHTS)) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(value, requires_grad=True) for name, value in zip(names, values, strict=True)}


def train(balance: FamoBalance, steps: int, seed: int = 0) -> None:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        before, after = torch.rand(2, 3, generator=generator) + 0.5
        balance(losses(*before.tolist()), 4)
        balance.look_back({name: value.detach() for name, value in losses(*after.tolist()).items()})


def test_as_torchjds_times_the_number_of_tasks():
    scalarization = pytest.importorskip("torchjd.scalarization")
    ours, theirs = FamoBalance(WEIGHTS), scalarization.FAMO(3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        before, after = 4 * torch.rand(2, 3, generator=generator) + 0.1
        given, values = losses(*before.tolist()), before.clone().requires_grad_()
        ours(given, 16).backward()
        theirs(values).backward()
        torch.testing.assert_close(torch.stack([loss.grad for loss in given.values()]), 3 * values.grad)
        ours.look_back(dict(zip(WEIGHTS, after, strict=True)))
        theirs.update(after)
    shares = theirs._w.detach().softmax(0)
    torch.testing.assert_close(torch.tensor(list(ours.table().values())), 3 * shares)
    assert shares.std() > 0.01  # they have moved


def test_factors_worked_by_hand():
    """Equal shares, losses 3 and 1: 1/3 to 1, brought to a sum of two: 0.5 and 1.5."""
    given = losses(3.0, 1.0, names=("damage", "parts"))
    total = FamoBalance({"damage": 1.0, "parts": 2.0})(given, 16)
    total.backward()
    assert [float(loss.grad) for loss in given.values()] == pytest.approx([0.5, 3.0])


def test_the_task_that_falls_more_slowly_gains():
    balance = FamoBalance({"damage": 1.0, "parts": 1.0})
    balance(losses(2.0, 2.0, names=("damage", "parts")), 4)
    balance.look_back({"damage": torch.tensor(1.0), "parts": torch.tensor(1.9)})
    assert balance.table()["parts"] > 1 > balance.table()["damage"]


def test_an_absent_task_keeps_its_share():
    balance = FamoBalance(WEIGHTS)
    train(balance, 3)
    before = copy.deepcopy(balance)
    balance(losses(2.0, 2.0, names=("damage", "parts")), 4)
    balance.look_back({"damage": torch.tensor(1.0), "parts": torch.tensor(1.9)})
    assert [bool(b) for b in balance.logits != before.logits] == [True, True, False]
    assert balance.second[2] == before.second[2]
    alone = losses(2.0, names=("lane",))
    balance(alone, 4).backward()
    assert float(alone["lane"].grad) == pytest.approx(1.0)  # the plain gradient
    balance.look_back({"lane": torch.tensor(1.0)})
    assert balance.logits[2] == before.logits[2]


def test_a_run_that_goes_on_is_as_it_was():
    whole, first, second = (FamoBalance(WEIGHTS) for _ in range(3))
    train(whole, 5, seed=1)
    train(whole, 5, seed=2)
    train(first, 5, seed=1)
    second.load_state_dict(first.state_dict())
    train(second, 5, seed=2)
    assert second.table() == whole.table()


def test_what_is_no_number_moves_nothing():
    balance = FamoBalance(WEIGHTS)
    train(balance, 2)
    before = copy.deepcopy(balance.state_dict())
    balance(losses(1.0, 1.0, 1.0), 4)
    balance.look_back({name: torch.tensor(float("nan")) for name in WEIGHTS})
    assert all(torch.equal(value, before[name]) for name, value in balance.state_dict().items())


def test_several_processes_are_refused():
    FamoBalance.check_run(Run("famo"))
    with pytest.raises(AyolomError, match=r"balance=famo: .*train on one device"):
        FamoBalance.check_run(Run("famo", processes=2))
