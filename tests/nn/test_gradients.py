"""What a batch teaches which layers, when its images are labelled for some tasks only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from ayolom.balance import make_balance
from ayolom.config import make_settings
from ayolom.nn.criterion import take
from ayolom.nn.model import MultiTaskModel

if TYPE_CHECKING:
    from collections.abc import Callable

BOTH, BOXES, MASK, NONE = ("damage", "parts"), ("damage",), ("parts",), ()
Batches = "Callable[..., dict[str, Any]]"


@pytest.fixture
def model(spec: dict[str, Any]) -> MultiTaskModel:
    """A network without a cost of gates, whose normalisation does not mix the images of a batch."""
    model = MultiTaskModel(spec)
    model.settings = make_settings({"gate_cost": 0.0})
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    return model


def _gradients(model: MultiTaskModel, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Return the gradient of every parameter, zeros where there is none."""
    model.zero_grad(set_to_none=True)
    loss, _ = model.loss(batch)
    loss.backward()
    return {name: torch.zeros_like(p) if p.grad is None else p.grad.clone() for name, p in model.named_parameters()}


def _of(gradients: dict[str, torch.Tensor], model: MultiTaskModel, block: str) -> list[torch.Tensor]:
    """Return the gradients of the layers of a block."""
    rows = {layer.i for layer in model.model if layer.block.startswith(block)}
    return [gradient for name, gradient in gradients.items() if int(name.split(".")[1]) in rows]


def test_a_tasks_layers_get_nothing_from_another_tasks_loss(model: MultiTaskModel, make_batch: Batches) -> None:
    boxes = _gradients(model, make_batch(BOXES, BOXES))
    mask = _gradients(model, make_batch(MASK, MASK))
    assert not any(gradient.any() for gradient in _of(boxes, model, "parts"))
    assert not any(gradient.any() for gradient in _of(mask, model, "damage"))
    assert any(gradient.any() for gradient in _of(boxes, model, "damage.neck"))
    assert any(gradient.any() for gradient in _of(mask, model, "parts.neck"))


def test_the_backbone_gets_the_sum(model: MultiTaskModel, make_batch: Batches) -> None:
    both = _gradients(model, make_batch(BOTH, BOTH))
    boxes = _gradients(model, make_batch(BOXES, BOXES))
    mask = _gradients(model, make_batch(MASK, MASK))
    assert any(gradient.any() for gradient in _of(both, model, "backbone"))
    for name, gradient in both.items():
        torch.testing.assert_close(gradient, boxes[name] + mask[name], rtol=1e-3, atol=1e-5)


def test_a_task_without_labels_adds_exactly_nothing(model: MultiTaskModel, make_batch: Batches) -> None:
    loss, items = model.loss(make_batch(BOXES, BOXES))
    alone = model.criterion.criteria["damage"](
        model(make_batch(BOXES, BOXES)["img"])["damage"],
        model.tasks["damage"].select(make_batch(BOXES, BOXES), torch.ones(2, dtype=bool), list(model.tasks.values())),
    )[0].sum()
    assert float(loss.detach()) == float(alone.detach())
    assert all(float(value) == 0 for name, value in items.items() if name.startswith("parts/"))
    assert all(value.isfinite() for value in items.values())


def test_a_batch_without_any_label_can_go_backward(model: MultiTaskModel, make_batch: Batches) -> None:
    gradients = _gradients(model, make_batch(NONE, NONE))
    assert not any(gradient.any() for gradient in gradients.values())


@pytest.mark.parametrize("value", [1.0, -1.0], ids=["open", "closed"])
def test_every_gate_gets_a_gradient(spec: dict[str, Any], make_batch: Batches, value: float) -> None:
    spec["tasks"]["parts"]["neck"].append([[-1, "B2"], 1, "AdaptiveConcat", []])
    spec["tasks"]["parts"]["head"][0] = ["N3"]
    model = MultiTaskModel(spec)
    with torch.no_grad():
        for gate in model.gates():
            gate.gate.fill_(value)
    gradients = _gradients(model, make_batch(BOTH, BOTH))
    found = [gradient for name, gradient in gradients.items() if name.endswith(".gate")]
    assert len(found) == 2
    assert all(gradient.isfinite() and gradient != 0 for gradient in found)


LABELLED = {
    "all for both": [BOTH] * 4,
    "each for one": [BOXES, MASK, BOXES, MASK],
    "some for both": [BOTH, BOXES, NONE, MASK],
    "one task only": [NONE, MASK, MASK, NONE],
    "a number that is filled up": [BOXES, BOXES, BOXES, MASK, NONE, NONE, NONE, NONE],
}


