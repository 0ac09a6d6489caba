"""Training in stages: how they are written, what they freeze, and that a resumed run is in the right one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ayolom import YOLO, AyolomError
from ayolom.engine.stages import Stage, Staging, enter, learning_layers, read_stages, stage_at
from ayolom.nn.model import MultiTaskModel


@pytest.fixture
def model() -> MultiTaskModel:
    return MultiTaskModel("aYOLOM26n.yaml")


def learning_blocks(model: MultiTaskModel) -> set[str]:
    layers = enumerate(model.model)
    return {str(layer.block) for _, layer in layers if any(p.requires_grad for p in layer.parameters())}


def test_every_form_is_read() -> None:
    stages = read_stages({10: "parts", 0: ["backbone", "damage"], "20": "all", 5: "damage.head, parts"})
    assert stages == [
        Stage(0, ("backbone", "damage")),
        Stage(5, ("damage.head", "parts")),
        Stage(10, ("parts",)),
        Stage(20),
    ]
    assert [str(stage_at(stages, epoch)) for epoch in (0, 9, 10, 19, 20, 99)] == [
        "backbone, damage",
        "damage.head, parts",
        "parts",
        "parts",
        "all parts",
        "all parts",
    ]
    assert stage_at(read_stages({3: "parts"}), 2) == Stage(0)  # before the first all learn


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({-1: "parts"}, "stages: -1: must be a whole number of epochs from 0", id="negative"),
        pytest.param({0.5: "parts"}, "stages: 0.5: must be a whole number", id="half an epoch"),
        pytest.param({"first": "parts"}, "stages: first: must be a whole number", id="a word"),
        pytest.param({0: []}, "stages: 0: names no part", id="nothing"),
        pytest.param({0: None}, "stages: 0: names no part", id="none"),
        pytest.param({1: "parts", "1": "all"}, "stages: epoch 1 stands there twice", id="twice"),
    ],
)
def test_wrong_forms_are_refused(given: dict, message: str) -> None:
    with pytest.raises(AyolomError, match=message):
        read_stages(given)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        pytest.param(("backbone",), "backbone has no loss of its own; name a task with it", id="no task"),
        pytest.param(("part",), "no such block. Did you mean 'parts'", id="unknown"),
    ],
)
def test_stages_that_do_not_fit_the_network_are_refused(model: MultiTaskModel, names: tuple, message: str) -> None:
    with pytest.raises(AyolomError, match=f"stages: 0.*{message}"):
        learning_layers(model, Stage(0, names))


def test_stages_freeze_and_thaw(model: MultiTaskModel) -> None:
    everything = learning_blocks(model)
    model.model[0].requires_grad_(False)  # as the base does for `freeze`
    frozen = enter(model, Stage(0, ("backbone", "damage")), ["model.0."])
    assert learning_blocks(model) == {"backbone", "damage.neck", "damage.head"}
    assert model.learning == {"damage"}
    assert not any(p.requires_grad for p in model.model[0].parameters())  # frozen for good
    assert {str(model.model[int(name.split(".")[1])].block) for name in frozen} == {"parts.neck", "parts.head"}
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    enter(model, Stage(1, ("parts.head",)), ["model.0."])
    assert learning_blocks(model) == {"parts.head"}
    assert model.learning == {"parts"}
    assert all((p.grad is not None) == p.requires_grad for n, p in model.named_parameters() if "model.0." not in n)
    assert enter(model, Stage(2), ["model.0."]) == []
    assert model.learning is None
    assert learning_blocks(model) == everything
    assert not any(p.requires_grad for p in model.model[0].parameters())


def test_several_processes_are_refused() -> None:
    Staging({}, 10, processes=2)
    with pytest.raises(AyolomError, match="train on one device"):
        Staging({5: "parts"}, 10, processes=2)


def test_each_stage_moves_its_parts_alone_and_a_run_goes_on_in_it(
    small_data: Path, tmp_path: Path, small: dict
) -> None:
    """Epochs 1, 2 and 3: backbone and damage, parts, all; cut off after the first and gone on with."""
    moved: dict[int, set[str]] = {}
    losses: dict[int, dict[str, float]] = {}
    before: dict[str, torch.Tensor] = {}

    def start(trainer: object) -> None:
        before.update({k: v.clone() for k, v in trainer.model.state_dict().items() if "num_batches" not in k})

    def end(trainer: object) -> None:
        layers, state = trainer.model.model, trainer.model.state_dict()
        changed = {
            int(k.split(".")[1]) for k, v in before.items() if k[:6] == "model." and not torch.equal(v, state[k])
        }
        moved[trainer.epoch] = {str(layers[i].block).split(".")[0] for i in changed}
        losses[trainer.epoch] = {k: float(v) for k, v in trainer.tloss.items()}

    def stop(trainer: object) -> None:
        if trainer.epoch == 0:
            raise KeyboardInterrupt

    def run(model: YOLO, **settings: object) -> None:
        model.add_callback("on_train_epoch_start", start)
        model.add_callback("on_train_epoch_end", end)
        model.train(**settings)

    first = YOLO("aYOLOM26n.yaml")
    first.add_callback("on_fit_epoch_end", stop)
    stages = {0: ["backbone", "damage"], 1: "parts", 2: "all"}
    with pytest.raises(KeyboardInterrupt):
        run(first, data=str(small_data), epochs=3, project=str(tmp_path), name="r", val=False, stages=stages, **small)
    run(YOLO(tmp_path / "r" / "weights" / "last.pt"), resume=True)
    assert moved == {0: {"backbone", "damage"}, 1: {"parts"}, 2: {"backbone", "damage", "parts"}}
    assert losses[0]["parts/ce_loss"] == losses[1]["damage/box_loss"] == 0.0
    assert min(losses[0]["damage/box_loss"], losses[1]["parts/ce_loss"], *losses[2].values()) >= 0.0
    assert losses[2]["damage/box_loss"] > 0 < losses[2]["parts/ce_loss"]
