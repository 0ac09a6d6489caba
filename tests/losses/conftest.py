"""Logits and class ids that all losses are tried on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

IGNORE = 255
Data = Callable[..., tuple[torch.Tensor, torch.Tensor]]


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def data() -> Data:
    """Make (2, C, 5, 6) logits and (2, 5, 6) ids, the first row of them without a label."""

    def make(classes: int = 4, ignored: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
        logits = torch.randn(2, classes, 5, 6, dtype=torch.float64, requires_grad=True)
        target = torch.randint(0, max(classes, 2), (2, 5, 6))
        if ignored:
            target[:, 0] = IGNORE
        return logits, target

    return make
