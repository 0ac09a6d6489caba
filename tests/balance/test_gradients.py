"""Weighed gradients against the explicit Jacobian: torchjd's aggregators, and a projection by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ayolom.balance import PCGradBalance, Run, UPGradBalance
from ayolom.balance._gradients import joined_gradients
from ayolom.errors import AyolomError

aggregation = pytest.importorskip("torchjd.aggregation")
every = pytest.mark.parametrize(
    ("balance", "aggregator"),
    [
        pytest.param(UPGradBalance, lambda tasks=2: aggregation.UPGrad(pref_vector=torch.ones(tasks)), id="upgrad"),
        pytest.param(PCGradBalance, lambda tasks=2: aggregation.PCGrad(), id="pcgrad"),
    ],
)


class Toy(nn.Module):
    """A shared layer and two heads that want opposite things of it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.shared = nn.Linear(3, 4)
        self.heads = nn.ModuleDict({"damage": nn.Linear(4, 1), "parts": nn.Linear(4, 1)})
        self.x = torch.randn(8, 3)

    def losses(self, *names: str) -> dict[str, torch.Tensor]:
        hidden, wanted = torch.tanh(self.shared(self.x)), {"damage": 2.0, "parts": 2.0}
        heads = {n: hidden @ ((1 if n == "damage" else -1) * self.heads[n].weight.abs().T) for n in names}
        return {n: ((heads[n] + self.heads[n].bias - wanted[n]) ** 2).sum() for n in names}


def gradients(toy: Toy) -> dict[str, torch.Tensor | None]:
    found = {name: None if p.grad is None else p.grad.clone() for name, p in toy.named_parameters()}
    toy.zero_grad()
    return found


def own(toy: Toy, name: str, weight: float = 1.0) -> dict[str, torch.Tensor | None]:
    """Return the gradient of one task's loss alone."""
    (weight * toy.losses(name)[name]).backward()
    return gradients(toy)


def weighed(balance, toy: Toy, *names: str, factor: float = 1.0) -> dict[str, torch.Tensor | None]:
    loss = balance(toy.losses(*names), 8, list(toy.parameters()))
    (factor * loss).backward()
    return gradients(toy)


def jacobian(damage: dict, parts: dict) -> torch.Tensor:
    return torch.stack(
        [torch.cat([g.flatten() for n, g in d.items() if n.startswith("shared")]) for d in (damage, parts)]
    )


@every
def test_shared_layers_get_what_the_aggregator_makes_of_the_jacobian(balance, aggregator):
    toy = Toy()
    damage, parts = own(toy, "damage", 3.0), own(toy, "parts")
    rows = jacobian(damage, parts)
    assert rows[0] @ rows[1] < 0  # they conflict
    found = weighed(balance({"damage": 3.0, "parts": 1.0}), toy, "damage", "parts")
    shared = torch.cat([g.flatten() for name, g in found.items() if name.startswith("shared")])
    torch.testing.assert_close(shared, aggregator()(rows), rtol=1e-4, atol=1e-5)
    assert (rows @ shared).min() > -1e-3 * rows.norm()  # along it neither loss rises
    assert not torch.allclose(shared, rows.sum(0))
    for name, gradient in found.items():
        if not name.startswith("shared"):
            torch.testing.assert_close(gradient, (damage if "damage" in name else parts)[name])


def test_pcgrad_worked_by_hand():
    """g1 = (1, 0), g2 = (-2, 1), product -2: (1, 0) + 2/5 (-2, 1) = (0.2, 0.4), and (-2, 1) + 2 (1, 0) = (0, 1)."""
    balance = PCGradBalance({"damage": 1.0, "parts": 1.0})
    shared = torch.zeros(2, requires_grad=True)
    losses = {"damage": shared @ torch.tensor([1.0, 0.0]), "parts": shared @ torch.tensor([-2.0, 1.0])}
    balance(losses, 1, [shared]).backward()
    assert shared.grad.tolist() == pytest.approx([0.2, 1.4])


@every
def test_without_conflict_it_is_the_weighted_sum(balance, aggregator):
    shared = torch.zeros(2, requires_grad=True)
    losses = {"damage": shared @ torch.tensor([1.0, 0.0]), "parts": shared @ torch.tensor([1.0, 4.0]) + 5}
    total = balance({"damage": 2.0, "parts": 0.5})(losses, 1, [shared])
    total.backward()
    assert total.item() == 2.5
    assert shared.grad.tolist() == pytest.approx([2.5, 2.0])


