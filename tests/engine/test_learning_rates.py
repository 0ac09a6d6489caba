"""Rates of parts against numbers worked by hand, along warm-up and schedule."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from ultralytics.engine.trainer import BaseTrainer

from ayolom.config import make_settings
from ayolom.engine.freezing import layers_of
from ayolom.engine.learning_rates import SCALED_BIAS, scale_rates
from ayolom.engine.trainer import MultiTaskTrainer
from ayolom.errors import AyolomError
from ayolom.nn.model import MultiTaskModel


@pytest.fixture(scope="module")
def model() -> MultiTaskModel:
    return MultiTaskModel("aYOLOM26n.yaml")


def bare(**values: object) -> MultiTaskTrainer:
    """Return a trainer that has these values and has read nothing."""
    trainer = MultiTaskTrainer.__new__(MultiTaskTrainer)
    trainer.__dict__.update(values)
    return trainer


def optimizer_of(model: MultiTaskModel, name: str, **settings: object) -> torch.optim.Optimizer:
    trainer = bare(settings=make_settings(settings), data_tasks=list(model.tasks.values()))
    return trainer.build_optimizer(model, name, lr=0.01, momentum=0.9, decay=5e-4, iterations=100)


def rate_of(optimizer: torch.optim.Optimizer, parameter: torch.Tensor) -> float:
    (rate,) = [g["lr"] for g in optimizer.param_groups for p in g["params"] if p is parameter]
    return rate


def first_of(model: MultiTaskModel, block: str, what: str = "weight") -> torch.Tensor:
    layer = min(layers_of(model, block, "test"))
    return next(p for name, p in model.model[layer].named_parameters() if name.endswith(what))


@pytest.mark.parametrize("name", ["AdamW", "SGD", "MuSGD"])
def test_every_parameter_is_in_one_group_at_its_rate(model: MultiTaskModel, name: str) -> None:
    plain = optimizer_of(model, name)
    scaled = optimizer_of(model, name, lr_scale={"backbone": 0.1, "parts": 2.0, "parts.head": 0.5})
    backbone, parts, last = (layers_of(model, block, "test") for block in ("backbone", "parts.neck", "parts.head"))
    expected = {id(p): 1.0 for p in model.parameters()}
    for numbers, scale in ((backbone, 0.1), (parts, 2.0), (last, 0.5)):
        expected.update({id(p): scale for i in numbers for p in model.model[i].parameters()})
    expected.update({id(gate.gate): 1.0 for gate in model.gates()})  # gates have gate_lr
    held = [p for group in scaled.param_groups for p in group["params"]]
    assert len(held) == len({id(p) for p in held}) == sum(len(g["params"]) for g in plain.param_groups)
    for parameter in held:
        assert rate_of(scaled, parameter) == pytest.approx(expected[id(parameter)] * rate_of(plain, parameter))
    decays = [{id(p): g["weight_decay"] for g in made.param_groups for p in g["params"]} for made in (plain, scaled)]
    assert decays[0] == decays[1]


def test_nothing_given_is_the_plain_optimizer(model: MultiTaskModel) -> None:
    made = [optimizer_of(model, "AdamW", **settings) for settings in ({}, {"lr_scale": {}})]
    groups = [[{**g, "params": [id(p) for p in g["params"]]} for g in optimizer.param_groups] for optimizer in made]
    assert groups[0] == groups[1]
    assert SCALED_BIAS not in {g["param_group"] for g in groups[0]}


def test_schedule_and_warm_up_lead_to_the_scaled_rate(model: MultiTaskModel) -> None:
    """Base rate 0.01, backbone a tenth; linear schedule over 10 epochs to 0.1: 0.91, 0.82 of the rate after 1, 2."""
    trainer = bare(args=SimpleNamespace(cos_lr=False, lrf=0.1), epochs=10)
    trainer.optimizer = optimizer_of(model, "SGD", lr_scale={"backbone": 0.1})
    BaseTrainer._setup_scheduler(trainer)
    head, backbone = first_of(model, "damage.head"), first_of(model, "backbone")
    seen = []
    for _ in range(3):
        seen.append((rate_of(trainer.optimizer, head), rate_of(trainer.optimizer, backbone)))
        trainer.optimizer.step()
        trainer.scheduler.step()
    assert seen == [pytest.approx(pair) for pair in ((0.01, 0.001), (0.0091, 0.00091), (0.0082, 0.00082))]
    # Half way through the warm-up of the base, as its loop reckons: from 0.1 or 0 to the group's own rate.
    half = {}
    for group in trainer.optimizer.param_groups:
        start = 0.1 if group.get("param_group") == "bias" else 0.0
        half.update({id(p): (start + group["initial_lr"]) / 2 for p in group["params"]})
    assert half[id(backbone)] == pytest.approx(0.0005)
    assert half[id(head)] == pytest.approx(0.005)
    assert half[id(first_of(model, "backbone", "bias"))] == pytest.approx(0.0005)  # not from 0.1
    assert half[id(first_of(model, "damage.head", "bias"))] == pytest.approx(0.055)


def test_saved_and_resumed_rates_are_the_same(model: MultiTaskModel) -> None:
    first, second = (optimizer_of(model, "AdamW", lr_scale={"backbone": 0.1, "parts": 2.0}) for _ in range(2))
    schedule = torch.optim.lr_scheduler.LambdaLR(first, lambda epoch: 1 - epoch / 10)
    first.step()
    schedule.step()
    second.load_state_dict(first.state_dict())
    for ours, theirs in zip(second.param_groups, first.param_groups, strict=True):
        assert {k: v for k, v in ours.items() if k != "params"} == {k: v for k, v in theirs.items() if k != "params"}
        assert [id(p) for p in ours["params"]] == [id(p) for p in theirs["params"]]


def test_wrong_names_and_numbers_are_refused(model: MultiTaskModel) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(AyolomError, match=r"lr_scale=backbones: no such block. Did you mean 'backbone'"):
        scale_rates(optimizer, model, {"backbones": 0.1})
    for wrong in (0, -1, "fast", True):
        with pytest.raises(AyolomError, match=r"lr_scale: backbone: must be a number over 0 \(got"):
            make_settings({"lr_scale": {"backbone": wrong}})
