"""Losses weighed by how slowly each task learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import distributed

from ayolom.balance._base import Balance, Run
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPERATURE = 2.0  # as in the paper; higher brings the factors closer together


class DynamicBalance(Balance):
    """Dynamic weight average (Liu, Johns and Davison 2019, https://arxiv.org/abs/1803.10704, section 3.2).

    In epoch e the loss of task t is multiplied with its weight and

        K exp(r_t / T) / sum_k exp(r_k / T),    r_t = L_t(e - 1) / L_t(e - 2),

    with K tasks and L_t(e) the loss of epoch e by image: a task whose loss no longer falls weighs more. In
    the first two epochs, and for a task without loss in one of them, r_t is 1.

    An epoch begins where the network is put into training mode, as the base's trainer does at each; losses are summed
    up in between. All of it is saved with the model, so that a run that goes on has the same factors. Several processes
    would each reckon with their own share of the images and drift apart, so that is refused.

    Attributes:
        factors: (K,) factor of each task, in the order of the weights.
        latest: (K,) loss of the last epoch by image, 0 where there is none.
        totals: (K,) sum of the losses of the present epoch.
        images: (K,) images of the present epoch, also those without a label of the task: how many of those are in a
            batch with one that has a label is chance, and would move the mean.
    """

    factors: torch.Tensor
    latest: torch.Tensor
    totals: torch.Tensor
    images: torch.Tensor

    def __init__(self, weights: Mapping[str, float]) -> None:
        """Start with every factor at 1; the weights are those of `Balance`."""
        super().__init__(weights)
        self.order = {name: number for number, name in enumerate(weights)}
        self.register_buffer("factors", torch.ones(len(weights)))
        for name in ("latest", "totals", "images"):
            self.register_buffer(name, torch.zeros(len(weights)))

    def train(self, mode: bool = True) -> DynamicBalance:
        """Set the mode; losses of an epoch that is over become factors for the next."""
        super().train(mode)
        if mode and bool(self.images.any()):
            self._turn()
        return self

    @classmethod
    def check_run(cls, run: Run) -> None:
        """Raise where several processes train together.

        Raises:
            AyolomError: There are several processes.
        """
        cls._one_process(run, "needs all images in one process")

    def combine(self, losses: Mapping[str, torch.Tensor], scale: float) -> torch.Tensor:
        """Return the weighted sum over the tasks present, and note their losses in training.

        Raises:
            AyolomError: Several processes train together.
        """
        if self.training:
            self._note(losses, scale)
        # float() of the factors would wait for a GPU
        return torch.stack(
            [self.weights[name] * self.factors[self.order[name]] * losses[name] for name in losses]
        ).sum()

    def table(self) -> dict[str, float]:
        """Return weight times factor by task name."""
        return {name: self.weights[name] * float(self.factors[number]) for name, number in self.order.items()}

    def _note(self, losses: Mapping[str, torch.Tensor], scale: float) -> None:
        """Add the losses of a batch to those of the epoch; what is no number is left out, as AMP skips such a step."""
        if distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1:
            raise AyolomError("balance=dwa: needs all images in one process; train on one device, or use balance=fixed")
        with torch.no_grad():
            self.images += scale
            for name, loss in losses.items():
                number = self.order[name]
                finite = torch.isfinite(loss)
                self.totals[number] += torch.where(finite, loss.detach(), 0.0)
                self.images[number] -= scale * ~finite

    def _turn(self) -> None:
        """Work out the factors of the epoch that begins."""
        with torch.no_grad():
            seen = self.totals > 0
            mean = torch.where(seen, self.totals / self.images.clamp(min=1e-9), self.latest)
            ratio = torch.where(seen & (self.latest > 0), mean / self.latest.clamp(min=1e-9), torch.ones_like(mean))
            self.factors.copy_(len(ratio) * torch.softmax(ratio / TEMPERATURE, 0))
            self.latest.copy_(mean)
            self.totals.zero_()
            self.images.zero_()
