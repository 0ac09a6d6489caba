"""Losses weighed as the user says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ayolom.balance._base import Balance

if TYPE_CHECKING:
    from collections.abc import Mapping


class FixedBalance(Balance):
    """The weighted sum, sum_t w_t * L_t.

    With sound weights it is as good as far more involved methods (Kurin et al. 2022, https://arxiv.org/abs/2201.04122).
    """

    def combine(self, losses: Mapping[str, torch.Tensor], scale: float) -> torch.Tensor:
        """Return the weighted sum; `scale` has no part in it."""
        return torch.stack([self.weights[name] * loss for name, loss in losses.items()]).sum()

    def table(self) -> dict[str, float]:
        """Return the weights."""
        return dict(self.weights)
