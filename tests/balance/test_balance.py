"""How losses are weighed: sums by hand, what is learned, and that an absent task is left alone."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from ayolom.balance import BALANCES, FixedBalance, UncertaintyBalance, make_balance
from ayolom.errors import AyolomError


def losses(**values: float) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(value, requires_grad=True) for name, value in values.items()}


def test_fixed_is_the_weighted_sum():
    balance, given = FixedBalance({"damage": 2.0, "parts": 0.5}), losses(damage=3.0, parts=8.0)
    total = balance(given, scale=16)
    total.backward()
    assert total.item() == 10.0
    assert [float(loss.grad) for loss in given.values()] == [2.0, 0.5]
    assert balance.table() == {"damage": 2.0, "parts": 0.5}
    assert not list(balance.parameters())


@pytest.mark.parametrize("name", BALANCES)
def test_absent_task_adds_nothing(name):
    balance = make_balance(name, ["damage", "parts"])
    alone = make_balance(name, ["parts"])
    assert torch.equal(balance(losses(parts=8.0), 4), alone(losses(parts=8.0), 4))


@pytest.mark.parametrize("name", [name for name in BALANCES if name != "famo"])  # whose factors follow the losses
def test_doubling_a_weight_doubles_that_gradient_alone(name):
    gradients = []
    for weight in (1.0, 2.0):
        given = losses(damage=3.0, parts=8.0)
        make_balance(name, ["damage", "parts"], {"parts": weight})(given, 4).backward()
        gradients.append([float(loss.grad) for loss in given.values()])
    assert gradients == [[1.0, 1.0], [1.0, 2.0]]


def test_uncertainty_worked_by_hand():
    """w (exp(-s) L + N s): 2 (3 / 2 + 4 ln 2) + (8 * 3 - 4 ln 3)."""
    balance, given = UncertaintyBalance({"damage": 2.0, "parts": 1.0}), losses(damage=3.0, parts=8.0)
    with torch.no_grad():
        balance.log_variances["damage"].fill_(math.log(2))
        balance.log_variances["parts"].fill_(-math.log(3))
    total = balance(given, scale=4)
    total.backward()
    assert total.item() == pytest.approx(2 * (1.5 + 4 * math.log(2)) + 24 - 4 * math.log(3))
    assert [float(loss.grad) for loss in given.values()] == pytest.approx([1.0, 3.0])
    slopes = {name: float(s.grad) for name, s in balance.log_variances.items()}
    assert slopes == pytest.approx({"damage": 2 * (4 - 1.5), "parts": 4 - 24})
    assert balance.table() == pytest.approx({"damage": 1.0, "parts": 3.0})


def test_uncertainty_starts_as_the_weighted_sum():
    weights, given = {"damage": 2.0, "parts": 0.5}, losses(damage=3.0, parts=8.0)
    assert torch.equal(UncertaintyBalance(weights)(given, 16), FixedBalance(weights)(given, 16))


@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_best_log_variance_is_the_logarithm_of_the_loss_of_one_image(weight):
    balance = UncertaintyBalance({"damage": weight, "parts": 1.0})
    optimizer = torch.optim.SGD(balance.parameters(), lr=0.02)
    for _ in range(600):
        optimizer.zero_grad()
        balance({"damage": torch.tensor(16 * 5.0), "parts": torch.tensor(16 * 0.2)}, scale=16).backward()
        optimizer.step()
    learned = {name: float(s.detach()) for name, s in balance.log_variances.items()}
    assert learned == pytest.approx({"damage": math.log(5.0), "parts": math.log(0.2)}, abs=1e-3)


@pytest.mark.parametrize(
    "make_optimizer",
    [
        pytest.param(lambda p: torch.optim.AdamW(p, lr=0.1, betas=(0.937, 0.999), weight_decay=0.1), id="AdamW"),
        pytest.param(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.937, weight_decay=0.1), id="SGD with momentum"),
    ],
)
def test_log_variance_of_an_absent_task_does_not_move(make_optimizer):
    balance = UncertaintyBalance({"damage": 1.0, "parts": 1.0})
    optimizer = make_optimizer(balance.parameters())
    moved = []
    for present in (("damage", "parts"), ("damage", "parts"), ("damage",), ("damage",), ("damage",)):
        before = copy.deepcopy(balance.state_dict())
        optimizer.zero_grad()
        balance({name: torch.tensor(7.0) for name in present}, scale=2).backward()
        if "parts" not in present:
            assert balance.log_variances["parts"].grad is None
        optimizer.step()
        moved.append({key.rsplit(".", 1)[-1] for key, value in balance.state_dict().items() if value != before[key]})
    assert moved == [{"damage", "parts"}] * 2 + [{"damage"}] * 3


def test_what_is_learned_is_saved_and_copied():
    balance = UncertaintyBalance({"damage": 1.0, "parts": 1.0})
    with torch.no_grad():
        balance.log_variances["parts"].fill_(0.5)
    state = balance.state_dict()
    assert set(state) == {"log_variances.damage", "log_variances.parts"}
    fresh = UncertaintyBalance({"damage": 1.0, "parts": 1.0})
    fresh.load_state_dict(state)
    assert fresh.table() == balance.table() == copy.deepcopy(balance).table()


def test_make_balance_fills_in_weights():
    assert make_balance("fixed", ["a", "b"], {"b": 3}).table() == {"a": 1.0, "b": 3.0}
    assert isinstance(make_balance("uncertainty", ["a"]), UncertaintyBalance)


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        pytest.param("fixd", {}, "must be one of fixed, uncertainty, dwa, .*Did you mean 'fixed'", id="unknown name"),
        pytest.param("fixed", {"part": 1.0}, "no task 'part'.*Did you mean 'parts'", id="unknown task"),
        pytest.param("fixed", {"parts": -1.0}, "parts must have a finite number, 0 or more", id="negative"),
        pytest.param("uncertainty", {"parts": math.nan}, "parts must have a finite number", id="not a number"),
        pytest.param("fixed", {"parts": "much"}, "parts must have a finite number.*'much'", id="text"),
    ],
)
def test_wrong_settings_are_refused(name, weights, message):
    with pytest.raises(AyolomError, match=message):
        make_balance(name, ["damage", "parts"], weights)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({}, "got none", id="no loss"),
        pytest.param({"depth": 1.0}, "of tasks damage, parts .got depth", id="unknown task"),
    ],
)
def test_losses_of_no_known_task_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        FixedBalance({"damage": 1.0, "parts": 1.0})(losses(**given))