@every
def test_labels_of_one_task_give_the_plain_gradient(balance, aggregator):
    toy = Toy()
    plain, found = own(toy, "parts"), weighed(balance({"damage": 1.0, "parts": 1.0}), toy, "parts")
    for name, gradient in found.items():
        assert (gradient is None) == (plain[name] is None), name  # no momentum of the absent task's head moves
        assert gradient is None or torch.equal(gradient, plain[name])


@every
def test_batches_add_up_and_a_scaler_is_followed(balance, aggregator):
    toy, made = Toy(), balance({"damage": 1.0, "parts": 1.0})
    once = weighed(made, toy, "damage", "parts")
    made(toy.losses("damage", "parts"), 8, list(toy.parameters())).backward()
    twice = weighed(made, toy, "damage", "parts")
    large = weighed(made, toy, "damage", "parts", factor=1024.0)
    for name, gradient in once.items():
        torch.testing.assert_close(twice[name], 2 * gradient)
        torch.testing.assert_close(large[name], 1024 * gradient)


@every
def test_in_bfloat16_gradients_keep_the_type_of_the_parameters(balance, aggregator):
    toy = Toy()
    plain = weighed(balance({"damage": 1.0, "parts": 1.0}), toy, "damage", "parts")
    with torch.autocast("cpu", torch.bfloat16):
        found = weighed(balance({"damage": 1.0, "parts": 1.0}), toy, "damage", "parts")
    for name, gradient in found.items():
        assert gradient.dtype == torch.float32
        torch.testing.assert_close(gradient, plain[name], rtol=0.1, atol=0.5)


@every
def test_what_one_of_three_tasks_does_not_reach_is_shared_by_the_others(balance, aggregator):
    """Tasks a and b meet in `neck`, c does not reach it; all meet in `backbone`."""
    backbone, neck, head = (torch.ones(2, requires_grad=True) for _ in range(3))
    losses = {"a": backbone @ neck, "b": -(backbone * neck).prod(), "c": (backbone * head).sum()}
    rows = torch.tensor([[1.0, 1, 1, 1], [-1, -1, -1, -1], [1, 1, 0, 0]])  # at ones, of backbone and neck
    torch.manual_seed(1)  # PCGrad draws an order
    expected = aggregator(3)(rows)
    torch.manual_seed(1)
    balance({"a": 1.0, "b": 1.0, "c": 1.0})(losses, 1, [backbone, neck, head]).backward()
    torch.testing.assert_close(torch.cat((backbone.grad, neck.grad)), expected, rtol=1e-4, atol=1e-5)
    assert head.grad.tolist() == [1.0, 1.0]  # its own


@every
def test_scoring_has_nothing_to_weigh(balance, aggregator):
    toy, made = Toy(), balance({"damage": 1.0, "parts": 1.0}).eval()
    with torch.no_grad():
        losses = toy.losses("damage", "parts")
        assert torch.equal(made(losses, 8, list(toy.parameters())), torch.stack(list(losses.values())).sum())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0], ids=str)
def test_gradients_that_cannot_be_weighed_are_passed_on(value):
    shared = torch.ones(1, requires_grad=True)
    found = joined_gradients([value * shared.sum(), shared.sum()], [shared], lambda gramian: gramian.sum(1) * 0)
    expected = torch.tensor([value + 1.0])
    if value == 0.0:  # one gradient is zero: that can be weighed
        expected = torch.zeros(1)
    torch.testing.assert_close(found[0], expected, equal_nan=True)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        pytest.param({"processes": 2}, "train on one device, or use balance=fixed", id="several processes"),
        pytest.param({"compiled": True}, "set compile=False", id="compiled"),
        pytest.param({"float16": True}, "set amp=bf16 or amp=False", id="float16"),
    ],
)
def test_runs_whose_gradients_cannot_be_weighed_are_refused(run, message):
    UPGradBalance.check_run(Run("upgrad"))
    with pytest.raises(AyolomError, match=f"balance=upgrad: .*{message}"):
        UPGradBalance.check_run(Run("upgrad", **run))


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("ayolom.balance._gradients.find_spec", lambda name: None)
    with pytest.raises(AyolomError, match=r'balance=pcgrad: .*pip install "ayolom\[mtl\]"'):
        PCGradBalance.check_run(Run("pcgrad"))
