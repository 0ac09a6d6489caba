"""Losses whose gradients are weighed where they meet, so that one task does not undo another's step."""

from __future__ import annotations

from abc import abstractmethod
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch

from ayolom.balance._fixed import FixedBalance
from ayolom.errors import AyolomError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ayolom.balance._base import Run


class GradientBalance(FixedBalance):
    """Weighs the tasks' gradients over what they share; what one task has for itself takes that task's own gradient.

    With J the Jacobian of the weighted losses of a batch, a row for each task and a column for each parameter that more
    than one of the losses reaches, the shared parameters receive J^T v, where v follows from J J^T. The method is that
    of `torchjd.mtl_backward`, and v is by torchjd's weightings (Quinton and Rey 2024, https://arxiv.org/abs/2406.16232).

    The loss that is returned has the value of the weighted sum, and its `backward` hands out the gradients found, times
    what comes from above: they add up over batches before a step, and a scaler's factor reaches them. Each batch has a
    Jacobian of its own. A batch with labels of one task has nothing to weigh and gives the plain gradient.

    One backward pass through the shared layers is needed for each task. Several processes would each weigh a Jacobian
    of their own images, and the mean of what they find can still undo a task's step; compiled layers give their graph
    away after one pass; and gradients in float16 are too small before a scaler has enlarged the loss: all refused.
    """

    @classmethod
    def check_run(cls, run: Run) -> None:
        """Raise where the gradients of a run cannot be weighed.

        Raises:
            AyolomError: There are several processes, compiled layers, float16 gradients, or a package is missing.
        """
        super().check_run(run)
        for hinders, why in (
            (run.processes > 1, "each process would weigh the gradients of its own images; train on one device"),
            (run.compiled, "compiled layers allow one backward pass only; set compile=False"),
            (run.float16, "gradients in float16 are too small to be weighed; set amp=bf16 or amp=False"),
            (find_spec("torchjd") is None, 'the package torchjd is missing; pip install "ayolom[mtl]"'),
        ):
            if hinders:
                raise AyolomError(f"balance={run.balance}: {why}, or use balance=fixed")

    def forward(
        self, losses: Mapping[str, torch.Tensor], scale: float = 1.0, parameters: Sequence[torch.Tensor] = ()
    ) -> torch.Tensor:
        """Return the weighted sum, whose gradient is weighed in training; see `Balance.forward`."""
        total = super().forward(losses, scale)
        weighted = [self.weights[name] * loss for name, loss in losses.items() if self.weights[name]]
        if not (self.training and torch.is_grad_enabled() and len(weighted) > 1 and parameters):
            return total
        with torch.autocast(total.device.type, enabled=False):
            gradients = joined_gradients(weighted, parameters, self.weigh)
        found = [(p, gradient) for p, gradient in zip(parameters, gradients, strict=True) if gradient is not None]
        return _Given.apply(total.detach(), [gradient for _, gradient in found], *(p for p, _ in found))

    @abstractmethod
    def weigh(self, gramian: torch.Tensor) -> torch.Tensor:
        """Return (K,) factors of K gradients from their products (K, K)."""


class UPGradBalance(GradientBalance):
    """UPGrad (Quinton and Rey 2024, https://arxiv.org/abs/2406.16232, section 3).

    Each task's gradient is projected onto the directions in which no loss rises, and the projections are added up.
    Gradients that do not conflict give the weighted sum.
    """

    def weigh(self, gramian: torch.Tensor) -> torch.Tensor:
        """Return the factors by torchjd."""
        from torchjd.aggregation import UPGradWeighting

        try:
            return UPGradWeighting(pref_vector=gramian.new_ones(len(gramian)))(gramian)
        except ImportError:
            raise AyolomError(
                'balance=upgrad: the packages quadprog and qpsolvers are missing; pip install "ayolom[mtl]"'
            ) from None


class PCGradBalance(GradientBalance):
    """PCGrad (Yu et al. 2020, https://arxiv.org/abs/2001.06782, algorithm 1).

    From each task's gradient that part is taken out which points against another task's, in random order of the others,
    and the results are added up.
    """

    def weigh(self, gramian: torch.Tensor) -> torch.Tensor:
        """Return the factors by torchjd."""
        from torchjd.aggregation import PCGradWeighting

        return PCGradWeighting()(gramian)


def joined_gradients(
    losses: Sequence[torch.Tensor],
    parameters: Sequence[torch.Tensor],
    weigh: Callable[[torch.Tensor], torch.Tensor],
) -> list[torch.Tensor | None]:
    """Return for each parameter its gradient: weighed where more than one loss reaches it, else that loss's own.

    Args:
        losses: K scalars; their graph is used up.
        parameters: Leaves that require a gradient.
        weigh: From the products (K, K) of the losses' gradients over the shared parameters to K factors.

    Returns:
        A gradient of each parameter's shape, None where no loss reaches it. Where a product is not finite, all factors
        are 1, so that the trainer meets with the plain gradient what it knows how to handle.
    """
    last = len(losses) - 1
    rows = [
        torch.autograd.grad(loss, parameters, retain_graph=number < last, allow_unused=True)
        for number, loss in enumerate(losses)
    ]
    columns = list(zip(*rows, strict=True))
    gramian = _products([column for column in columns if _is_shared(column)], len(losses))
    factors = weigh(gramian) if torch.isfinite(gramian).all() and gramian.any() else gramian.new_ones(len(losses))
    return [_joined(column, factors) for column in columns]


def _is_shared(column: Sequence[torch.Tensor | None]) -> bool:
    """Return whether more than one loss reaches a parameter."""
    return sum(gradient is not None for gradient in column) > 1


def _products(columns: Sequence[Sequence[torch.Tensor | None]], tasks: int) -> torch.Tensor:
    """Return (K, K) the products of K gradients, parameter by parameter: the whole Jacobian is never joined."""
    total = torch.zeros(tasks, tasks)
    for column in columns:
        known = next(gradient for gradient in column if gradient is not None)
        rows = torch.stack([(known.new_zeros(()).expand_as(known) if g is None else g).flatten() for g in column])
        total = total.to(rows) + rows @ rows.T
    return total


def _joined(column: Sequence[torch.Tensor | None], factors: torch.Tensor) -> torch.Tensor | None:
    """Return the gradient of one parameter."""
    if _is_shared(column):
        return torch.stack([f * g for f, g in zip(factors, column, strict=True) if g is not None]).sum(0)
    return next((gradient for gradient in column if gradient is not None), None)


class _Given(torch.autograd.Function):
    """A value whose gradients are known beforehand."""

    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, gradients: list[torch.Tensor], *_: torch.Tensor) -> torch.Tensor:
        """Return the value, and keep the gradient of each parameter that follows."""
        ctx.gradients = gradients
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *above: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients, times what comes from above."""
        return (None, None, *(gradient * above[0] for gradient in ctx.gradients))