@pytest.mark.parametrize("labelled", LABELLED.values(), ids=LABELLED)
def test_layers_on_labelled_images_give_what_layers_on_all_images_give(
    model: MultiTaskModel, make_batch: Batches, labelled: list[tuple[str, ...]]
) -> None:
    images = make_batch(*labelled)["img"]
    wanted = {name: torch.tensor([name in names for names in labelled]) for name in model.tasks}
    whole = model(images)
    part = model._forward_labelled(images, wanted)
    assert set(part) == {name for name, mask in wanted.items() if mask.any()}
    for name, output in part.items():
        torch.testing.assert_close(output, take(whole[name], wanted[name]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("labelled", LABELLED.values(), ids=LABELLED)
def test_loss_and_gradients_equal_those_of_all_layers_on_all_images(
    model: MultiTaskModel, make_batch: Batches, labelled: list[tuple[str, ...]]
) -> None:
    batch = make_batch(*labelled)
    loss, items = model.loss(batch)
    gradients = _gradients(model, batch)
    model.zero_grad(set_to_none=True)
    expected, expected_items = model.loss(batch, model(batch["img"]))
    expected.backward()
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(items, expected_items, rtol=1e-4, atol=1e-4)
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-3, atol=1e-4)


def test_each_layer_runs_on_the_images_that_teach_it(model: MultiTaskModel, make_batch: Batches) -> None:
    sizes: dict[str, set[int]] = {}

    def note(layer: Any, inputs: Any, _: Any) -> None:
        first = inputs[0][0] if isinstance(inputs[0], list) else inputs[0]
        sizes.setdefault(layer.block, set()).add(len(first))

    for layer in model.model:
        layer.register_forward_hook(note)
    model.loss(make_batch(BOXES, BOTH, NONE, BOXES))
    assert sizes == {"backbone": {3}, "damage.neck": {3}, "damage.head": {3}, "parts.neck": {1}, "parts.head": {1}}


def test_numbers_of_images_are_filled_up_to_few_sizes(model: MultiTaskModel, make_batch: Batches) -> None:
    """Of twelve images multiples of three are run, none where none is labelled."""
    sizes = set()
    model.model[model.heads["damage"]].register_forward_hook(lambda *args: sizes.add(len(args[2]["boxes"])))
    for labelled in range(13):
        model.loss(make_batch(*[BOXES] * labelled, *[MASK] * (12 - labelled)))
    assert sizes == {3, 6, 9, 12}


def test_a_shared_row_runs_on_the_images_of_all_its_tasks(
    make_spec: Callable[..., dict[str, Any]], make_batch: Batches, spec: dict[str, Any]
) -> None:
    parts = spec["tasks"]["parts"]
    glass = {"kind": "semantic", "nc": 4, "head": ["parts.N1", "SegmentationHead", [4, 4]]}
    model = MultiTaskModel(make_spec(parts=parts, glass=glass))
    sizes: dict[int, int] = {}
    for layer in model.model:
        layer.register_forward_hook(lambda layer, _, output: sizes.__setitem__(layer.i, len(output)))
    held = {"parts": torch.tensor([True, False, False, True]), "glass": torch.tensor([False, True, False, True])}
    output = model._forward_labelled(make_batch(NONE, NONE, NONE, NONE)["img"], held)
    assert [sizes[i] for i in range(5, 10)] == [3, 3, 2, 2, 2]
    assert len(output["glass"]) == len(output["parts"]) == 2


def test_without_a_word_on_labels_all_images_teach_all_tasks(model: MultiTaskModel, make_batch: Batches) -> None:
    batch = make_batch(BOTH, BOTH)
    expected, _ = model.loss(batch)
    del batch["labelled"]
    assert float(model.loss(batch)[0].detach()) == float(expected.detach())


def test_channels_last_survives_the_choice_of_images(model: MultiTaskModel, make_batch: Batches) -> None:
    layouts: list[bool] = []
    for layer in model.model:
        if layer.i not in model.heads.values():
            layer.register_forward_hook(
                lambda *args: layouts.append(args[2].is_contiguous(memory_format=torch.channels_last))
            )
    model.to(memory_format=torch.channels_last)
    images = make_batch(BOXES, BOTH, NONE, BOXES)["img"].contiguous(memory_format=torch.channels_last)
    model._forward_labelled(
        images, {"damage": torch.tensor([True, True, False, True]), "parts": torch.tensor([False, True, False, False])}
    )
    assert layouts == [True] * 9


@pytest.mark.parametrize("name", ["upgrad", "pcgrad"])
def test_weighed_gradients_reach_the_backbone_and_each_tasks_own_go_to_its_layers(
    model: MultiTaskModel, make_batch: Batches, name: str
) -> None:
    aggregation = pytest.importorskip("torchjd.aggregation")
    boxes = _gradients(model, make_batch(BOXES, NONE))
    mask = _gradients(model, make_batch(NONE, MASK))
    model.balance = make_balance(name, list(model.tasks)).train()
    found = _gradients(model, make_batch(BOXES, MASK))
    for block, alone in (("damage", boxes), ("parts", mask)):
        for ours, own in zip(_of(found, model, block), _of(alone, model, block), strict=True):
            torch.testing.assert_close(ours, own, rtol=1e-4, atol=1e-5)
    rows = [torch.cat([g.flatten() for g in _of(alone, model, "backbone")]) for alone in (boxes, mask)]
    aggregator = aggregation.UPGrad(pref_vector=torch.ones(2)) if name == "upgrad" else aggregation.PCGrad()
    shared = torch.cat([g.flatten() for g in _of(found, model, "backbone")])
    torch.testing.assert_close(shared, aggregator(torch.stack(rows)), rtol=1e-3, atol=1e-4)


def test_losses_again_are_those_of_training_and_leave_no_trace(spec: dict[str, Any], make_batch: Batches) -> None:
    model = MultiTaskModel(spec).train()
    batch = make_batch(BOTH, BOXES, MASK)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    losses = model.losses_again(batch)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(loss.requires_grad for loss in losses.values())
    total, _ = model.loss(batch)
    torch.testing.assert_close(total.detach(), sum(losses.values()))
    changed = [name for name, value in model.state_dict().items() if not torch.equal(value, before[name])]
    assert any("running_mean" in name for name in changed)  # statistics are taken in again afterwards
