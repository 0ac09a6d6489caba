"""A network of torchvision in the form that our trainer and validator ask of a network of several tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from ultralytics.utils import DEFAULT_CFG

from ayolom.balance import FixedBalance
from ayolom.compare.peers._catalogue import PEERS
from ayolom.compare.peers._fusing import fold_normalisation
from ayolom.compare.peers._torchvision import torchvision
from ayolom.config import make_settings
from ayolom.tasks import make_task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ayolom.tasks.base import Task, TaskSpec


class PeerNetwork(nn.Module, ABC):
    """One network for one task, answering by the task's name.

    The attributes are those of `nn.model.MultiTaskModel`, where they are explained; there is one layer, the network.
    It runs in float32 on a CPU, as the base's models do, whatever `compute_dtype` is.
    """

    end2end = False
    learning: frozenset[str] | None = None
    compute_dtype: torch.dtype | None = None

    def __init__(self, name: str, spec: TaskSpec) -> None:
        """Build the network with random weights.

        Args:
            name: One of `PEERS`.
            spec: The task.
        """
        super().__init__()
        self.yaml = {"torchvision": name, "task": spec.to_dict()}
        self.peer, self.task = PEERS[name], make_task(spec)
        network = self.build(name, spec.nc)
        network.block, network.users, network.nc = f"{spec.name}.head", frozenset({spec.name}), spec.nc  # type: ignore[assignment]
        self.model = nn.ModuleList([network])
        self.heads, self.tasks, self.names = {spec.name: 0}, {spec.name: self.task}, dict(spec.names)
        self.stride = torch.tensor([32.0])
        self.args: Any = copy(DEFAULT_CFG)
        self.settings = make_settings()
        self.class_weights: dict[str, torch.Tensor] = {}
        self.data_tasks: Sequence[Task] | None = None
        self.balance: nn.Module = FixedBalance({spec.name: 1.0})
        self.criterion: Any = None

    @abstractmethod
    def build(self, name: str, classes: int) -> nn.Module:
        """Return torchvision's network for so many classes."""

    @abstractmethod
    def loss(self, batch: dict[str, Any], preds: Any = None) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the loss of a batch, summed over its images as the base does, and its named parts."""

    @abstractmethod
    def answer(self, images: torch.Tensor) -> Any:
        """Return what the task's validator scores, for images (B, 3, H, W) in [0, 1]."""

    @abstractmethod
    def init_criterion(self) -> Any:
        """Return the loss for the present settings."""

    @property
    def network(self) -> Any:
        """The network as torchvision built it."""
        return self.model[0]

    def forward(self, x: Any, **_: Any) -> Any:
        """Return the loss of a batch, or for images the answer by the task's name."""
        return self.loss(x) if isinstance(x, dict) else {self.task.name: self.answer(x)}

    def gates(self) -> list[Any]:
        """Return no gates."""
        return []

    def gate_table(self) -> list[dict[str, Any]]:
        """Return no gates."""
        return []

    def set_head_attr(self, **_: Any) -> None:
        """Leave the number of boxes as it was built; the validator takes fewer where it is asked to."""

    def gflops(self, imgsz: int) -> float:
        """Return the billions of operations for one image of noise, the products of convolutions and layers.

        A multiplication and an addition are two, as the base counts.

        Args:
            imgsz: Side of the square image in pixels.
        """
        image = torch.rand(1, 3, imgsz, imgsz, generator=torch.Generator().manual_seed(0))
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            self(image)
        return counter.get_total_flops() / 1e9

    def fuse(self) -> PeerNetwork:
        """Bring the network into its form for inference, in place, and return it."""
        fold_normalisation(self.eval())
        return self


def builder(name: str) -> Any:
    """Return torchvision's function that builds a network."""
    return getattr(getattr(torchvision().models, PEERS[name].module), name)


def arguments(name: str) -> dict[str, Any]:
    """Return what it is given besides the number of classes: no weights, so that nothing is fetched."""
    return {"weights": None, "weights_backbone": None, "progress": False, **PEERS[name].arguments}
