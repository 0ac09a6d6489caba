"""How the losses of tasks become one. What layers get of it, image by image, is in test_gradients.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn

from ayolom.balance import make_balance
from ayolom.config import make_settings
from ayolom.nn.criterion import MultiTaskLoss, labelled_images, take
from ayolom.nn.model import MultiTaskModel
from ayolom.tasks import TaskSpec, make_task

BOTH, BOXES, MASK, NONE = ("damage", "parts"), ("damage",), ("parts",), ()
MakeBatch = Callable[..., dict[str, Any]]


def quiet(model: MultiTaskModel) -> MultiTaskModel:
    """Return the network in training, its normalisation by stored statistics, so that images do not meet."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    return model


@pytest.fixture
def model(spec: dict[str, Any]) -> MultiTaskModel:
    """Return the small network, gates without a cost."""
    model = quiet(MultiTaskModel(spec))
    model.settings = make_settings({"gate_cost": 0.0})
    return model


def gradients(model: MultiTaskModel, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Return the gradient of every parameter that has one."""
    model.zero_grad(set_to_none=True)
    model.loss(batch)[0].backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def chosen(batch: dict[str, Any], images: list[int]) -> dict[str, Any]:
    """Return a batch of the given images in the given order, its instances renumbered, one by one."""
    rows = [(new, row) for new, old in enumerate(images) for row in (batch["batch_idx"] == old).nonzero().flatten()]
    index = torch.tensor([int(row) for _, row in rows], dtype=torch.long)
    return {
        "img": batch["img"][images],
        "semantic_mask": batch["semantic_mask"][images],
        "cls": batch["cls"][index],
        "bboxes": batch["bboxes"][index],
        "batch_idx": torch.tensor([float(new) for new, _ in rows]),
        "labelled": tuple(batch["labelled"][i] for i in images),
    }


def several(batch: dict[str, Any]) -> dict[str, Any]:
    """Return the batch with a second box in every image but the first, instances grouped by image as collated."""
    number = len(batch["img"])
    image = torch.cat((batch["batch_idx"], torch.arange(1, number).float()))
    more = {
        "cls": torch.cat((batch["cls"], torch.arange(1, number).remainder(3).view(-1, 1).float())),
        "bboxes": torch.cat((batch["bboxes"], torch.tensor([[0.3, 0.7, 0.25, 0.35]]).repeat(number - 1, 1))),
        "batch_idx": image,
    }
    return {**batch, **{key: value[image.argsort(stable=True)] for key, value in more.items()}}


# Items ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("labelled", [BOTH, BOXES, MASK, NONE], ids=["both", "boxes", "mask", "nothing"])
def test_every_item_is_there_in_every_batch_and_zero_without_labels(model, make_batch: MakeBatch, labelled) -> None:
    _, items = model.loss(make_batch(labelled, labelled))
    assert tuple(items) == model.criterion.names
    assert tuple(items) == (
        "damage/box_loss",
        "damage/cls_loss",
        "damage/dfl_loss",
        "parts/ce_loss",
        "parts/dice_loss",
        "parts/aux_loss",
        "parts/lovasz_loss",
    )
    for name, value in items.items():
        expected = name.split("/")[0] in labelled and name != "parts/aux_loss"  # this head has no auxiliary branch
        assert (float(value) > 0) is expected, name
        assert not value.requires_grad


@pytest.mark.parametrize("balance", ["fixed", "uncertainty"])
def test_nothing_labelled_is_a_loss_of_0_with_a_graph(model, make_batch: MakeBatch, balance) -> None:
    model.settings = make_settings({"gate_cost": 1.0})
    model.balance = make_balance(balance, list(model.tasks))
    loss, _ = model.loss(make_batch(NONE, NONE))
    assert float(loss.detach()) == 0.0
    loss.backward()
    assert not any(p.grad.any() for p in model.parameters() if p.grad is not None)


# Sums -----------------------------------------------------------------------------------------------------------------
def test_the_loss_is_the_sum_of_the_tasks_alone(model, make_batch: MakeBatch) -> None:
    together = model.loss(make_batch(BOTH, BOTH))[0]
    alone = [float(model.loss(make_batch((name,), (name,)))[0].detach()) for name in BOTH]
    assert float(together.detach()) == pytest.approx(sum(alone), rel=1e-5)


def test_doubling_a_task_weight_doubles_its_gradient_alone(model, make_batch: MakeBatch) -> None:
    batch = make_batch(BOTH, BOTH)
    once = gradients(model, batch)
    parts = gradients(model, make_batch(MASK, MASK))
    model.balance = make_balance("fixed", list(model.tasks), {"parts": 2.0})
    twice = gradients(model, batch)
    for name, gradient in twice.items():
        expected = once[name] + parts[name] if name in parts else once[name]
        torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-4, msg=name)
    assert any(name in parts and parts[name].any() for name in twice)


def test_a_weight_of_0_silences_a_task(model, make_batch: MakeBatch) -> None:
    model.balance = make_balance("fixed", list(model.tasks), {"parts": 0.0})
    loss, items = model.loss(make_batch(BOTH, BOTH))
    assert float(loss.detach()) == pytest.approx(float(model.loss(make_batch(BOXES, BOXES))[0].detach()), rel=1e-5)
    assert float(items["parts/ce_loss"]) > 0, "still told"


def test_open_gates_cost_by_image_and_openness(model, make_batch: MakeBatch) -> None:
    batch = make_batch(BOTH, BOTH, NONE)
    free = float(model.loss(batch)[0].detach())
    model.settings = make_settings({"gate_cost": 0.5})
    with torch.no_grad():
        model.gates()[0].gate.fill_(math.log(3))  # sigmoid 0.75
    assert float(model.loss(batch)[0].detach()) == pytest.approx(free + 0.5 * 3 * 0.75, rel=1e-5)


# Balance --------------------------------------------------------------------------------------------------------------
def test_learned_balance_is_the_formula_over_the_tasks_present(model, make_batch: MakeBatch) -> None:
    """exp(-s) L + N s for each task, N images in the batch; d/ds = N - exp(-s) L."""
    batch = make_batch(BOTH, BOXES, MASK)
    alone = {name: float(model.loss({**batch, "labelled": _only(batch, name)})[0].detach()) for name in BOTH}
    model.balance = make_balance("uncertainty", list(model.tasks))
    variances = model.balance.log_variances
    with torch.no_grad():
        variances["damage"].fill_(0.7)
        variances["parts"].fill_(-0.4)
    loss, _ = model.loss(batch)
    loss.backward()
    s = {"damage": 0.7, "parts": -0.4}
    assert float(loss.detach()) == pytest.approx(sum(math.exp(-s[n]) * alone[n] + 3 * s[n] for n in BOTH), rel=1e-5)
    for name in BOTH:
        assert float(variances[name].grad) == pytest.approx(3 - math.exp(-s[name]) * alone[name], rel=1e-4)


def _only(batch: dict[str, Any], task: str) -> tuple[tuple[str, ...], ...]:
    """Return what images are labelled for, one task alone."""
    return tuple(tuple(name for name in names if name == task) for names in batch["labelled"])


def test_learned_balance_of_an_absent_task_is_left_alone(model, make_batch: MakeBatch) -> None:
    model.balance = make_balance("uncertainty", list(model.tasks))
    model.loss(make_batch(BOXES, BOXES))[0].backward()
    assert model.balance.log_variances["parts"].grad is None
    assert float(model.balance.log_variances["damage"].grad) != 0


def test_the_balance_is_trained_and_saved_with_the_model(model) -> None:
    model.balance = make_balance("uncertainty", list(model.tasks))
    assert {"balance.log_variances.damage", "balance.log_variances.parts"} <= set(model.state_dict())


# Order and choice of images -------------------------------------------------------------------------------------------
def test_the_order_of_instances_within_an_image_does_not_matter(model, make_batch: MakeBatch) -> None:
    batch = several(make_batch(BOTH, BOTH, BOTH))
    order = torch.tensor([0, 2, 1, 4, 3])
    assert torch.equal(batch["batch_idx"][order], batch["batch_idx"])
    shuffled = {**batch, **{key: batch[key][order] for key in ("cls", "bboxes", "batch_idx")}}
    _assert_same(model, batch, shuffled)


def test_the_order_of_images_does_not_matter(model, make_batch: MakeBatch) -> None:
    batch = several(make_batch(BOTH, BOXES, NONE, MASK))
    _assert_same(model, batch, chosen(batch, [3, 1, 0, 2]))


@pytest.mark.parametrize("end2end", [False, True], ids=["NMS", "end-to-end"])
def test_images_that_are_not_labelled_might_as_well_not_be_there(spec, make_batch: MakeBatch, end2end) -> None:
    """The loss of a task is a mean times its own images, so that images without its labels do not water it down."""
    model = quiet(MultiTaskModel({**spec, "end2end": end2end}))
    model.settings = make_settings({"gate_cost": 0.0})
    batch = several(make_batch(NONE, BOXES, NONE, BOXES, NONE))
    _assert_same(model, batch, chosen(batch, [1, 3]))


def test_labels_of_images_that_are_not_labelled_are_not_read(model, make_batch: MakeBatch) -> None:
    batch = several(make_batch(BOTH, MASK, BOXES))
    junk = deepcopy(batch)
    junk["semantic_mask"][2] = 3
    junk["bboxes"][junk["batch_idx"] == 1] = 0.1
    _assert_same(model, batch, junk)


def _assert_same(model: MultiTaskModel, one: dict[str, Any], other: dict[str, Any]) -> None:
    """Compare loss, items and gradients of two batches."""
    (loss, items), (expected, expected_items) = model.loss(one), model.loss(other)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(items, expected_items, rtol=1e-5, atol=1e-6)
    first, second = gradients(model, one), gradients(model, other)
    assert first.keys() == second.keys()
    for name, gradient in first.items():
        torch.testing.assert_close(gradient, second[name], rtol=1e-3, atol=1e-4, msg=name)


# Data with other tasks ------------------------------------------------------------------------------------------------
def test_class_ids_count_from_the_data_sets_tasks(model, make_batch: MakeBatch) -> None:
    """The data has a task more than the model, and another order: boxes of damage start at id 2, parts is plane 1."""
    batch = make_batch(BOTH, BOTH)
    expected, _ = model.loss(batch)
    vehicles = make_task(TaskSpec("vehicles", "detect", {0: "car", 1: "bus"}))
    road = make_task(TaskSpec("road", "semantic", {0: "road"}))
    model.data_tasks = [vehicles, road, model.tasks["parts"], model.tasks["damage"]]
    other = {
        **batch,
        "cls": torch.cat((torch.tensor([[0.0], [1.0]]), batch["cls"] + 2)),
        "bboxes": torch.cat((torch.tensor([[0.2, 0.2, 0.1, 0.1], [0.6, 0.6, 0.4, 0.4]]), batch["bboxes"])),
        "batch_idx": torch.cat((torch.tensor([0.0, 1.0]), batch["batch_idx"])),
        "semantic_mask": torch.cat((torch.zeros_like(batch["semantic_mask"]), batch["semantic_mask"]), 1),
    }
    assert float(model.loss(other)[0].detach()) == pytest.approx(float(expected.detach()), rel=1e-6)


def test_tasks_that_were_not_computed_add_nothing(model, make_batch: MakeBatch) -> None:
    batch = make_batch(BOTH, BOTH)
    model.active = frozenset({"parts"})
    loss, items = model.loss(batch, model(batch["img"]))
    assert float(items["damage/cls_loss"]) == 0.0 < float(items["parts/ce_loss"])
    model.active = None
    assert float(loss.detach()) == pytest.approx(float(model.loss(make_batch(MASK, MASK))[0].detach()), rel=1e-5)


# Schedules ------------------------------------------------------------------------------------------------------------
def test_a_resumed_schedule_stands_where_it_would_have_stood(spec) -> None:
    """The base moves weight from the one-to-many to the one-to-one branch with every epoch."""
    model = MultiTaskModel({**spec, "end2end": True})
    model.args.epochs = 10
    through, resumed = MultiTaskLoss(model), MultiTaskLoss(model)
    for _ in range(4):
        through.update()
    resumed.resume(4)
    branch, again = through.criteria["damage"], resumed.criteria["damage"]
    assert 0.1 < branch.o2m < 0.8
    assert (again.o2m, again.o2o, again.updates) == (branch.o2m, branch.o2o, 4)


# Helpers --------------------------------------------------------------------------------------------------------------
def test_take_reaches_into_nested_output() -> None:
    values = torch.arange(6).view(3, 2)
    output = {"a": [values, (values + 10,)], "b": None, "c": 5}
    taken = take(output, torch.tensor([True, False, True]))
    assert taken["a"][0].tolist() == [[0, 1], [4, 5]]
    assert taken["a"][1][0].tolist() == [[10, 11], [14, 15]]
    assert (taken["b"], taken["c"]) == (None, 5)


def test_labelled_images(make_batch: MakeBatch) -> None:
    batch = make_batch(BOTH, NONE, MASK)
    assert labelled_images(batch, "parts").tolist() == [True, False, True]
    assert labelled_images(batch, "damage").tolist() == [True, False, False]
    del batch["labelled"]
    assert labelled_images(batch, "parts").tolist() == [True, True, True]
