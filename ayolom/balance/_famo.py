"""Losses weighed so that all of them fall at one pace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ayolom.balance._base import Balance, Run

if TYPE_CHECKING:
    from collections.abc import Mapping

RATE, DECAY = 0.025, 1e-3  # of the shares, as in the paper
MOMENTS = (0.9, 0.999)  # of Adam
TINY = 1e-8


class FamoBalance(Balance):
    """Fast adaptive multitask optimization (Liu et al. 2023, https://arxiv.org/abs/2306.03792, algorithm 1).

    The gradient is

        K sum_t w_t * (c z_t / L_t) * grad L_t,    z = softmax(xi),    c = 1 / sum_t (z_t / L_t),

    over the K tasks with a label in the batch, w_t being the user's weight; without K and w_t it is the paper's, whose
    factors add up to 1 rather than to the number of tasks. After a step the losses of the same images are computed once
    more, and xi goes down for a task whose loss fell faster than the others', by Adam on

        delta_t = log L_t(before) - log L_t(after),    d xi_t = z_t (delta_t - sum_k z_k delta_k) + decay * xi_t.

    A task without a label in the batch keeps its share. The shares and their moments are saved with the model, which
    those of torchjd's class are not, so that a run goes on as it was.

    Attributes:
        logits: (K,) xi of all tasks, in the order of the weights.
        first, second: (K,) moments of Adam.
        steps: (K,) how often each has been moved.
    """

    looks_back = True
    logits: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor
    steps: torch.Tensor

    def __init__(self, weights: Mapping[str, float]) -> None:
        """Start with equal shares; the weights are those of `Balance`."""
        super().__init__(weights)
        self.order = {name: number for number, name in enumerate(weights)}
        self._before: dict[str, torch.Tensor] = {}
        for name in ("logits", "first", "second", "steps"):
            self.register_buffer(name, torch.zeros(len(weights)))

    @classmethod
    def check_run(cls, run: Run) -> None:
        """Raise where several processes train together: each would learn shares of its own.

        Raises:
            AyolomError: There are several processes.
        """
        cls._one_process(run, "each process would learn shares of its own")

    def combine(self, losses: Mapping[str, torch.Tensor], scale: float) -> torch.Tensor:
        """Return the weighted sum with the factors of the class's formula, and keep the losses in training."""
        if self.training and torch.is_grad_enabled():
            self._before = {name: loss.detach() for name, loss in losses.items()}
        known = torch.stack([loss.detach().float() for loss in losses.values()]) + TINY
        shares = self._shares(list(losses)) / known
        factors = len(losses) * shares / shares.sum()
        return torch.stack([self.weights[n] * f * losses[n] for n, f in zip(losses, factors, strict=True)]).sum()

    def look_back(self, losses: Mapping[str, torch.Tensor]) -> None:
        """Move the shares.

        Args:
            losses: Losses of the last batch, computed after the step.
        """
        both = [name for name in losses if name in self._before]
        if len(both) < 2:
            return
        with torch.no_grad():
            fell = torch.stack([torch.log(self._before[n] + TINY) - torch.log(losses[n] + TINY) for n in both]).float()
            shares = self._shares(both)
            slope = shares * (fell - (shares * fell).sum())
            if torch.isfinite(slope).all():
                self._move([self.order[name] for name in both], slope)
        self._before = {}

    def table(self) -> dict[str, float]:
        """Return by task name its weight times K z_t, the factor that it has where all losses are equal."""
        shares = len(self.weights) * self._shares(list(self.weights))
        return {name: weight * float(share) for (name, weight), share in zip(self.weights.items(), shares, strict=True)}

    def _shares(self, names: list[str]) -> torch.Tensor:
        """Return z of the given tasks, which sum to 1."""
        return self.logits[[self.order[name] for name in names]].softmax(0)

    def _move(self, numbers: list[int], slope: torch.Tensor) -> None:
        """Take a step of Adam on the logits of some tasks."""
        slope = slope + DECAY * self.logits[numbers]
        self.steps[numbers] += 1
        self.first[numbers] = MOMENTS[0] * self.first[numbers] + (1 - MOMENTS[0]) * slope
        self.second[numbers] = MOMENTS[1] * self.second[numbers] + (1 - MOMENTS[1]) * slope**2
        mean = self.first[numbers] / (1 - MOMENTS[0] ** self.steps[numbers])
        size = (self.second[numbers] / (1 - MOMENTS[1] ** self.steps[numbers])).sqrt()
        self.logits[numbers] -= RATE * mean / (size + TINY)
