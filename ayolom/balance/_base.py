"""What every way of weighing losses is asked for."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import nn

from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch


@dataclass(frozen=True)
class Run:
    """What a balance must know of a training before it begins.

    Attributes:
        balance: Name of the balance, for messages.
        processes: Processes that train together.
        compiled: Whether the layers are compiled.
        float16: Whether gradients are computed in float16, behind a scaler.
    """

    balance: str
    processes: int = 1
    compiled: bool = False
    float16: bool = False


class Balance(nn.Module, ABC):
    """Makes one loss of the losses of several tasks. What it learns are parameters, trained and saved with the model.

    A task that is absent from the losses of a batch adds nothing, and its parameters receive no gradient (None, not 0),
    so that an optimizer with momentum or weight decay leaves them where they are.

    Attributes:
        weights: Weight of each task by name, as the user gave it.
        looks_back: Whether it wants the losses of the last batch again after a step (`look_back`).
    """

    looks_back: ClassVar[bool] = False

    def __init__(self, weights: Mapping[str, float]) -> None:
        """Take the user's weights.

        Args:
            weights: Weight >= 0 of each task by name; all tasks of the model.

        Raises:
            AyolomError: A weight is negative or not finite.
        """
        super().__init__()
        for name, weight in weights.items():
            if not (isinstance(weight, (int, float)) and math.isfinite(weight) and weight >= 0):
                raise AyolomError(f"task_weights: {name} must have a finite number, 0 or more (got {weight!r})")
        self.weights = {name: float(weight) for name, weight in weights.items()}

    @classmethod
    def check_run(cls, run: Run) -> None:
        """Raise before a training that this balance cannot be used in; every training by default.

        Raises:
            AyolomError: The message says why, and what to do.
        """

    @classmethod
    def _one_process(cls, run: Run, why: str) -> None:
        """Raise where several processes train together."""
        if run.processes > 1:
            raise AyolomError(f"balance={run.balance}: {why}; train on one device, or use balance=fixed")

    def forward(
        self, losses: Mapping[str, torch.Tensor], scale: float = 1.0, parameters: Sequence[torch.Tensor] = ()
    ) -> torch.Tensor:
        """Return the loss to minimise.

        Args:
            losses: Scalar loss by task name, summed over images as the base's criteria do; at least one task, not
                necessarily all.
            scale: Number of images that one loss of the batch is summed over.
            parameters: Parameters of the network that learn, for a balance that weighs gradients.

        Returns:
            Scalar, of the unit of the losses.

        Raises:
            ValueError: There is no loss, or one of an unknown task.
        """
        unknown = sorted(set(losses) - set(self.weights))
        if unknown or not losses:
            raise ValueError(f"losses must be of tasks {', '.join(self.weights)} (got {', '.join(unknown) or 'none'})")
        return self.combine(losses, scale)

    @abstractmethod
    def combine(self, losses: Mapping[str, torch.Tensor], scale: float) -> torch.Tensor:
        """Return the loss to minimise, from checked losses; see `forward`."""

    def look_back(self, losses: Mapping[str, torch.Tensor]) -> None:
        """Learn from the losses of the last batch as they are after the step, by task name, without a graph."""

    @abstractmethod
    def table(self) -> dict[str, float]:
        """Return by task name the factor that its loss is multiplied with at present, for logs."""
