"""torchvision's networks: built from scratch, the published ones, and the same after folding normalisation."""

from __future__ import annotations

import socket

import pytest
import torch
from torch import nn

from ayolom.compare.peers import PEERS, kind_of
from ayolom.compare.peers._masks import MaskNetwork
from ayolom.compare.peers._torchvision import loaded_version, torchvision
from ayolom.compare.peers._trainer import NETWORKS
from ayolom.errors import AyolomError
from ayolom.tasks.base import TaskSpec


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nothing may be fetched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)


def spec(kind: str, classes: int) -> TaskSpec:
    return TaskSpec("task", kind, {i: str(i) for i in range(classes)})


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", PEERS)
def test_is_the_published_network(name: str) -> None:
    """As many parameters as torchvision tells of its weights: for 90 classes and background, or for 21."""
    kind = kind_of(name)
    with torch.device("meta"):
        network = NETWORKS[kind](name, spec(kind, {"detect": 90, "semantic": 21}[kind]))
    published = torchvision().models.get_model_weights(name).DEFAULT.meta["num_params"]
    body = getattr(getattr(network.network, "backbone", None), "body", nn.Identity())
    norms = sum(parameters(layer) for layer in body.modules() if isinstance(layer, nn.BatchNorm2d))
    assert parameters(network) - published in {0, norms}  # trained weights of the first version froze them


def test_no_such_network() -> None:
    with pytest.raises(AyolomError, match="Did you mean 'deeplabv3_resnet50'"):
        kind_of("deeplabv3_resnet5")


def test_the_loaded_version_is_told() -> None:
    assert str(loaded_version()).startswith(torchvision().__version__)


@pytest.fixture(scope="module")
def masks() -> MaskNetwork:
    torch.manual_seed(0)
    network = MaskNetwork("deeplabv3_mobilenet_v3_large", spec("semantic", 3))
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.1, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    return network


def test_folding_changes_no_answer(masks: MaskNetwork) -> None:
    images = torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        before = masks.eval()(images)["task"]
        trained = parameters(masks)
        auxiliary = masks.network.aux_classifier
        fused = masks.fuse()
        after = fused(images)["task"]
    assert before.shape == (2, 3, 64, 96)
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in fused.modules())
    assert parameters(fused) < trained - parameters(auxiliary)


def test_operations_grow_with_the_area(masks: MaskNetwork) -> None:
    small, large = masks.eval().gflops(64), masks.gflops(128)
    assert 3.9 < large / small < 4.1


@pytest.mark.parametrize("images", [1, 2])
def test_a_batch_of_one_image_teaches_too(images: int) -> None:
    network = MaskNetwork("deeplabv3_mobilenet_v3_large", spec("semantic", 3)).train()
    labelled = [("task",)] * images + [()]
    masks = torch.randint(0, 3, (images + 1, 1, 64, 64))
    given = {"img": torch.rand(images + 1, 3, 64, 64), "semantic_mask": masks, "labelled": labelled}
    loss, items = network(given)
    loss.backward()
    assert set(items) == {"task/ce_loss", "task/dice_loss", "task/aux_loss", "task/lovasz_loss"}
    assert all(bool(parameter.grad.isfinite().all()) for parameter in network.parameters())
