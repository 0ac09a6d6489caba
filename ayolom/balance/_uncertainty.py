"""Losses weighed by an uncertainty that is learned for each task."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from ayolom.balance._base import Balance

if TYPE_CHECKING:
    from collections.abc import Mapping


class UncertaintyBalance(Balance):
    """Learned log-variances (Kendall et al. 2018, https://arxiv.org/abs/1705.07115).

    The form is

        sum_t w_t * (exp(-s_t) * L_t + N * s_t),    s_t = log(sigma_t^2), 0 at first,

    over the tasks present, with N images in the batch. The base's losses are sums over images, so the second term is
    too; it keeps exp(-s_t) from going to 0. For a steady loss the best s_t is log(L_t / N), the logarithm of the loss
    of one image: tasks of large and small losses are brought to one level. The user's weight w_t stands before both
    terms and still says what a task is worth; before the first alone, s_t would learn to cancel it. The paper has 1/2
    before s_t or before the loss, by kind of likelihood, which shifts s_t by a constant.

    The log-variances belong in an optimizer group without weight decay, which would pull the factors back to 1.

    Attributes:
        log_variances: Scalar parameter s_t by task name.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        """Start with every factor at the user's weight; the weights are those of `Balance`."""
        super().__init__(weights)
        self.log_variances = nn.ParameterDict({name: nn.Parameter(torch.zeros(())) for name in weights})

    def combine(self, losses: Mapping[str, torch.Tensor], scale: float) -> torch.Tensor:
        """Return the sum of the class's formula over the tasks present."""
        return torch.stack([self._one(name, loss, scale) for name, loss in losses.items()]).sum()

    def _one(self, name: str, loss: torch.Tensor, scale: float) -> torch.Tensor:
        """Return what one task adds."""
        log_variance = self.log_variances[name]
        return self.weights[name] * (torch.exp(-log_variance) * loss + scale * log_variance)

    def table(self) -> dict[str, float]:
        """Return w_t * exp(-s_t) by task name."""
        return {
            name: weight * float(torch.exp(-self.log_variances[name].detach().float()))
            for name, weight in self.weights.items()
        }
