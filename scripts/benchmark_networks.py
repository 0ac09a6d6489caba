"""The networks that the benchmarks compare, built from their YAMLs with random weights, in their form for inference."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import nn

BOXES, PARTS = 6, 20  # classes of the shipped model


def ours(tasks: dict[str, tuple[str, int]] | None = None, cfg: str = "aYOLOM26n.yaml") -> nn.Module:
    """Return a network of ours.

    Args:
        tasks: By name of a task, the block of `cfg` to copy for it and its number of classes; None takes the blocks as
            they are.
        cfg: A model YAML.
    """
    from ayolom.nn.model import MultiTaskModel
    from ayolom.nn.spec import load_spec

    spec = load_spec(cfg)
    if tasks:
        spec["tasks"] = {name: {**deepcopy(spec["tasks"][block]), "nc": nc} for name, (block, nc) in tasks.items()}
    torch.manual_seed(0)
    return settled(MultiTaskModel(spec))


def base_boxes() -> nn.Module:
    """Return the base's detection network."""
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    return settled(DetectionModel("yolo26n.yaml", nc=BOXES, verbose=False))


def base_masks() -> nn.Module:
    """Return the base's mask network."""
    from ultralytics.nn.tasks import SemanticSegmentationModel

    torch.manual_seed(0)
    return settled(SemanticSegmentationModel("yolo26n-sem.yaml", nc=PARTS, verbose=False))


def settled(network: nn.Module) -> nn.Module:
    """Return the network for inference with statistics of its normalisation taken from an image of soft blots.

    With those of a new network, maps fade to nothing on their way, and one class and one score would hold everywhere.
    """
    image = torch.nn.functional.interpolate(torch.rand(2, 3, 24, 40), scale_factor=16, mode="bilinear")
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(image)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    return network.eval()


def in_memory(network: nn.Module, channels_last: bool) -> nn.Module:
    """Return the network with its normalisation folded in and its weights in the given layout."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return network.fuse(verbose=False).to(memory_format=layout)


def as_published(network: nn.Module, channels_last: bool) -> nn.Module:
    """Return one of our networks with its normalisation folded in alone: joins stay as their authors run them."""
    from ultralytics.nn.tasks import BaseModel

    layout = torch.channels_last if channels_last else torch.contiguous_format
    return BaseModel.fuse(network, verbose=False).to(memory_format=layout)


def as_the_base_predicts(network: nn.Module) -> nn.Module:
    """Return the network inside the base's backend, which chooses its layout."""
    from ultralytics.nn.autobackend import AutoBackend

    return AutoBackend(model=network, device=torch.device("cpu"), fuse=True, verbose=False).eval()
